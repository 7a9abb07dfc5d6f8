// What listeners fail to accept, in the log: one line at first, then one a minute with how many there were. A lack
// of descriptors, where libuv tells of it, is one for each connection that comes.
// Called by: IceTcp, TurnStreamsHost, TcpRelaysHost. Time is monotonic milliseconds.

import type { Server } from 'node:net';
import { systemClock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';

const EVERY_MS = 60_000;

export class AcceptErrors {
  readonly #log: Logger;
  readonly #event: string;
  readonly #now: () => number;
  #count = 0;
  #nextAt = -Infinity;

  constructor(log: Logger, event: string, now: () => number = () => systemClock.monotonic()) {
    this.#log = log;
    this.#event = event;
    this.#now = now;
  }

  /** Logs those of that listener, which is open; together with those of the others. */
  watch(server: Server): void {
    server.on('error', (error) => this.#add(error));
  }

  /** The line says how many there have been since the last one, itself among them. */
  #add(error: Error): void {
    this.#count++;
    const now = this.#now();
    if (now < this.#nextAt) return;
    this.#log.error(this.#event, { err: error, count: this.#count });
    this.#count = 0;
    this.#nextAt = now + EVERY_MS;
  }
}
