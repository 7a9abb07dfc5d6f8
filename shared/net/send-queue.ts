// Datagrams gathered for sendmmsg(2): consecutive ones to one destination become one GSO send (UDP_SEGMENT).
// Called by the Linux engine. What lies in the receive ring is sent from there; anything else is copied.
// Allocates: nothing per packet.

import { Arena } from '../native/arena.ts';
import { EAGAIN, EINVAL, EIO, EMSGSIZE, ENOBUFS } from '../native/errno.ts';
import type { Libc } from '../native/libc.ts';
import {
  CMSGHDR_BYTES,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  SOCKADDR_BYTES,
  SOL_UDP,
  UDP_SEGMENT,
  UDP_SEGMENTS_MAX,
} from '../native/socket-constants.ts';
import type { GsoLimits } from './gso-limits.ts';
import { CMSG_INT_BYTES, CONTROL_BYTES, writeInt, writeTos } from './packet-info.ts';
import { readSockaddr, writeSockaddr } from './sockaddr.ts';
import { TransportAddress } from './transport-address.ts';

const MESSAGES = 512;
const IOVECS = 8192;
const COPY_BYTES = 1 << 20;
/** A pending socket error is reported by the next send, which is then tried again. */
const TRIES_MAX = 3;

/** One GSO send stays below the largest UDP payload. */
const GSO_BYTES_MAX = 65_000;

/** What the queue needs to know of a socket. */
export interface SendingSocket {
  readonly fd: number;
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
  readonly #arena: Arena;
  readonly #received: Arena;
  readonly #failures: SendFailures<S>;
  readonly #limits: GsoLimits;
  readonly #iovecs = MESSAGES * MMSGHDR_BYTES;
  readonly #names = this.#iovecs + IOVECS * IOVEC_BYTES;
  readonly #controls = this.#names + MESSAGES * SOCKADDR_BYTES;
  readonly #prefixes = this.#controls + MESSAGES * CONTROL_BYTES;
  readonly #copies = this.#prefixes + IOVECS * 4;
  readonly #sockets: (S | undefined)[] = Array.from({ length: MESSAGES });
  readonly #datagrams = new Uint16Array(MESSAGES);
  readonly #segment = new Uint16Array(MESSAGES);
  readonly #toses = new Uint8Array(MESSAGES);
  readonly #refused = new TransportAddress();
  #messages = 0;
  #iovecCount = 0;
  #copied = 0;
  /** The message that the next datagram may join, while `#openSocket` is set. */
  #openSocket: S | undefined = undefined;
  readonly #openTo = new TransportAddress();
  #openLast = 0;
  #openBytes = 0;
  /** Whether the last send that has to wait waits for room in the socket's buffer. */
  #full = false;
  /** DSCP and ECN of what is queued next. */
  tos = 0;
  /** Datagrams that the kernel took. */
  sent = 0;

