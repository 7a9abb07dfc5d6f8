// One lock for all threads of the process: a word that names its holder. Critical sections are a few microseconds.
// A holder that died leaves it locked until the main thread seizes it, so no thread but that one may wait for ever.
// Called by: shared quotas and reservations. Allocates: nothing.

/** Looks at a held lock before the thread sleeps. */
const SPINS = 100;

/** A holder wakes one sleeper; this is for the one it could not. */
const WAIT_MS = 1;

/** How often the main thread looks before it gives up: whoever holds the lock for so long has died as well. */
const SEIZE_ATTEMPTS = 100;

export class SharedLock {
  readonly #word: Int32Array;
  readonly #self: number;

  /** @param self 0 or more, one for each thread */
  constructor(memory: SharedArrayBuffer, self: number) {
    this.#word = new Int32Array(memory);
    this.#self = self + 1;
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(4);
  }

  /** Runs `act` while no other thread is inside. It must not nest. */
  hold<T>(act: () => T): T {
    while (!this.#attempt());
    try {
      return act();
    } finally {
      this.release();
    }
  }

  /**
   * For the main thread: takes the lock, from a dead holder too. False when another thread has held it all the time,
   * which has then died as well.
   */
  seize(dead: number): boolean {
    for (let n = 0; n < SEIZE_ATTEMPTS; n++) {
      const held = Atomics.compareExchange(this.#word, 0, dead + 1, this.#self);
      if (held === dead + 1 || this.#attempt()) return true;
    }
    return false;
  }

  release(): void {
    Atomics.compareExchange(this.#word, 0, this.#self, 0);
    Atomics.notify(this.#word, 0, 1);
  }

  #attempt(): boolean {
    let holder = 0;
    for (let n = 0; n < SPINS; n++) {
      holder = Atomics.compareExchange(this.#word, 0, 0, this.#self);
      if (holder === 0) return true;
    }
    Atomics.wait(this.#word, 0, holder, WAIT_MS);
    return false;
  }
}
