// What goes out on one client's stream: the messages of a turn in one piece, and how much the client has not read yet.
// Called by: TurnStreams. Allocates: one buffer for each turn in which something is written.

import { SPARE_BUFFER_BYTES_MAX, SPARE_BUFFERS_MAX } from './limits.ts';

/** For the usual turn: a packet or two. */
const BUFFER_BYTES_MIN = 2048;

const EMPTY = new Uint8Array(0);

/** Buffers that streams write in during a turn and give back at its end: a stream that is idle has none. */
export class SpareBuffers {
  readonly #buffers: Uint8Array[] = [];

  /** One with at least that much room, and with whatever was written there before. */
  take(bytes: number): Uint8Array {
    const buffer = this.#buffers.pop();
    if (buffer !== undefined && buffer.length >= bytes) return buffer;
    return new Uint8Array(Math.max(bytes, BUFFER_BYTES_MIN));
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === 0 || buffer.length > SPARE_BUFFER_BYTES_MAX) return;
    if (this.#buffers.length < SPARE_BUFFERS_MAX) this.#buffers.push(buffer);
  }
}

export class StreamOutput {
  readonly #spare: SpareBuffers;
  #buffer: Uint8Array = EMPTY;
  #written = 0;
  #sent = 0;

  constructor(spare: SpareBuffers) {
    this.#spare = spare;
  }

  /** Bytes that the client has not read yet, as far as we know. */
  get unread(): number {
    return this.#sent + this.#written;
  }

  /** Where `extend` gives places in; another buffer after each of its calls. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /** Room for so many bytes, every one of which the caller writes: where in `buffer` they begin. */
  extend(bytes: number): number {
    const at = this.#written;
    if (at + bytes > this.#buffer.length) {
      const old = this.#buffer;
      this.#buffer = this.#spare.take(Math.max(at + bytes, 2 * old.length));
      this.#buffer.set(old.subarray(0, at));
      this.#spare.give(old);
    }
    this.#written = at + bytes;
    return at;
  }

  /** What was written since the last time, in a buffer of its own; undefined where nothing was. */
  take(): Uint8Array | undefined {
    if (this.#written === 0) return undefined;
    const bytes = this.#buffer.slice(0, this.#written);
    this.#sent += this.#written;
    this.discard();
    return bytes;
  }

  /** Forgets what was written since `take`. */
  discard(): void {
    this.#spare.give(this.#buffer);
    this.#buffer = EMPTY;
    this.#written = 0;
  }

  /** So many bytes of what was taken are the kernel's now. */
  drained(bytes: number): void {
    this.#sent = Math.max(0, this.#sent - bytes);
  }
}
