// What a server is told to listen at, and what became of it.

import type { OpenFailure } from '../shared/net/engine.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';

/** Where to listen. */
export interface ListenAt {
  readonly address: TransportAddress;
  /** Of `::`: serves IPv4 as well. What was opened by somebody else does or does not. */
  readonly dualStack?: boolean;
  /** A parked socket that somebody else opened there, and closes; without it one is opened. */
  readonly socket?: number | undefined;
}

/** One listener's start: where it listens, or why it does not. */
export interface ListenResult {
  readonly address: TransportAddress;
  readonly failure: OpenFailure | undefined;
}
