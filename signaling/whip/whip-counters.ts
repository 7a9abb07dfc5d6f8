// What the WHIP and WHEP endpoints count, for the metrics. Called by: whip-endpoint.ts.

import { WHIP_STATUSES } from './whip-refusal.ts';
import type { WhipProtocol } from './one-way-offer.ts';

type PerProtocol = Record<WhipProtocol, number>;

export interface WhipStats {
  /** That are open. */
  readonly sessions: Readonly<PerProtocol>;
  readonly opened: Readonly<PerProtocol>;
  readonly iceRestarts: number;
  /** By HTTP status, all that there are. */
  readonly refusals: Readonly<Record<string, number>>;
}

export class WhipCounters {
  iceRestarts = 0;
  readonly #opened: PerProtocol = { whip: 0, whep: 0 };
  readonly #refusals = new Map<number, number>(WHIP_STATUSES.map((status) => [status, 0]));

  opened(protocol: WhipProtocol): void {
    this.#opened[protocol]++;
  }

  refused(status: number): void {
    this.#refusals.set(status, (this.#refusals.get(status) ?? 0) + 1);
  }

  stats(open: Iterable<{ readonly protocol: WhipProtocol }>): WhipStats {
    const sessions = { whip: 0, whep: 0 };
    for (const { protocol } of open) sessions[protocol]++;
    return {
      sessions,
      opened: { ...this.#opened },
      iceRestarts: this.iceRestarts,
      refusals: Object.fromEntries(this.#refusals),
    };
  }
}
