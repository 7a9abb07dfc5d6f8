// The bad network that somebody has asked for a participant: kept for as long as it is to last, so that a transport
// which begins meanwhile has it as well. Called by: RoomMedia, its owner; NegotiatedTransport, when it begins or
// restarts ICE.

import type { ImpairOrder } from '../sfu/control.ts';
import type { Clock } from '../shared/clock.ts';

interface Standing {
  readonly order: ImpairOrder;
  /** Monotonic. */
  readonly until: number;
}

export class SimulatedNetwork {
  readonly #clock: Clock;
  #conditions: Standing | undefined = undefined;
  #passes: Standing | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As the media worker takes it: both directions together, and the paths. */
  take(order: ImpairOrder): void {
    const { up, down, passes, seed, ms } = order;
    const until = this.#clock.monotonic() + ms;
    if (up !== undefined) this.#conditions = { order: { up, down, seed, ms }, until };
    if (passes !== undefined) this.#passes = { order: { passes, seed, ms }, until };
  }

  /** Where nothing passed before the restart, everything does. */
  restarted(): void {
    if (this.#passes?.order.passes === 'nothing') this.#passes = undefined;
  }

  /** What a transport that begins now is to have, and for how long. */
  standing(): ImpairOrder[] {
    this.restarted();
    const now = this.#clock.monotonic();
    return [this.#conditions, this.#passes].flatMap((one): ImpairOrder[] =>
      one === undefined || one.until <= now ? [] : [{ ...one.order, ms: one.until - now }],
    );
  }
}
