// Packets on a byte stream, each after its length in 16 bits (RFC 4571 s2), as ICE-TCP has them (RFC 6544 s3).
// Called by: whoever owns the TCP connections. Allocates: nothing for a packet that came in one piece; for
// one that did not, a buffer that the connection keeps.

/** RFC 4571 s2. */
export const FRAME_HEADER_BYTES = 2;
/** RFC 4571 s2: what 16 bits can say. */
export const FRAME_BYTES_MAX = 0xffff;

/** The buffer for packets in pieces has at least this many bytes, so that it seldom has to grow. */
const HELD_BYTES_MIN = 256;

const EMPTY = new Uint8Array(0);

export interface FrameSink {
  /** One packet, never empty. The bytes are only good until the call returns. */
  onFrame(bytes: Uint8Array, offset: number, length: number): void;
}

/** Takes the packets out of one stream, wherever it was cut. */
export class Deframer {
  readonly #sink: FrameSink;
  readonly #limit: number;
  #headerBytes = 0;
  #frame = 0;
  #held = EMPTY;
  #heldBytes = 0;
  #over = false;

  /** @param limit the longest packet accepted: memory that one connection can claim */
  constructor(sink: FrameSink, limit: number) {
    this.#sink = sink;
    this.#limit = limit;
  }

  /**
   * Takes what came next. False: a packet is longer than the limit, so the stream cannot be followed any more
   * and the connection is to be closed; whatever comes afterwards is ignored. Must not be called from within
   * `onFrame`.
   */
  push(bytes: Uint8Array, offset: number, length: number): boolean {
    const end = offset + length;
    let at = offset;
    while (at < end && !this.#over) {
      if (this.#headerBytes < FRAME_HEADER_BYTES) {
        if (!this.#header(bytes[at++]!)) return false;
      } else {
        at += this.#body(bytes, at, end - at);
      }
    }
    return !this.#over;
  }

  /** Delivers nothing from now on, not even the rest of what is being pushed. */
  stop(): void {
    this.#over = true;
    this.#held = EMPTY;
  }

  #header(byte: number): boolean {
    this.#frame = ((this.#frame << 8) | byte) & 0xffff;
    this.#headerBytes++;
    if (this.#headerBytes < FRAME_HEADER_BYTES) return true;
    if (this.#frame > this.#limit) {
      this.stop();
      return false;
    }
    // RFC 4571 s2: a length of zero codes the null packet; there is nothing to deliver.
    if (this.#frame === 0) this.#headerBytes = 0;
    return true;
  }

  /** Takes at most `available` bytes of the packet that is under way; returns how many. */
  #body(bytes: Uint8Array, at: number, available: number): number {
    const frame = this.#frame;
    const missing = frame - this.#heldBytes;
    if (available < missing) {
      this.#hold(bytes, at, available);
      return available;
    }
    const whole = this.#heldBytes === 0;
    if (!whole) this.#hold(bytes, at, missing);
    this.#headerBytes = 0;
    this.#heldBytes = 0;
    if (whole) this.#sink.onFrame(bytes, at, frame);
    else this.#sink.onFrame(this.#held, 0, frame);
    return missing;
  }

  #hold(bytes: Uint8Array, at: number, length: number): void {
    // Only ever at the beginning of a packet, so that nothing held has to move.
    if (this.#held.length < this.#frame) {
      const room = Math.max(HELD_BYTES_MIN, 2 * this.#held.length);
      this.#held = new Uint8Array(Math.max(this.#frame, Math.min(room, this.#limit)));
    }
    this.#held.set(bytes.subarray(at, at + length), this.#heldBytes);
    this.#heldBytes += length;
  }
}

/**
 * Writes one packet with its length in front at `at`; returns how many bytes that took. 0, and nothing
 * written, when there is no room for it or when it is longer than a frame can be.
 */
export function writeFrame(
  into: Uint8Array,
  at: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  const whole = FRAME_HEADER_BYTES + length;
  if (length > FRAME_BYTES_MAX || at + whole > into.length) return 0;
  into[at] = length >>> 8;
  into[at + 1] = length;
  into.set(bytes.subarray(offset, offset + length), at + FRAME_HEADER_BYTES);
  return whole;
}
