// Loads under way, one for each key: who asks for what is being loaded waits with the others. Bounded in number, in
// waiters and in time.
// Called by: the tiered cache.

import { SternaError } from '../errors.ts';

export interface LoadLimits {
  /** Loads at the same time, those included that nobody waits for any more. */
  readonly loadsMax: number;
  /** Callers that wait for loads at the same time. */
  readonly waitersMax: number;
  /** How long anybody waits. A load that takes longer goes on, and counts until it ends. */
  readonly timeoutMs: number;
}

export interface LoadStats {
  /** Begun, by those who asked first. */
  readonly loads: number;
  readonly failed: number;
  /** Callers who waited for what another had asked for. */
  readonly coalesced: number;
  /** Callers who were told that there are too many. */
  readonly refused: number;
  readonly timedOut: number;
  readonly underWay: number;
  readonly waiting: number;
}

interface Load<V> {
  readonly generation: number;
  readonly promise: Promise<V>;
}

export class Loads<V> {
  readonly #limits: LoadLimits;
  readonly #byKey = new Map<string, Load<V>>();
  #underWay = 0;
  #waiting = 0;
  #loads = 0;
  #failed = 0;
  #coalesced = 0;
  #refused = 0;
  #timedOut = 0;

  constructor(limits: LoadLimits) {
    this.#limits = limits;
  }

  /**
   * What `load` brings, or what another load of the same key and generation does: what was asked for before the key was
   * invalidated must not answer who asks afterwards.
   * @throws SternaError `CACHE_OVERLOADED` or `CACHE_TIMEOUT`, as a rejection; and whatever `load` does
   */
  run(key: string, generation: number, load: () => Promise<V>): Promise<V> {
    if (this.#waiting >= this.#limits.waitersMax) return this.#refuse();
    const present = this.#byKey.get(key);
    if (present?.generation === generation) {
      this.#coalesced++;
      return this.#wait(present.promise);
    }
    if (this.#underWay >= this.#limits.loadsMax) return this.#refuse();
    const promise = this.#begin(key, load);
    this.#byKey.set(key, { generation, promise });
    return this.#wait(promise);
  }

  /** Whether that generation of the key is being loaded. */
  has(key: string, generation: number): boolean {
    return this.#byKey.get(key)?.generation === generation;
  }

  stats(): LoadStats {
    return {
      loads: this.#loads,
      failed: this.#failed,
      coalesced: this.#coalesced,
      refused: this.#refused,
      timedOut: this.#timedOut,
      underWay: this.#underWay,
      waiting: this.#waiting,
    };
  }

  #begin(key: string, load: () => Promise<V>): Promise<V> {
    this.#loads++;
    this.#underWay++;
    const { timeoutMs } = this.#limits;
    const promise = new Promise<V>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        if (this.#byKey.get(key)?.promise === promise) this.#byKey.delete(key);
      };
      const timer = setTimeout(() => {
        this.#timedOut++;
        end();
        reject(new SternaError('CACHE_TIMEOUT', `not loaded within ${timeoutMs} ms`));
      }, timeoutMs).unref();
      load()
        .finally(() => {
          this.#underWay--;
          end();
        })
        .then(resolve, (error: unknown) => {
          this.#failed++;
          reject(error);
        });
    });
    return promise;
  }

  async #wait(promise: Promise<V>): Promise<V> {
    this.#waiting++;
    try {
      return await promise;
    } finally {
      this.#waiting--;
    }
  }

  #refuse(): Promise<V> {
    this.#refused++;
    return Promise.reject(new SternaError('CACHE_OVERLOADED', 'too much is being loaded'));
  }
}
