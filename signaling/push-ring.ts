// The last pushes of a session, for replay after its WebSocket was lost; bodies are shared with others.
// Called by: session.ts. Bounded in count and in bytes: the oldest pushes fall out.

const NOTHING = Buffer.alloc(0);

/** Pushes have consecutive sequence numbers, so only the bodies are kept. */
export class PushRing {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #bodies: Buffer[] = [];
  #first = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#bodies.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(body: Buffer): void {
    this.#bodies.push(body);
    this.#bytes += body.length;
    while (this.#bytes > this.#bytesMax || this.count > this.#messagesMax) {
      this.#bytes -= this.#bodies[this.#first]!.length;
      this.#bodies[this.#first++] = NOTHING;
    }
    // The dead half is cut off at once, so that a push costs O(1) on average.
    if (this.#first > 64 && this.#first * 2 > this.#bodies.length) {
      this.#bodies = this.#bodies.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The newest `count` bodies, oldest first; null when the ring no longer holds so many. */
  newest(count: number): readonly Buffer[] | null {
    if (count > this.count) return null;
    return count === 0 ? [] : this.#bodies.slice(-count);
  }
}
