// What a decoder could show of the video that a subscriber is sent: frames of which all packets came, behind a key
// frame of which all came, without a gap. It asks for nothing again.

import type { SentPacket } from './router-world.ts';

/** Of the descriptor that SimulcastCamera writes, and of the header that a frame begins with (RFC 7741 s4.2, s4.3). */
const DESCRIPTOR_BYTES = 4;
const HEADER_BYTES = 10;

export class TestDecoder {
  /** Each frame that could be shown, and when. */
  readonly shown: { at: number; encoding: number }[] = [];
  #next = -1;
  /** All has come since the last key frame began. */
  #isWhole = false;

  /** A packet of media came, in the order of sending. */
  receive({ rtp, payload }: SentPacket, at: number): void {
    const first = (payload[0]! & 0x10) !== 0;
    const key = first && (payload[DESCRIPTOR_BYTES]! & 1) === 0;
    if (rtp.sequenceNumber !== this.#next) this.#isWhole = false;
    this.#next = (rtp.sequenceNumber + 1) & 0xffff;
    if (key) this.#isWhole = true;
    if (rtp.marker && this.#isWhole) {
      this.shown.push({ at, encoding: readFrame(payload).encoding });
    }
  }

  /** The longest time without a new picture, milliseconds, and when the first one of an encoding came. */
  longestGap(from: number, to: number): number {
    let longest = 0;
    for (const [i, { at }] of this.shown.entries()) {
      const next = this.shown[i + 1]?.at ?? to;
      if (next >= from && at <= to) longest = Math.max(longest, Math.min(next, to) - at);
    }
    return longest;
  }

  firstAfter(from: number, holds: (encoding: number) => boolean): number {
    const found = this.shown.find(({ at, encoding }) => at > from && holds(encoding));
    return (found?.at ?? Number.POSITIVE_INFINITY) - from;
  }
}

/** Which encoding and frame a packet of SimulcastCamera is of. */
export function readFrame(payload: Buffer): { encoding: number; frame: number } {
  // Behind the descriptor, and what begins a frame or does not.
  const head = DESCRIPTOR_BYTES + ((payload[0]! & 0x10) === 0 ? 1 : HEADER_BYTES);
  return { encoding: payload.readUInt32BE(head), frame: payload.readUInt32BE(head + 4) };
}
