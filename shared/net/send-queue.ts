// Datagrams gathered for sendmmsg(2): consecutive ones to one destination become one GSO send (UDP_SEGMENT).
// Called by the Linux engine. What lies in the receive ring is sent from there; anything else is copied.
// Allocates: nothing per packet.

import type { Arena } from '../native/arena.ts';
import { EAGAIN, EINVAL, EIO, EMSGSIZE, ENOBUFS } from '../native/errno.ts';
import type { Libc } from '../native/libc.ts';
import { MSG_DONTWAIT, UDP_SEGMENTS_MAX } from '../native/socket-constants.ts';
import type { GsoLimits } from './gso-limits.ts';
import { MESSAGES, MessageTable } from './message-table.ts';
import { TransportAddress } from './transport-address.ts';

/** A pending socket error is reported by the next send, which is then tried again. */
const TRIES_MAX = 3;

/** One GSO send stays below the largest UDP payload. */
const GSO_BYTES_MAX = 65_000;

/** What the queue needs to know of a socket. */
export interface SendingSocket {
  readonly fd: number;
  /** Where it sends from, as `PacketInfo.local` has it; undefined: from where it is bound. */
  readonly source: TransportAddress | undefined;
}

/** What becomes of datagrams that the kernel did not take. */
export interface SendFailures<S extends SendingSocket> {
  /** Whether datagrams of that socket wait already: what comes later goes behind them. */
  holdsBack(socket: S): boolean;
  /**
   * A datagram to try again; `to` and `bytes` are its own.
   * @param full the socket's buffer has no room, and epoll will tell when it has; else the system was short of memory
   */
  onLater(socket: S, to: TransportAddress, tos: number, bytes: Uint8Array, full: boolean): void;
  onDropped(datagrams: number): void;
}

/** What to do with a message that the kernel did not take. */
const AGAIN = 0;
const SINGLY = 1;
const LATER = 2;
const DROP = 3;

export class SendQueue<S extends SendingSocket> {
  readonly #libc: Libc;
  readonly #table: MessageTable;
  readonly #received: Uint8Array;
  readonly #failures: SendFailures<S>;
  readonly #limits: GsoLimits;
  readonly #sockets: (S | undefined)[] = Array.from({ length: MESSAGES });
  readonly #datagrams = new Uint16Array(MESSAGES);
  readonly #segment = new Uint16Array(MESSAGES);
  readonly #toses = new Uint8Array(MESSAGES);
  readonly #refused = new TransportAddress();
  /** The message that the next datagram may join, while `#openSocket` is set. */
  #openSocket: S | undefined = undefined;
  readonly #openTo = new TransportAddress();
  #openLast = 0;
  #openBytes = 0;
  /** Bytes of the datagram that `unclaim` would take back; -1 = none. */
  #claimed = -1;
  /** Whether the last send that has to wait waits for room in the socket's buffer. */
  #full = false;
  /** DSCP and ECN of what is queued next. */
  tos = 0;
  /** Datagrams that the kernel took. */
  sent = 0;

  constructor(libc: Libc, received: Arena, failures: SendFailures<S>, limits: GsoLimits) {
    this.#libc = libc;
    this.#table = new MessageTable(received);
    this.#received = received.bytes;
    this.#failures = failures;
    this.#limits = limits;
  }

  /** Queues one datagram. */
  put(socket: S, to: TransportAddress, bytes: Uint8Array, offset: number, length: number): void {
    this.#put(socket, to, 0, bytes, offset, length, 0);
  }

  /** As `put`, with four bytes in front, big-endian. */
  putPrefixed(
    socket: S,
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const at = this.#put(socket, to, 4, bytes, offset, length, 0);
    const own = this.#table.bytes;
    own[at] = prefix >>> 24;
    own[at + 1] = prefix >>> 16;
    own[at + 2] = prefix >>> 8;
    own[at + 3] = prefix;
  }

  /** As `put`, with a header in front, and zeros behind. */
  putHeaded(
    socket: S,
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: number,
  ): void {
    const at = this.#put(socket, to, headerLength, bytes, offset, length, padding);
    const own = this.#table.bytes;
    for (let i = 0; i < headerLength; i++) own[at + i] = header[i]!;
  }

