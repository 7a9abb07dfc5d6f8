// What all rooms of a worker count. Called by: everything here. Allocates: nothing but when it is made.

import { ROUTER_DROP_REASONS } from './drop-reason.ts';

export class RouterCounters {
  packetsIn = 0;
  bytesIn = 0;
  packetsOut = 0;
  bytesOut = 0;
  /** Packets that subscribers asked for, and that publishers were asked for. */
  nacksIn = 0;
  nacksOut = 0;
  /** Packets that were sent again. */
  resent = 0;
  /** PLI and FIR that subscribers sent, and that publishers were sent. */
  keyFrameRequestsIn = 0;
  keyFrameRequestsOut = 0;
  /** Packets to other workers of the process and from them, and records for which there was no room. */
  pipedOut = 0;
  pipedIn = 0;
  pipeDropped = 0;
  /** Packets of microphones that were held back from all who did not pin them, since others are louder. */
  quietPackets = 0;
  /** Packets that were given redundancy here. */
  redundantPackets = 0;
  /** By reason, as in drop-reason.ts. */
  readonly drops = new Float64Array(ROUTER_DROP_REASONS.length);

  drop(reason: number): void {
    this.drops[reason]!++;
  }
}
