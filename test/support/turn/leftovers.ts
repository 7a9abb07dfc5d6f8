// What servers owe to the commons once they are closed: every unit of the quota and every port, given back once.

import type { TurnOptions } from '../../../turn/index.ts';

export class Leftovers {
  readonly #options: TurnOptions;
  readonly #free: readonly number[];

  /** To be made before anything is taken. */
  constructor(options: TurnOptions) {
    this.#options = options;
    this.#free = this.#freePorts();
  }

  /** Throws if something was not given back, or more than was taken. */
  check(): void {
    const { allocations, reservations, users } = this.#options.commons.stats();
    const lost = this.#freePorts().map((free, host) => this.#free[host]! - free);
    if ([allocations, reservations, users, ...lost].every((n) => n === 0)) return;
    const held = JSON.stringify({ allocations, reservations, users });
    throw new Error(`left in the commons: ${held}, ports ${lost.join(' ')}`);
  }

  #freePorts(): number[] {
    const { relays, commons } = this.#options;
    return relays.map((_, host) => commons.ports.free(host));
  }
}
