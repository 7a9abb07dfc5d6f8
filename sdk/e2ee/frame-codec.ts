// An encoded frame as it travels: the bytes that the packetizer and the server read, what AES-256-GCM made of the rest,
// and a trailer that says which key and which counter. Bytes that stay clear and the trailer are authenticated.
// Called by: frame-vault.ts (seals), receive-keys.ts (opens).

import { concat } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { SALT_BYTES } from './media-key.ts';
import type { FrameKey } from './media-key.ts';

/** Those whose packetizers take a frame as it is: AV1's and H.264's look for units inside. */
export type FrameCodec = 'opus' | 'vp8' | 'vp9';

const VERSION = 1;
const TAG_BYTES = 16;
/** Counter, epoch, generation, version and how many bytes stay clear. */
const TRAILER_BYTES = 7;
const COUNTER_BYTES = 4;
export const OVERHEAD_BYTES = TAG_BYTES + TRAILER_BYTES;

/**
 * The table of contents with the code for any number of frames, and the number 0, which no packet has (RFC 6716
 * s3.2.5): whoever cannot open it plays nothing, where it would play noise otherwise.
 */
const OPUS_HEADER_BYTES = 2;
const OPUS_ANY_NUMBER = 0x03;
/** The frame tag, and behind it the start code and the size of a key frame (RFC 6386 s9.1). */
const VP8_TAG_BYTES = 3;
const VP8_KEY_FRAME_BYTES = 10;
const VP8_INTER_FRAME_BIT = 0x01;
/** The start code is nobody's on the way; without it no decoder begins. */
const VP8_START_CODE = { from: 3, end: 6 };

export interface Trailer {
  readonly counter: number;
  /** Its lowest eight bits. */
  readonly epoch: number;
  readonly generation: number;
  /** Bytes that stayed clear. */
  readonly clear: number;
}

/** What stays clear of a frame, as it is sent, and what is encrypted. */
function split(codec: FrameCodec, frame: Bytes): { header: Bytes; body: Bytes } {
  const [first = 0] = frame;
  if (codec === 'opus')
    return { header: new Uint8Array([first | OPUS_ANY_NUMBER, 0]), body: frame };
  // Of VP9 the payload descriptor says all (RFC 9628 s4.2).
  const isInter = (first & VP8_INTER_FRAME_BIT) !== 0;
  const wanted = codec === 'vp9' ? 0 : isInter ? VP8_TAG_BYTES : VP8_KEY_FRAME_BYTES;
  const clear = frame.length < wanted ? 0 : wanted;
  return { header: withStartCodeInverted(frame.slice(0, clear)), body: frame.subarray(clear) };
}

/** The frame of which that was made. */
function joined(header: Bytes, body: Bytes): Bytes {
  return header.length === OPUS_HEADER_BYTES ? body : concat(withStartCodeInverted(header), body);
}

/** Once to send it, once more to have it back; of nothing but the beginning of a key frame of VP8. */
function withStartCodeInverted(header: Bytes): Bytes {
  if (header.length !== VP8_KEY_FRAME_BYTES) return header;
  const { from, end } = VP8_START_CODE;
  return header.map((byte, at) => (at >= from && at < end ? byte ^ 0xff : byte));
}

/** A counter is used once with a key. */
export async function sealFrame(
  { key, salt, epoch, generation }: FrameKey,
  counter: number,
  frame: Bytes,
  codec: FrameCodec,
): Promise<Bytes> {
  const { header, body } = split(codec, frame);
  const trailer = new Uint8Array(TRAILER_BYTES);
  new DataView(trailer.buffer).setUint32(0, counter);
  trailer.set([epoch & 0xff, generation, (VERSION << 4) | header.length], COUNTER_BYTES);
  const algorithm = {
    name: 'AES-GCM',
    iv: nonceOf(salt, counter),
    additionalData: concat(header, trailer),
  };
  const sealed = await crypto.subtle.encrypt(algorithm, key, body);
  return concat(header, new Uint8Array(sealed), trailer);
}

/** Null for what cannot be such a frame: clear, cut off, or of another version. */
export function readTrailer(frame: Bytes): Trailer | null {
  const at = frame.length - TRAILER_BYTES;
  if (at < TAG_BYTES) return null;
  const view = new DataView(frame.buffer, frame.byteOffset + at, TRAILER_BYTES);
  const last = view.getUint8(COUNTER_BYTES + 2);
  const clear = last & 0x0f;
  if (last >> 4 !== VERSION || clear > VP8_KEY_FRAME_BYTES || clear + TAG_BYTES > at) return null;
  return {
    counter: view.getUint32(0),
    epoch: view.getUint8(COUNTER_BYTES),
    generation: view.getUint8(COUNTER_BYTES + 1),
    clear,
  };
}

/** Null for what was not sealed with that key, or was changed on its way. */
export async function openFrame(
  { key, salt }: FrameKey,
  { counter, clear }: Trailer,
  frame: Bytes,
): Promise<Bytes | null> {
  const end = frame.length - TRAILER_BYTES;
  const header = frame.subarray(0, clear);
  const algorithm = {
    name: 'AES-GCM',
    iv: nonceOf(salt, counter),
    additionalData: concat(header, frame.subarray(end)),
  };
  try {
    const opened = await crypto.subtle.decrypt(algorithm, key, frame.subarray(clear, end));
    return joined(header, new Uint8Array(opened));
  } catch {
    return null;
  }
}

/** The salt of the key with the counter in its last bytes (as in RFC 9605 s4.4.3). */
function nonceOf(salt: Bytes, counter: number): Bytes {
  const nonce = salt.slice();
  const view = new DataView(nonce.buffer);
  const at = SALT_BYTES - COUNTER_BYTES;
  view.setUint32(at, (view.getUint32(at) ^ counter) >>> 0);
  return nonce;
}
