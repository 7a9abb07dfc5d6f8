// The array of struct mmsghdr that sendmmsg(2) takes, with all that it points to, in one arena: destinations, control
// messages, the pieces of every datagram, and the bytes that are nobody else's.
// Called by the send queue. Allocates: nothing, but in `gather`.

import { type Addresses, Arena, type Pointer } from '../native/arena.ts';
import {
  CMSGHDR_BYTES,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  SOCKADDR_BYTES,
  SOL_UDP,
  UDP_SEGMENT,
} from '../native/socket-constants.ts';
import { copyBytes } from './copy-bytes.ts';
import { CMSG_INT_BYTES, CONTROL_BYTES, writeInt, writeSource, writeTos } from './packet-info.ts';
import { readSockaddr, writeSockaddr } from './sockaddr.ts';
import type { TransportAddress } from './transport-address.ts';

export const MESSAGES = 512;
const PIECES = 8192;
const OWN_BYTES = 1 << 20;

/** Pieces of one datagram at most: a header, the payload, its padding. */
const PIECES_OF_DATAGRAM = 3;

export class MessageTable {
  readonly arena: Arena;
  readonly bytes: Uint8Array;
  readonly #received: Arena;
  readonly #pieces = MESSAGES * MMSGHDR_BYTES;
  readonly #names = this.#pieces + PIECES * IOVEC_BYTES;
  readonly #controls = this.#names + MESSAGES * SOCKADDR_BYTES;
  /** Never written: what pads the datagrams. */
  readonly #zeros = this.#controls + MESSAGES * CONTROL_BYTES;
  readonly #own = this.#zeros + 64;
  /** Of each message its first piece, and behind the last one where the next would begin. */
  readonly #firsts = new Uint16Array(MESSAGES + 1);
  readonly #addresses: Addresses;
  readonly #nameAddresses: Addresses;
  #pieceCount = 0;
  #ownCount = 0;
  count = 0;

