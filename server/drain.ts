// Draining: nobody new is taken, neither participants and rooms nor TURN allocations, and those who are here finish.
// Called by: the API, and the serve command before it closes the server.

import type { DrainStatus } from '../gateway/routes/operate.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import type { SignalingServer } from '../signaling/index.ts';
import { nameOfActor } from './audit/audit.ts';
import type { Actor, Audit } from './audit/audit.ts';

/** How often it is looked whether somebody is left. */
const LOOK_EVERY_MS = 250;

/** What drains besides signaling. */
export interface DrainingMedia {
  /** At the moment, over all workers. */
  readonly held: { readonly allocations: number };
  /** Refuses new allocations, or takes them again. */
  drain(on: boolean): void;
}

export class Drain {
  readonly #signaling: Pick<SignalingServer, 'admit' | 'rooms'>;
  readonly #media: DrainingMedia;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #audit: Audit;
  #on = false;

  constructor(
    signaling: Pick<SignalingServer, 'admit' | 'rooms'>,
    media: DrainingMedia,
    clock: Clock,
    log: Logger,
    audit: Audit,
  ) {
    this.#signaling = signaling;
    this.#media = media;
    this.#clock = clock;
    this.#log = log;
    this.#audit = audit;
  }

  get on(): boolean {
    return this.#on;
  }

  get status(): DrainStatus {
    const { participants } = this.#signaling.rooms;
    return { draining: this.#on, participants, allocations: this.#media.held.allocations };
  }

  set(on: boolean, by: Actor): DrainStatus {
    if (on !== this.#on) {
      this.#on = on;
      this.#signaling.admit(!on);
      this.#media.drain(on);
      this.#log.info('server.drain', { ...this.status, by: nameOfActor(by) });
      this.#audit.record(by, 'server.drain', { on }, 'ok');
    }
    return this.status;
  }

  /** Resolves when nobody is left, or the time is over. */
  async empty(timeoutMs: number): Promise<void> {
    const began = this.#clock.monotonic();
    const until = began + timeoutMs;
    let { participants, allocations } = this.status;
    while (participants + allocations > 0 && this.#clock.monotonic() < until) {
      const waitMs = Math.min(LOOK_EVERY_MS, until - this.#clock.monotonic());
      // oxlint-disable-next-line no-await-in-loop -- waits
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      ({ participants, allocations } = this.status);
    }
    const ms = Math.round(this.#clock.monotonic() - began);
    this.#log.info('server.drained', { participants, allocations, ms });
  }
}
