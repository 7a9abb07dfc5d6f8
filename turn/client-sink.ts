// The way to clients that are not behind a UDP socket of the engine: those of TCP, TLS and DTLS.
// Implemented by who has their connections; called by the core in place of the engine.

import type { TransportAddress } from '../shared/net/transport-address.ts';

/** The transports between clients and this server (RFC 8656 s3.1), by the schemes of `turn.listeners`. */
export const CLIENT_TRANSPORTS = ['udp', 'tcp', 'tls', 'dtls'] as const;

export type ClientTransport = (typeof CLIENT_TRANSPORTS)[number];

/**
 * Sends to the client of a 5-tuple, as the methods of the same names of `Engine` do. Addresses and bytes are only good
 * until the call returns. Nothing is thrown; a client that is gone is passed over.
 */
export interface ClientSink {
  /** A response, or what tells of an ICMP error: a STUN message that is not dropped for a full queue. */
  send(to: TransportAddress, bytes: Uint8Array, offset: number, length: number): void;

  /** ChannelData: `prefix` is its header. Padding, where the transport wants some, is the sink's (RFC 8656 s12.5). */
  sendPrefixed(
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;

  /** A Data indication. */
  sendHeaded(
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: 0 | 1 | 2 | 3,
  ): void;
}
