// Datagrams gathered for sendmmsg(2): consecutive ones to one destination become one GSO send (UDP_SEGMENT).
// Called by the Linux engine. What lies in the receive ring is sent from there; anything else is copied.
// Allocates: nothing per packet.

import { Arena } from '../native/arena.ts';
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
  /** The largest datagram that GSO may carry; 0 = none. Lowered when the kernel refuses. */
  gsoBytesMax: number;
}

/** What to do with a message that the kernel did not take. */
export const SEND_AGAIN = 0;
export const SEND_SINGLY = 1;
export const SEND_LATER = 2;
export const SEND_DROP = 3;

/** What its owner decides about failed sends, and what it keeps for later. */
export interface SendFailures {
  /** One of SEND_*, for a message of that many datagrams of that size (the last may be shorter). */
  onFailed(socket: SendingSocket, datagrams: number, bytes: number): number;
  /** A datagram to try again when the socket can take it; `to` and `bytes` are its own. */
  onLater(socket: SendingSocket, to: TransportAddress, bytes: Uint8Array): void;
  onDropped(datagrams: number): void;
}

export class SendQueue {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #received: Arena;
  readonly #failures: SendFailures;
  readonly #iovecs = MESSAGES * MMSGHDR_BYTES;
  readonly #names = this.#iovecs + IOVECS * IOVEC_BYTES;
  readonly #controls = this.#names + MESSAGES * SOCKADDR_BYTES;
  readonly #prefixes = this.#controls + MESSAGES * CONTROL_BYTES;
  readonly #copies = this.#prefixes + IOVECS * 4;
  readonly #sockets: (SendingSocket | undefined)[] = Array.from({ length: MESSAGES });
  readonly #datagrams = new Uint16Array(MESSAGES);
  readonly #segment = new Uint16Array(MESSAGES);
  #messages = 0;
  #iovecCount = 0;
  #copied = 0;
  /** The message that the next datagram may join, while `#openSocket` is set. */
  #openSocket: SendingSocket | undefined = undefined;
  readonly #openTo = new TransportAddress();
  #openLast = 0;
  #openBytes = 0;
  #openTos = 0;
  /** DSCP and ECN of what is queued next. */
  tos = 0;
  /** Datagrams that the kernel took. */
  sent = 0;

  constructor(libc: Libc, received: Arena, failures: SendFailures) {
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

  get empty(): boolean {
    return this.#messages === 0;
  }

  /** Queues one datagram; `prefix` is four bytes in front of it, big-endian, when `prefixed`. */
  put(
    socket: SendingSocket,
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
    if (prefixed) this.#prefix(prefix);
    if (fromRing) this.#iovec(this.#received, offset, length);
    else this.#copy(bytes, offset, length);
    const { u32 } = this.#arena;
    const header = (message * MMSGHDR_BYTES) >> 2;
    u32[header + (MSG_IOVLEN >> 2)]! += prefixed ? 2 : 1;
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
  #joins(socket: SendingSocket, to: TransportAddress, total: number): boolean {
    if (this.#openSocket !== socket || total > this.#openLast || total === 0) return false;
    const message = this.#messages - 1;
    return (
      this.#openLast === this.#segment[message] &&
      this.#openLast <= socket.gsoBytesMax &&
      this.#datagrams[message]! < UDP_SEGMENTS_MAX &&
      this.#openBytes + total <= GSO_BYTES_MAX &&
      this.#openTos === this.tos &&
      this.#openTo.equals(to)
    );
  }

  #open(socket: SendingSocket, to: TransportAddress, total: number): number {
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
    this.#openTos = tos;
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

  #send(socket: SendingSocket, first: number, end: number): void {
    const { base } = this.#arena;
    for (let message = first; message < end; message++) {
      if (this.#datagrams[message]! > 1) this.#segmented(message);
    }
    if (end === first + 1 && this.#sendPlain(socket, first)) return;
    let next = first;
    let tries = 0;
    while (next < end) {
      const address = base + next * MMSGHDR_BYTES;
      const taken = this.#libc.sendmmsg(socket.fd, address, end - next, MSG_DONTWAIT);
      if (taken > 0) {
        for (let i = next; i < next + taken; i++) this.sent += this.#datagrams[i]!;
        next += taken;
        tries = 0;
        continue;
      }
      const verdict = this.#failures.onFailed(socket, this.#datagrams[next]!, this.#segment[next]!);
      if (verdict === SEND_AGAIN && ++tries < TRIES_MAX) continue;
      if (verdict === SEND_SINGLY) this.#split(socket, next, false);
      else if (verdict === SEND_LATER) this.#split(socket, next, true);
      else this.#failures.onDropped(this.#datagrams[next]!);
      next++;
      tries = 0;
    }
  }

  /** A lone datagram in one piece goes by sendto(2), which has less to look at; false when it could not be sent so. */
  #sendPlain(socket: SendingSocket, message: number): boolean {
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

  /** Takes a message apart into its datagrams: each sent by itself, or kept for later. The slow way out. */
  #split(socket: SendingSocket, message: number, later: boolean): void {
    const { u32 } = this.#arena;
    const header = message * MMSGHDR_BYTES;
    const to = new TransportAddress();
    readSockaddr(this.#arena, this.#names + message * SOCKADDR_BYTES, to);
    let iovec = u32[(header + MSG_IOV) >> 2]! - this.#arena.low;
    const end = iovec + u32[(header + MSG_IOVLEN) >> 2]! * IOVEC_BYTES;
    const segment = this.#segment[message]!;
    const gso = this.#datagrams[message]! > 1 ? CMSG_INT_BYTES : 0;
    const control = u32[(header + MSG_CONTROLLEN) >> 2]! - gso;
    while (iovec < end) {
      let stop = iovec;
      let total = 0;
      do {
        total += u32[(stop + 8) >> 2]!;
        stop += IOVEC_BYTES;
      } while (stop < end && total < segment);
      if (later) this.#failures.onLater(socket, to, this.#gather(iovec, stop, total));
      else this.#sendOne(socket, header, iovec, (stop - iovec) / IOVEC_BYTES, control);
      iovec = stop;
    }
  }

  #sendOne(
    socket: SendingSocket,
    header: number,
    iovec: number,
    iovecs: number,
    control: number,
  ): void {
    const { u32 } = this.#arena;
    this.#arena.writePointer(header + MSG_IOV, this.#arena, iovec);
    u32[(header + MSG_IOVLEN) >> 2] = iovecs;
    u32[(header + MSG_CONTROLLEN) >> 2] = control;
    const taken = this.#libc.sendmmsg(socket.fd, this.#arena.base + header, 1, MSG_DONTWAIT);
    if (taken === 1) this.sent++;
    else this.#failures.onDropped(1);
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