  /** @param received the arena that pieces may lie in beside this one's own */
  constructor(received: Arena) {
    this.#received = received;
    const arena = new Arena(this.#own + OWN_BYTES);
    this.arena = arena;
    this.bytes = arena.bytes;
    this.#addresses = arena.addresses(0, MMSGHDR_BYTES, MESSAGES);
    this.#nameAddresses = arena.addresses(this.#names, SOCKADDR_BYTES, MESSAGES);
    for (let i = 0; i < MESSAGES; i++) {
      const header = i * MMSGHDR_BYTES;
      arena.writePointer(header + MSG_NAME, arena, this.#names + i * SOCKADDR_BYTES);
      arena.writePointer(header + MSG_CONTROL, arena, this.#controls + i * CONTROL_BYTES);
    }
  }

  /** Whether that many messages more fit, and another datagram with that many bytes of its own. */
  hasRoom(messages: number, own: number): boolean {
    return (
      this.count + messages <= MESSAGES &&
      this.#pieceCount + PIECES_OF_DATAGRAM <= PIECES &&
      this.#ownCount + own <= OWN_BYTES
    );
  }

  /** Makes the messages what sendmmsg(2) wants; nothing may be added any more. */
  seal(): void {
    const { u32 } = this.arena;
    this.#firsts[this.count] = this.#pieceCount;
    for (let message = 0; message < this.count; message++) {
      u32[(message * MMSGHDR_BYTES + MSG_IOVLEN) >> 2] =
        this.endPiece(message) - this.firstPiece(message);
    }
  }

  clear(): void {
    this.count = 0;
    this.#pieceCount = 0;
    this.#ownCount = 0;
  }

  free(): void {
    this.arena.free();
  }

  /** Begins a message; its pieces follow. `source` is where it comes from, if not from where its socket is bound. */
  open(to: TransportAddress, tos: number, source: TransportAddress | undefined): number {
    const message = this.count++;
    const arena = this.arena;
    const { u32 } = arena;
    const header = message * MMSGHDR_BYTES;
    const name = this.#names + message * SOCKADDR_BYTES;
    const control = this.#controls + message * CONTROL_BYTES;
    u32[(header + MSG_NAMELEN) >> 2] = writeSockaddr(arena, name, to);
    arena.writePointer(header + MSG_IOV, arena, this.#pieces + this.#pieceCount * IOVEC_BYTES);
    this.#firsts[message] = this.#pieceCount;
    let controlled = writeTos(arena, control, to.family, tos);
    if (source !== undefined) controlled += writeSource(arena, control + controlled, source);
    u32[(header + MSG_CONTROLLEN) >> 2] = controlled;
    return message;
  }

  /** Takes bytes of the table's own for the last message; says where in `bytes` they are. */
  reserve(length: number): number {
    const at = this.#own + this.#ownCount;
    this.#ownCount += length;
    return at;
  }

  copy(from: Uint8Array, offset: number, length: number, to: number): void {
    copyBytes(this.bytes, to, from, offset, length);
  }

  /** A piece of the last message that lies in `bytes`. */
  addOwn(offset: number, length: number): void {
    this.#add(this.arena, offset, length);
  }

  /** A piece of the last message that lies in the received arena. */
  addReceived(offset: number, length: number): void {
    this.#add(this.#received, offset, length);
  }

  /** Takes back the last piece, and the last bytes of the table's own, where they are one. */
  dropOwn(length: number): void {
    this.#pieceCount--;
    this.#ownCount -= length;
  }

  /** Takes back the last message, which has no pieces any more. */
  dropMessage(): void {
    this.count--;
  }

  addZeros(length: number): void {
    this.#add(this.arena, this.#zeros, length);
  }

  /** Has the kernel cut a message into datagrams of that size (UDP_SEGMENT). */
  cut(message: number, segment: number): void {
    const { u32 } = this.arena;
    const lengthAt = (message * MMSGHDR_BYTES + MSG_CONTROLLEN) >> 2;
    const at = this.#controls + message * CONTROL_BYTES + u32[lengthAt]!;
    u32[lengthAt]! += writeInt(this.arena, at, SOL_UDP, UDP_SEGMENT, segment);
    // The value has 16 bits.
    u32[at >> 2] = CMSGHDR_BYTES + 2;
  }

  /** Takes back what `cut` did. */
  uncut(message: number): void {
    this.arena.u32[(message * MMSGHDR_BYTES + MSG_CONTROLLEN) >> 2]! -= CMSG_INT_BYTES;
  }

  /** Where a message is sent to. */
  destination(message: number, out: TransportAddress): void {
    readSockaddr(this.arena, this.#names + message * SOCKADDR_BYTES, out);
  }

  /** Whether it is one piece and nothing else, as sendto(2) takes it. */
  isPlain(message: number): boolean {
    const { u32 } = this.arena;
    const header = message * MMSGHDR_BYTES;
    return u32[(header + MSG_IOVLEN) >> 2] === 1 && u32[(header + MSG_CONTROLLEN) >> 2] === 0;
  }

  address(message: number): Pointer {
    return this.#addresses[message]!;
  }

  nameAddress(message: number): Pointer {
    return this.#nameAddresses[message]!;
  }

  nameLength(message: number): number {
    return this.arena.u32[(message * MMSGHDR_BYTES + MSG_NAMELEN) >> 2]!;
  }

  /** The first piece of a message; those of one message follow each other. */
  firstPiece(message: number): number {
    return this.#firsts[message]!;
  }

  /** The one behind the last piece of a message. */
  endPiece(message: number): number {
    return this.#firsts[message + 1]!;
  }

  pieceAddress(piece: number): Pointer {
    return this.arena.readPointer(this.#pieceAt(piece) << 2);
  }

  pieceLength(piece: number): number {
    return this.arena.u32[this.#pieceAt(piece) + 2]!;
  }

  /** Leaves a message no more than these of its pieces. */
  narrow(message: number, first: number, end: number): void {
    const header = message * MMSGHDR_BYTES;
    this.arena.writePointer(header + MSG_IOV, this.arena, this.#pieces + first * IOVEC_BYTES);
    this.arena.u32[(header + MSG_IOVLEN) >> 2] = end - first;
  }

  /** A copy of what these pieces are together. */
  gather(first: number, end: number, total: number): Uint8Array {
    const datagram = new Uint8Array(total);
    let filled = 0;
    for (let piece = first; piece < end; piece++) {
      const arena = this.#arenaOf(piece);
      const offset = this.arena.u32[this.#pieceAt(piece)]! - arena.low;
      const length = this.pieceLength(piece);
      datagram.set(arena.bytes.subarray(offset, offset + length), filled);
      filled += length;
    }
    return datagram;
  }

  #add(arena: Arena, offset: number, length: number): void {
    const { u32 } = this.arena;
    const at = this.#pieceAt(this.#pieceCount++);
    u32[at] = arena.low + offset;
    u32[at + 1] = arena.high;
    u32[at + 2] = length;
    u32[at + 3] = 0;
  }

  #pieceAt(piece: number): number {
    return (this.#pieces + piece * IOVEC_BYTES) >> 2;
  }

  #arenaOf(piece: number): Arena {
    const arena = this.arena;
    const at = this.#pieceAt(piece);
    const offset = arena.u32[at]! - arena.low;
    const own = arena.u32[at + 1] === arena.high && offset >= 0 && offset < arena.bytes.length;
    return own ? arena : this.#received;
  }
}
