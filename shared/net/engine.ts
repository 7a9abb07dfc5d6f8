// What moves datagrams: sockets and the clock on one side, sans-I/O protocol cores on the other (DESIGN: section 3).
// Implemented by the portable engine (node:dgram); a batched one for Linux fits behind the same interface.

import type { TransportAddress } from './transport-address.ts';

/** Why a socket could not be opened. */
export type OpenFailure = 'in-use' | 'unavailable';

/** A protocol core, as an engine sees it. `tag` is the number that the core gave when it opened the socket. */
export interface SocketOwner {
  /** Always after `open` has returned. `local` has the real port; the failure is undefined on success. */
  onOpened(tag: number, local: TransportAddress, failure: OpenFailure | undefined): void;

  /**
   * One datagram. `from` and the bytes are only good until the call returns.
   * @param now monotonic milliseconds
   */
  onDatagram(
    tag: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void;
}

export interface Engine {
  readonly kind: 'portable' | 'linux';
  /** Whether it can set the DF bit (RFC 8656 s14); if not, DONT-FRAGMENT is an unknown attribute. */
  readonly canSetDontFragment: boolean;

  /** Opens a UDP socket bound to exactly that address and port (0 = any); `owner.onOpened` tells how it went. */
  open(address: TransportAddress, owner: SocketOwner, tag: number): number;

  /** Idempotent; no datagram is delivered afterwards. */
  close(socket: number): void;

  /** Sends one datagram. The bytes are copied or gone when the call returns; failures are counted, never thrown. */
  send(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;

  /** As `send`, with a 32-bit big-endian prefix in front, such as a ChannelData header. */
  sendPrefixed(
    socket: number,
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;

  readonly counters: EngineCounters;
}

/** Totals since the start. */
export interface EngineCounters {
  sockets: number;
  received: number;
  sent: number;
  /** Datagrams that the kernel or our own bound refused. */
  sendDropped: number;
}
