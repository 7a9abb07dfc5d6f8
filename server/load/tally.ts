// What all members of a load count together. Owned by load.ts.

import { Latencies } from './latencies.ts';

export class Tally {
  sentPackets = 0;
  sentBytes = 0;
  /** A publisher had no connection for it. */
  dropped = 0;
  receivedPackets = 0;
  receivedBytes = 0;
  reconnects = 0;
  latencies = new Latencies();
  latencyMaxMs = 0;

  received(bytes: number, latencyMs: number): void {
    this.receivedPackets += 1;
    this.receivedBytes += bytes;
    if (Number.isNaN(latencyMs)) return;
    this.latencies.note(latencyMs);
    if (latencyMs > this.latencyMaxMs) this.latencyMaxMs = latencyMs;
  }

  restartLatencies(): void {
    this.latencies = new Latencies();
    this.latencyMaxMs = 0;
  }
}