  constructor(libc: Libc, received: Arena, failures: SendFailures<S>, limits: GsoLimits) {
    this.#limits = limits;
    this.#libc = libc;
    this.#received = received;
    this.#failures = failures;
    const arena = new Arena(this.#copies + COPY_BYTES);
    this.#arena = arena;
    for (let i = 0; i < MESSAGES; i++) {
      const header = i * MMSGHDR_BYTES;
      const control = this.#controls + i * CONTROL_BYTES;
      arena.writePointer(header + MSG_NAME, arena, this.#names + i * SOCKADDR_BYTES);
      arena.writePointer(header + MSG_CONTROL, arena, control);
    }
  }

  /** Queues one datagram; `prefix` is four bytes in front of it, big-endian, when `prefixed`. */
  put(
    socket: S,
    to: TransportAddress,
    prefixed: boolean,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (this.#iovecCount + 2 > IOVECS || this.#messages === MESSAGES) this.flush();
    const fromRing = bytes === this.#received.bytes;
    if (!fromRing && this.#copied + length > COPY_BYTES) this.flush();
    const total = prefixed ? length + 4 : length;
    const message = this.#joins(socket, to, total)
      ? this.#messages - 1
      : this.#open(socket, to, total);
    const iovecs = this.#iovecCount;
    if (prefixed) this.#prefix(prefix);
    // `#split` finds where a datagram ends by counting bytes: no piece may be empty but an empty datagram.
    if (length > 0 || !prefixed) {
      if (fromRing) this.#iovec(this.#received, offset, length);
      else this.#copy(bytes, offset, length);
    }
    const { u32 } = this.#arena;
    const header = (message * MMSGHDR_BYTES) >> 2;
    u32[header + (MSG_IOVLEN >> 2)]! += this.#iovecCount - iovecs;
    this.#datagrams[message]!++;
    this.#openBytes += total;
    this.#openLast = total;
  }

  /** Sends what is queued; afterwards the receive ring may be reset. */
  flush(): void {
    let first = 0;
    const messages = this.#messages;
    while (first < messages) {
      const socket = this.#sockets[first]!;
      let end = first + 1;
      while (end < messages && this.#sockets[end] === socket) end++;
      this.#send(socket, first, end);
      first = end;
    }
    for (let i = 0; i < messages; i++) this.#sockets[i] = undefined;
    this.#messages = 0;
    this.#iovecCount = 0;
    this.#copied = 0;
    this.#openSocket = undefined;
  }

  free(): void {
    this.#arena.free();
  }

  /** A GSO send is datagrams of one size, of which only the last may be shorter, to one destination. */
  #joins(socket: S, to: TransportAddress, total: number): boolean {
    if (this.#openSocket !== socket || total > this.#openLast || total === 0) return false;
    const message = this.#messages - 1;
    return (
      this.#openLast === this.#segment[message] &&
      this.#datagrams[message]! < UDP_SEGMENTS_MAX &&
      this.#openBytes + total <= GSO_BYTES_MAX &&
      this.#toses[message] === this.tos &&
      this.#openTo.equals(to) &&
      this.#openLast <= this.#limits.bytesMax(to)
    );
  }

  #open(socket: S, to: TransportAddress, total: number): number {
    const message = this.#messages++;
    const { u32 } = this.#arena;
    const header = (message * MMSGHDR_BYTES) >> 2;
    const name = this.#names + message * SOCKADDR_BYTES;
    u32[header + (MSG_NAMELEN >> 2)] = writeSockaddr(this.#arena, name, to);
    this.#arena.writePointer(
      message * MMSGHDR_BYTES + MSG_IOV,
      this.#arena,
      this.#iovecs + this.#iovecCount * IOVEC_BYTES,
    );
    u32[header + (MSG_IOVLEN >> 2)] = 0;
    const control = this.#controls + message * CONTROL_BYTES;
    const { tos } = this;
    u32[header + (MSG_CONTROLLEN >> 2)] = writeTos(this.#arena, control, to.family, tos);
    this.#toses[message] = tos;
    this.#sockets[message] = socket;
    this.#datagrams[message] = 0;
    this.#segment[message] = total;
    this.#openSocket = socket;
    this.#openTo.set(to);
    this.#openLast = total;
    this.#openBytes = 0;
    return message;
  }

  #iovec(arena: Arena, offset: number, length: number): void {
    const { u32 } = this.#arena;
    const at = (this.#iovecs + this.#iovecCount++ * IOVEC_BYTES) >> 2;
    u32[at] = arena.low + offset;
    u32[at + 1] = arena.high;
    u32[at + 2] = length;
    u32[at + 3] = 0;
  }

  #prefix(prefix: number): void {
    const at = this.#prefixes + this.#iovecCount * 4;
    const { bytes } = this.#arena;
    bytes[at] = prefix >>> 24;
    bytes[at + 1] = prefix >>> 16;
    bytes[at + 2] = prefix >>> 8;
    bytes[at + 3] = prefix;
    this.#iovec(this.#arena, at, 4);
  }

  #copy(bytes: Uint8Array, offset: number, length: number): void {
    const at = this.#copies + this.#copied;
    this.#copied += length;
    this.#arena.bytes.set(bytes.subarray(offset, offset + length), at);
    this.#iovec(this.#arena, at, length);
  }

  #send(socket: S, first: number, end: number): void {
    const { base } = this.#arena;
    for (let message = first; message < end; message++) {
      if (this.#datagrams[message]! > 1) this.#segmented(message);
    }
    let later = this.#failures.holdsBack(socket);
    if (!later && end === first + 1 && this.#sendPlain(socket, first)) return;
    let next = first;
    let tries = 0;
    while (next < end) {
      if (later) {
        this.#split(socket, next++, true);
        continue;
      }
      const address = base + next * MMSGHDR_BYTES;
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
        later = this.#split(socket, next, verdict === LATER);
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
      readSockaddr(this.#arena, this.#names + message * SOCKADDR_BYTES, this.#refused);
      this.#limits.lower(this.#refused, errno === EIO ? 0 : this.#segment[message]! - 1);
      return SINGLY;
    }
    // Errors that an ICMP message left behind are reported once, by whatever call comes next.
    return errno === EMSGSIZE || errno === EINVAL ? DROP : AGAIN;
  }

  /** A lone datagram in one piece goes by sendto(2), which has less to look at; false when it could not be sent so. */
  #sendPlain(socket: S, message: number): boolean {
    const { u32, base, low } = this.#arena;
    const header = message * MMSGHDR_BYTES;
    if (u32[(header + MSG_IOVLEN) >> 2] !== 1 || u32[(header + MSG_CONTROLLEN) >> 2] !== 0)
      return false;
    const iovec = (u32[(header + MSG_IOV) >> 2]! - low) >> 2;
    const bytes = u32[iovec]! + u32[iovec + 1]! * 0x1_0000_0000;
    const name = base + this.#names + message * SOCKADDR_BYTES;
    const nameLength = u32[(header + MSG_NAMELEN) >> 2]!;
    const taken = this.#libc.sendto(
      socket.fd,
      bytes,
      u32[iovec + 2]!,
      MSG_DONTWAIT,
      name,
      nameLength,
    );
    if (taken < 0) return false;
    this.sent++;
    return true;
  }

  /** Appends the control message that makes it a GSO send; its value is 16 bits. */
  #segmented(message: number): void {
    const { u32 } = this.#arena;
    const lengthAt = (message * MMSGHDR_BYTES + MSG_CONTROLLEN) >> 2;
    const at = this.#controls + message * CONTROL_BYTES + u32[lengthAt]!;
    u32[lengthAt]! += writeInt(this.#arena, at, SOL_UDP, UDP_SEGMENT, this.#segment[message]!);
    u32[at >> 2] = CMSGHDR_BYTES + 2;
  }

  /**
   * Takes a message apart into its datagrams: each sent by itself, or kept for later. The slow way out.
   * @returns whether the last of them is kept for later
   */
  #split(socket: S, message: number, later: boolean): boolean {
    const { u32 } = this.#arena;
    const header = message * MMSGHDR_BYTES;
    let iovec = u32[(header + MSG_IOV) >> 2]! - this.#arena.low;
    const end = iovec + u32[(header + MSG_IOVLEN) >> 2]! * IOVEC_BYTES;
    const segment = this.#segment[message]!;
    const gso = this.#datagrams[message]! > 1 ? CMSG_INT_BYTES : 0;
    u32[(header + MSG_CONTROLLEN) >> 2]! -= gso;
    let waits = later;
    while (iovec < end) {
      let stop = iovec;
      let total = 0;
      do {
        total += u32[(stop + 8) >> 2]!;
        stop += IOVEC_BYTES;
      } while (stop < end && total < segment);
      if (!waits) waits = !this.#sendOne(socket, message, iovec, stop);
      if (waits) {
        const to = new TransportAddress();
        readSockaddr(this.#arena, this.#names + message * SOCKADDR_BYTES, to);
        const datagram = this.#gather(iovec, stop, total);
        this.#failures.onLater(socket, to, this.#toses[message]!, datagram, this.#full);
      }
      iovec = stop;
    }
    return waits;
  }

  /** Sends one datagram of a message; false when it has to wait. */
  #sendOne(socket: S, message: number, iovec: number, stop: number): boolean {
    const { u32, base } = this.#arena;
    const header = message * MMSGHDR_BYTES;
    this.#arena.writePointer(header + MSG_IOV, this.#arena, iovec);
    u32[(header + MSG_IOVLEN) >> 2] = (stop - iovec) / IOVEC_BYTES;
    let verdict = AGAIN;
    for (let tries = 0; verdict === AGAIN && tries < TRIES_MAX; tries++) {
      if (this.#libc.sendmmsg(socket.fd, base + header, 1, MSG_DONTWAIT) === 1) {
        this.sent++;
        return true;
      }
      verdict = this.#judge(message, 1);
    }
    if (verdict === LATER) return false;
    this.#failures.onDropped(1);
    return true;
  }

  #gather(iovec: number, stop: number, total: number): Uint8Array {
    const { u32 } = this.#arena;
    const datagram = new Uint8Array(total);
    let filled = 0;
    for (let at = iovec; at < stop; at += IOVEC_BYTES) {
      const source = this.#sourceOf(u32[at >> 2]!, u32[(at >> 2) + 1]!);
      const offset = u32[at >> 2]! - source.low;
      const length = u32[(at + 8) >> 2]!;
      datagram.set(source.bytes.subarray(offset, offset + length), filled);
      filled += length;
    }
    return datagram;
  }

  #sourceOf(low: number, high: number): Arena {
    const arena = this.#arena;
    const mine = high === arena.high && low >= arena.low && low < arena.low + arena.bytes.length;
    return mine ? arena : this.#received;
  }
}