  /** What `claim` gives places in. */
  get outgoing(): Arena {
    return this.#table.arena;
  }

  /** Queues a datagram that the caller writes: where, is returned. It must be there before anything else is called. */
  claim(socket: S, to: TransportAddress, length: number): number {
    const at = this.#begin(socket, to, length, length);
    this.#table.addOwn(at, length);
    this.#claimed = length;
    return at;
  }

  /** Takes back what was claimed last, unless something was queued or sent since. */
  unclaim(): void {
    const length = this.#claimed;
    if (length < 0) return;
    this.#claimed = -1;
    const message = this.#table.count - 1;
    this.#table.dropOwn(length);
    this.#openBytes -= length;
    // It had joined datagrams of the full size, or none.
    this.#openLast = this.#segment[message]!;
    if (--this.#datagrams[message]! > 0) return;
    this.#table.dropMessage();
    this.#sockets[message] = undefined;
    this.#openSocket = undefined;
  }

  /** Sends what is queued; afterwards the receive ring may be reset. */
  flush(): void {
    this.#table.seal();
    let first = 0;
    const messages = this.#table.count;
    while (first < messages) {
      const socket = this.#sockets[first]!;
      let end = first + 1;
      while (end < messages && this.#sockets[end]!.fd === socket.fd) end++;
      this.#send(socket, first, end);
      first = end;
    }
    for (let i = 0; i < messages; i++) this.#sockets[i] = undefined;
    this.#table.clear();
    this.#openSocket = undefined;
    this.#claimed = -1;
  }

  free(): void {
    this.#table.free();
  }

  /** Queues a datagram but for the first `head` bytes, which belong where it says in the table's bytes. */
  #put(
    socket: S,
    to: TransportAddress,
    head: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: number,
  ): number {
    const total = head + length + padding;
    const fromRing = bytes === this.#received;
    const at = this.#begin(socket, to, total, fromRing ? head : total);
    const table = this.#table;
    if (fromRing) {
      // Where a datagram ends is found by counting bytes: no piece is empty but that of an empty datagram.
      if (head > 0) table.addOwn(at, head);
      if (length > 0 || total === 0) table.addReceived(offset, length);
      if (padding > 0) table.addZeros(padding);
    } else {
      table.copy(bytes, offset, length, at + head);
      for (let i = total - padding; i < total; i++) table.bytes[at + i] = 0;
      table.addOwn(at, total);
    }
    return at;
  }

  /** Makes room for a datagram in a message, old or new; returns where its `own` bytes belong. Its pieces follow. */
  #begin(socket: S, to: TransportAddress, total: number, own: number): number {
    const table = this.#table;
    let joins = this.#joins(socket, to, total);
    if (!table.hasRoom(joins ? 0 : 1, own)) {
      this.flush();
      joins = false;
    }
    if (!joins) this.#open(socket, to, total);
    this.#datagrams[table.count - 1]!++;
    this.#openBytes += total;
    this.#openLast = total;
    this.#claimed = -1;
    return table.reserve(own);
  }

  /** A GSO send is datagrams of one size, of which only the last may be shorter, to one destination. */
  #joins(socket: S, to: TransportAddress, total: number): boolean {
    if (this.#openSocket !== socket || total > this.#openLast || total === 0) return false;
    const message = this.#table.count - 1;
    return (
      this.#openLast === this.#segment[message] &&
      this.#datagrams[message]! < UDP_SEGMENTS_MAX &&
      this.#openBytes + total <= GSO_BYTES_MAX &&
      this.#toses[message] === this.tos &&
      this.#openTo.equals(to) &&
      this.#openLast <= this.#limits.bytesMax(to)
    );
  }

