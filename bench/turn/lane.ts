// One direction of one flow: where its packets go, and how many are on their way. A payload begins with the number of
// its lane and the time it was sent at, so that whoever receives it can tell both. Allocates: nothing per packet.

import type { Engine } from '../../shared/net/engine.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';

/** Lane number and time stamp. */
export const PAYLOAD_BYTES_MIN = 8;

/** What a lane sends through: a socket, a destination, and a datagram with its payload somewhere in it. */
export interface Course {
  readonly socket: number;
  readonly to: TransportAddress;
  /** The header of ChannelData; undefined = none. */
  readonly prefix: number | undefined;
  readonly datagram: Uint8Array;
  readonly payloadAt: number;
}

export class Lane {
  /** Sent and not yet arrived. */
  inFlight = 0;
  /** When its last burst was sent, milliseconds. */
  sentAt = 0;
  readonly #engine: Engine;
  readonly #number: number;
  readonly #course: Course;

  constructor(engine: Engine, number: number, course: Course) {
    this.#engine = engine;
    this.#number = number;
    this.#course = course;
    writeWord(course.datagram, course.payloadAt, number);
  }

  send(stamp: number): void {
    const { socket, to, prefix, datagram, payloadAt } = this.#course;
    writeWord(datagram, payloadAt + 4, stamp);
    if (prefix === undefined) this.#engine.send(socket, to, datagram, 0, datagram.length);
    else this.#engine.sendPrefixed(socket, to, prefix, datagram, 0, datagram.length);
    this.inFlight++;
  }

  /** Whether a payload is one of this lane's. */
  owns(bytes: Uint8Array, offset: number): boolean {
    return readWord(bytes, offset) === this.#number;
  }
}

/** Tenths of a microsecond, modulo 2^32. */
export function stampNow(): number {
  return (performance.now() * 10_000) >>> 0;
}

/** Microseconds since the stamp in a payload. */
export function microsecondsSince(bytes: Uint8Array, offset: number, now: number): number {
  return ((now - readWord(bytes, offset + 4)) >>> 0) / 10;
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
