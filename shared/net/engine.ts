// What moves datagrams: sockets and the clock on one side, sans-I/O protocol cores on the other (DESIGN: section 3).
// Implemented by the portable engine (node:dgram) and by the batched one for Linux.

import type { MessagePort } from 'node:worker_threads';
import type { Arena } from '../native/arena.ts';
import type { Timers } from './timer-wheel.ts';
import type { TransportAddress } from './transport-address.ts';

/** Why a socket could not be opened. */
export type OpenFailure = 'in-use' | 'unavailable';

/** A protocol core, as an engine sees it. `tag` is the number that the core gave when it opened the socket. */
export interface SocketOwner {
  /** Always after `open` has returned. `local` has the real port; the failure is undefined on success. */
  onOpened(tag: number, local: TransportAddress, failure: OpenFailure | undefined): void;

  /**
   * One datagram. `from` is only good until the call returns; so are the bytes, unless the owner has asked for
   * `onTurnEnd` by then: they stay, in this buffer at this offset, until that returns.
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

  /**
   * For who called `atTurnEnd`: once, when the datagrams, timers and commands that came together have been handed
   * over, before what they caused is sent and the engine waits for more. What is sent from here goes out with it. In a
   * turn with more datagrams than the engine has memory for it is called before that memory is used again, and, if
   * the owner asks again, once more at the end.
   * @param now monotonic milliseconds
   */
  onTurnEnd?(now: number): void;

  /**
   * Once for each address of this machine that a socket opened on 0.0.0.0 or :: is asked at. `socket` sends from that
   * address, and ends with the one it belongs to. Without this method, and on another engine than the Linux one, all
   * comes under the one tag, and the kernel chooses what answers come from.
   * @returns the tag that datagrams to that address come with from now on; undefined: none of them does
   */
  onLocal?(tag: number, socket: number, local: TransportAddress): number | undefined;

  /**
   * An ICMP error about a datagram that this socket sent to `peer`; without this method nobody asks the kernel.
   * `info` is the MTU for "fragmentation needed" and "packet too big", else 0.
   */
  onIcmp?(
    tag: number,
    peer: TransportAddress,
    type: number,
    code: number,
    info: number,
    now: number,
  ): void;
}

export interface OpenOptions {
  /**
   * What it sends has a TTL one below that of the datagram being handled, where the engine can (RFC 8656 s21.1.7).
   */
  readonly lowersTtl?: boolean;
  /** Holds the port and delivers nothing until somebody adopts the socket. `close` does not know it; `discard` does. */
  readonly parked?: boolean;
  /**
   * Shares its port with other sockets that were opened so, each flow going to one of them; Linux engine only.
   */
  readonly reusePort?: boolean;
  /** Of `::`: takes IPv4 as well. Addresses of IPv4 clients are told as such, and are sent to as such. */
  readonly dualStack?: boolean;
  /** As for `adopt`. */
  readonly bursts?: boolean;
}

export interface AdoptOptions {
  readonly lowersTtl?: boolean;
  /** Whoever opened it closes it; `close` only ends delivery. */
  readonly borrowed?: boolean;
  /** Datagrams seldom come alone, as the packets of a frame: several are asked for from the start. */
  readonly bursts?: boolean;
}

export interface Engine {
  readonly kind: 'portable' | 'linux';
  /** Whether it can set the DF bit (RFC 8656 s14); if not, DONT-FRAGMENT is an unknown attribute. */
  readonly canSetDontFragment: boolean;

  /** Opens a UDP socket bound to exactly that address and port (0 = any); `owner.onOpened` tells how it went. */
  open(address: TransportAddress, owner: SocketOwner, tag: number, options?: OpenOptions): number;

  /**
   * Takes over a socket that was parked: on the Linux engine by any thread of the process, on another by this engine.
   * `owner.onOpened` tells where it is bound. Returns the number to use from now on.
   */
  adopt(socket: number, owner: SocketOwner, tag: number, options?: AdoptOptions): number;

  /** Closes a parked socket. */
  discard(socket: number): void;

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

  /**
   * As `send`, with `headerLength` bytes of `header` (128 at most) in front, and `padding` zero bytes behind, such as a
   * Data indication.
   */
  sendHeaded(
    socket: number,
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: 0 | 1 | 2 | 3,
  ): void;

  /** As `send`, with the DF bit set; there where `canSetDontFragment` is true. */
  sendWhole?(
    socket: number,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;

  /**
   * What `claim` gives places in. On the portable engine it is there where that was given one: else this throws, as
   * `claim` does.
   */
  readonly outgoing: Arena;

  /**
   * As `send`, of `length` bytes that the caller writes itself: returns where in `outgoing`. All of them must be
   * written before any other method of the engine is called, and before the caller returns to the engine, since what
   * lies there until then is old. Offsets have no alignment. -1, and counted as dropped, when nothing can be sent: no
   * such socket, port 0, or more than a datagram holds. What was claimed last before a fault is not sent.
   */
  claim(socket: number, to: TransportAddress, length: number): number;

  /** Takes back the datagram that was claimed last; does nothing once something else was queued or sent. */
  unclaim(): void;

  /**
   * Has `owner.onTurnEnd` called when this turn ends, once, however often this is called before. From within
   * `onTurnEnd` it is about the next turn, which then waits for nothing.
   */
  atTurnEnd(owner: SocketOwner): void;

  readonly counters: EngineCounters;

  /** Fire in the engine's own thread, between datagrams. */
  readonly timers: Timers;
}

/** An engine as its thread sees it. */
export interface EngineLoop extends Engine {
  /**
   * Serves sockets, timers and the commands of `port` until `stop`. May block the thread until then. Whoever holds the
   * other end of the port sends what `onCommand` takes.
   */
  run(port: MessagePort, onCommand: (command: never) => void): void;
  stop(): void;
}

/** Totals since the start. */
export interface EngineCounters {
  sockets: number;
  received: number;
  /** Datagrams to an address that nobody answers at: one too many of a wildcard socket, or a multicast one. */
  receiveDropped: number;
  sent: number;
  /** Datagrams that the kernel or our own bound refused. */
  sendDropped: number;
}

/** What every engine is made with. */
export interface EngineOptions {
  /** Monotonic milliseconds. */
  now(): number;
  /** A fault in a protocol core, which is a bug: it is reported and the datagram dropped. */
  onFault(error: unknown): void;
}
