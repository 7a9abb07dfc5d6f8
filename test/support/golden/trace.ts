// What a browser has sent, decrypted, with its arrival times and what was negotiated; as a file of some kilobytes.
// Media is cut off behind the bytes that parsers of codecs read, and comes back as bytes that tell packets apart.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { AgreedSection } from '../../../sfu/sdp/negotiation.ts';
import { RTP_OK, RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { OSN_BYTES } from '../../../sfu/rtp/rtx.ts';
import { generator } from '../sfu-router/random.ts';

const FOLDER = new URL('../../fixtures/golden/', import.meta.url);
const SUFFIX = '.trace.gz';

/** Bytes of a payload that are kept; of audio behind the headers of redundancy as well. */
const KEPT = { audio: 16, video: 48 };

export const RTP = 0;
export const RTCP = 1;
/** RTP that the recording has withheld from the router, which has asked for it again. */
export const LOST = 2;

/** What was done to the browser, at a time. */
export interface TraceEvent {
  readonly us: number;
  readonly what: 'pli' | 'mute' | 'unmute' | 'replace' | 'restore' | 'stop' | 'start';
}

/** The browser's own account of one stream of video, by its SSRC. */
export interface SenderAccount {
  readonly ssrc: number;
  readonly rid: string;
  readonly codec: string;
  readonly frames: number;
  /** -1 where the browser does not count them. */
  readonly keyFrames: number;
  /** Of frames, without retransmissions and padding. */
  readonly packets: number;
}

export interface TraceHead {
  readonly browser: string;
  /** The first is that of video. */
  readonly sections: readonly AgreedSection[];
  readonly events: readonly TraceEvent[];
  readonly senders: readonly SenderAccount[];
}

export interface TracePacket {
  /** Since the first packet. */
  readonly us: number;
  readonly kind: typeof RTP | typeof RTCP | typeof LOST;
  readonly bytes: Buffer;
}

export interface Trace extends TraceHead {
  readonly packets: readonly TracePacket[];
}

export function traceNames(): string[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(SUFFIX));
  return names.map((name) => name.slice(0, -SUFFIX.length)).toSorted();
}

export function readTrace(name: string): Trace {
  return decodeTrace(readFileSync(new URL(`${name}${SUFFIX}`, FOLDER)));
}

export function writeTrace(name: string, trace: Trace): void {
  writeFileSync(new URL(`${name}${SUFFIX}`, FOLDER), encodeTrace(trace));
}

/** A line of JSON; then for each packet: microseconds since the one before, kind, length, kept length, what is kept. */
export function encodeTrace({ packets, ...head }: Trace): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`${JSON.stringify(head)}\n`)];
  let before = 0;
  for (const { us, kind, bytes } of packets) {
    const kept = kind === RTCP ? bytes.length : keptBytes(bytes, head.sections);
    const numbers = [us - before, kind, bytes.length, kept];
    before = us;
    parts.push(Buffer.from(numbers.flatMap((one) => leb128(one))), bytes.subarray(0, kept));
  }
  return gzipSync(Buffer.concat(parts), { level: 9 });
}

export function decodeTrace(file: Buffer): Trace {
  const text = gunzipSync(file);
  let at = text.indexOf('\n') + 1;
  const head = JSON.parse(text.toString('utf8', 0, at)) as TraceHead;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = text[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const packets: TracePacket[] = [];
  for (let us = 0; at < text.length;) {
    us += number();
    const kind = number();
    const bytes = Buffer.alloc(number());
    const kept = number();
    text.copy(bytes, 0, at, at + kept);
    at += kept;
    fill(bytes, kept);
    if (kind !== RTP && kind !== RTCP && kind !== LOST) throw new Error(`kind ${kind}`);
    packets.push({ us, kind, bytes });
  }
  return { ...head, packets };
}

/** All of a packet with padding: its last byte counts that. Of a retransmission as much of what it repeats. */
function keptBytes(bytes: Buffer, sections: readonly AgreedSection[]): number {
  const rtp = new RtpReader();
  if (rtp.read(bytes, 0, bytes.length) !== RTP_OK || rtp.paddingBytes > 0) return bytes.length;
  const { payloadType } = rtp;
  for (const { kind, codecs } of sections) {
    for (const codec of codecs) {
      const isRtx = codec.rtxPayloadType === payloadType;
      if (codec.payloadType !== payloadType && !isRtx) continue;
      return Math.min(bytes.length, rtp.headerBytes + KEPT[kind] + (isRtx ? OSN_BYTES : 0));
    }
  }
  return bytes.length;
}

/** The same bytes for what is cut off of one payload, whether it is sent for the first time or again. */
function fill(bytes: Buffer, kept: number): void {
  if (kept === bytes.length) return;
  const seed = bytes.subarray(kept - 8, kept);
  const below = generator(seed.readInt32BE(0) ^ Math.imul(seed.readInt32BE(4), 31));
  for (let i = kept; i < bytes.length; i++) bytes[i] = below(256);
}

function leb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}