  #open(socket: S, to: TransportAddress, total: number): void {
    const message = this.#table.open(to, this.tos, socket.source);
    this.#toses[message] = this.tos;
    this.#sockets[message] = socket;
    this.#datagrams[message] = 0;
    this.#segment[message] = total;
    this.#openSocket = socket;
    this.#openTo.set(to);
    this.#openBytes = 0;
  }

  /** Messages that leave through one descriptor, which is the socket's. */
  #send(socket: S, first: number, end: number): void {
    for (let message = first; message < end; message++) {
      if (this.#datagrams[message]! > 1) this.#table.cut(message, this.#segment[message]!);
    }
    let later = this.#failures.holdsBack(socket);
    if (!later && end === first + 1 && this.#sendPlain(socket, first)) return;
    let next = first;
    let tries = 0;
    while (next < end) {
      if (later) {
        this.#split(next++, true);
        continue;
      }
      const address = this.#table.address(next);
      const taken = this.#libc.sendmmsg(socket.fd, address, end - next, MSG_DONTWAIT);
      if (taken > 0) {
        for (let i = next; i < next + taken; i++) this.sent += this.#datagrams[i]!;
        next += taken;
        tries = 0;
        continue;
      }
      const verdict = this.#judge(next, this.#datagrams[next]!);
      if (verdict === AGAIN && ++tries < TRIES_MAX) continue;
      if (verdict === SINGLY || verdict === LATER) {
        later = this.#split(next, verdict === LATER);
      } else {
        this.#failures.onDropped(this.#datagrams[next]!);
      }
      next++;
      tries = 0;
    }
  }

  /** What to do about the call that failed just now, with that many datagrams in one message. */
  #judge(message: number, datagrams: number): number {
    const errno = this.#libc.errno();
    this.#full = errno === EAGAIN;
    if (errno === EAGAIN || errno === ENOBUFS) return LATER;
    if (datagrams > 1 && (errno === EIO || errno === EINVAL || errno === EMSGSIZE)) {
      // No checksum offload there, or a segment beyond the path's MTU: smaller ones still go.
      this.#table.destination(message, this.#refused);
      this.#limits.lower(this.#refused, errno === EIO ? 0 : this.#segment[message]! - 1);
      return SINGLY;
    }
    // Errors that an ICMP message left behind are reported once, by whatever call comes next.
    return errno === EMSGSIZE || errno === EINVAL ? DROP : AGAIN;
  }

  /** A lone datagram in one piece goes by sendto(2), which has less to look at; false when it could not be sent so. */
  #sendPlain(socket: S, message: number): boolean {
    const table = this.#table;
    if (!table.isPlain(message)) return false;
    const piece = table.firstPiece(message);
    const taken = this.#libc.sendto(
      socket.fd,
      table.pieceAddress(piece),
      table.pieceLength(piece),
      MSG_DONTWAIT,
      table.nameAddress(message),
      table.nameLength(message),
    );
    if (taken < 0) return false;
    this.sent++;
    return true;
  }

  /**
   * Takes a message apart into its datagrams: each sent by itself, or kept for later. The slow way out.
   * @returns whether the last of them is kept for later
   */
  #split(message: number, later: boolean): boolean {
    const table = this.#table;
    const socket = this.#sockets[message]!;
    const segment = this.#segment[message]!;
    const tos = this.#toses[message]!;
    if (this.#datagrams[message]! > 1) table.uncut(message);
    let piece = table.firstPiece(message);
    const end = table.endPiece(message);
    let waits = later;
    while (piece < end) {
      const first = piece;
      let total = 0;
      do total += table.pieceLength(piece++);
      while (piece < end && total < segment);
      if (!waits) waits = !this.#sendOne(socket, message, first, piece);
      if (!waits) continue;
      const to = new TransportAddress();
      table.destination(message, to);
      this.#failures.onLater(socket, to, tos, table.gather(first, piece, total), this.#full);
    }
    return waits;
  }

  /** Sends one datagram of a message; false when it has to wait. */
  #sendOne(socket: S, message: number, first: number, end: number): boolean {
    this.#table.narrow(message, first, end);
    const address = this.#table.address(message);
    let verdict = AGAIN;
    for (let tries = 0; verdict === AGAIN && tries < TRIES_MAX; tries++) {
      if (this.#libc.sendmmsg(socket.fd, address, 1, MSG_DONTWAIT) === 1) {
        this.sent++;
        return true;
      }
      verdict = this.#judge(message, 1);
    }
    if (verdict === LATER) return false;
    this.#failures.onDropped(1);
    return true;
  }
}
