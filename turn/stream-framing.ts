// STUN and ChannelData messages on a byte stream (RFC 8489 s6.2.2, RFC 8656 s12.5): each says its own length, and
// ChannelData is padded to a multiple of four. What is neither cannot be followed, and ends the stream.
// Called by: TurnStreams. Allocates: nothing for a message that came in one piece; for one that did not, a buffer
// that is given up as soon as the message is whole.

import { HEADER_BYTES, MAGIC_COOKIE } from '../shared/stun/registry.ts';
import { CHANNEL_NUMBER_MIN } from './allocation.ts';

/** RFC 7983 s7: the first byte of a STUN message is 0 to 3. */
const STUN_FIRST_BYTE_MAX = 3;

/** RFC 8656 s12.4: channel number and length. Both kinds of message have said their length by then. */
const CHANNEL_DATA_HEADER_BYTES = 4;

/** Type, length and cookie of a STUN message. */
const COOKIE_END = 8;

/** What is held of a message has at least this much room, so that a slow trickle is not copied byte by byte. */
const HELD_BYTES_MIN = 256;

const EMPTY = new Uint8Array(0);

export interface StreamMessages {
  /** The longest message that may begin now, with its padding: asked once for each, and the stream ends if it is longer. */
  readonly messageBytesMax: number;

  /** One STUN message, or one ChannelData message without its padding. Bytes are only good until the call returns. */
  onMessage(bytes: Uint8Array, offset: number, length: number): void;
}

/** Takes the messages out of one stream, wherever it was cut. */
export class StreamFraming {
  readonly #messages: StreamMessages;
  readonly #channelFirstByteMax: number;
  /** The beginning of a message that is not whole yet. */
  #held = EMPTY;
  #heldBytes = 0;
  /** How long the message at the front is; 0 while it has not said so. */
  #length = 0;
  #over = false;

  /** @param channelNumberMax the highest channel number that may be bound */
  constructor(messages: StreamMessages, channelNumberMax: number) {
    this.#messages = messages;
    this.#channelFirstByteMax = channelNumberMax >> 8;
  }

  /** What it keeps of the stream. */
  get heldCapacity(): number {
    return this.#held.length;
  }

  /**
   * Takes what came next. False: the stream cannot be followed, and whatever comes afterwards is ignored. The verdict
   * is that of the bytes, and not of how they were cut. Must not be called from within `onMessage`.
   */
  push(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length && !this.#over) {
      if (this.#heldBytes === 0 && this.#isWhole(bytes, at)) {
        const length = this.#length;
        this.#length = 0;
        this.#messages.onMessage(bytes, at, length);
        at += padded(length);
      } else if (!this.#over) at += this.#hold(bytes, at);
    }
    return !this.#over;
  }

  /** Delivers nothing from now on, not even the rest of what is being pushed. */
  stop(): void {
    this.#over = true;
    this.#held = EMPTY;
    this.#heldBytes = 0;
  }

  #isWhole(bytes: Uint8Array, at: number): boolean {
    const available = bytes.length - at;
    this.#look(bytes, at, available);
    return !this.#over && this.#length !== 0 && available >= padded(this.#length);
  }

  /** Takes as much as the message at the front lacks, or else has not said that it lacks; returns how much. */
  #hold(bytes: Uint8Array, at: number): number {
    const whole = this.#length === 0 ? CHANNEL_DATA_HEADER_BYTES : padded(this.#length);
    const taken = Math.min(whole - this.#heldBytes, bytes.length - at);
    const heldBytes = this.#heldBytes + taken;
    if (heldBytes > this.#held.length) {
      // Room for twice what has come: who only claims a long message has none of our memory for it.
      const held = new Uint8Array(Math.max(Math.min(whole, 2 * heldBytes), HELD_BYTES_MIN));
      held.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = held;
    }
    this.#held.set(bytes.subarray(at, at + taken), this.#heldBytes);
    this.#heldBytes = heldBytes;
    this.#look(this.#held, 0, heldBytes);
    if (!this.#over && this.#length !== 0 && heldBytes === padded(this.#length)) this.#release();
    return taken;
  }

  #release(): void {
    const held = this.#held;
    const length = this.#length;
    this.#held = EMPTY;
    this.#heldBytes = 0;
    this.#length = 0;
    this.#messages.onMessage(held, 0, length);
  }

  /** Judges the message at the front by as much as there is of it, and finds out its length. */
  #look(bytes: Uint8Array, at: number, available: number): void {
    const first = bytes[at]!;
    const isStun = first <= STUN_FIRST_BYTE_MAX;
    if (!isStun && (first < CHANNEL_NUMBER_MIN >> 8 || first > this.#channelFirstByteMax)) {
      this.stop();
      return;
    }
    if (this.#length === 0 && available >= CHANNEL_DATA_HEADER_BYTES) {
      const said = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      const length = said + (isStun ? HEADER_BYTES : CHANNEL_DATA_HEADER_BYTES);
      // RFC 8489 s5: the last two bits of a STUN message's length are zero.
      if ((isStun && (said & 3) !== 0) || padded(length) > this.#messages.messageBytesMax) {
        this.stop();
        return;
      }
      this.#length = length;
    }
    if (isStun && available >= COOKIE_END && !hasCookie(bytes, at)) this.stop();
  }
}

/** RFC 8656 s12.5: (4 + length) up to the next multiple of four; a STUN message is one as it is. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

function hasCookie(bytes: Uint8Array, at: number): boolean {
  const high = (bytes[at + 4]! << 8) | bytes[at + 5]!;
  const low = (bytes[at + 6]! << 8) | bytes[at + 7]!;
  return high === MAGIC_COOKIE >>> 16 && low === (MAGIC_COOKIE & 0xffff);
}
