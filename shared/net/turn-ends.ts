// The owners that asked to be called at the end of this turn of an engine, each once.
// Called by both engines. Allocates: nothing, once there were as many in a turn as there are now.

import type { SocketOwner } from './engine.ts';

export class TurnEnds {
  /** Owners are few: a worker has one for each of its protocols. */
  #asked: (SocketOwner | undefined)[] = [];
  #count = 0;
  #called: (SocketOwner | undefined)[] = [];

  /** Whether somebody is to be called. */
  get pending(): boolean {
    return this.#count > 0;
  }

  ask(owner: SocketOwner): void {
    for (let i = 0; i < this.#count; i++) if (this.#asked[i] === owner) return;
    this.#asked[this.#count++] = owner;
  }

  /** Calls all of them; who asks meanwhile is called the next time. */
  call(now: number, onFault: (error: unknown) => void): void {
    const owners = this.#asked;
    const count = this.#count;
    this.#asked = this.#called;
    this.#called = owners;
    this.#count = 0;
    for (let i = 0; i < count; i++) {
      const owner = owners[i];
      owners[i] = undefined;
      try {
        owner?.onTurnEnd?.(now);
      } catch (error) {
        onFault(error);
      }
    }
  }
}
