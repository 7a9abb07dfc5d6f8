// Opus in Ogg (RFC 7845, RFC 3533): the first logical stream of Opus in the file, packet by packet.
// Called by: open-media.ts.

import { FRAMES_MAX } from '../limits.ts';
import { opusDuration } from '../payloads/opus-duration.ts';
import { MediaFileError } from './media-file.ts';
import type { Frame, MediaFile } from './media-file.ts';

/** RFC 3533 s6. */
const CAPTURE = 'OggS';
const PAGE_HEADER_BYTES = 27;
const CONTINUED = 0x01;
const LACING_MAX = 255;
/** RFC 7845 s5: the two packets before sound. */
const HEAD = 'OpusHead';
const TAGS = 'OpusTags';
/** RFC 7845 s6: what a packet may have at most for 48 kHz of one mapping; more is no sound. */
const PACKET_BYTES_MAX = 61_440;

export function isOgg(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === CAPTURE;
}

interface Page {
  readonly isContinued: boolean;
  readonly serial: number;
  readonly lacing: Buffer;
  readonly body: Buffer;
}

/** @throws MediaFileError. Where a page is broken the file ends. */
export function readOggOpus(bytes: Buffer): MediaFile {
  const frames: Frame[] = [];
  let timestamp = 0;
  for (const data of packetsOf(bytes)) {
    const duration = opusDuration(data);
    // RFC 7845 s3: what has no duration is no packet of Opus.
    if (duration === 0) continue;
    if (frames.length === FRAMES_MAX) throw new MediaFileError('This file has too many frames');
    frames.push({ data, timestamp, isKeyFrame: true });
    timestamp += duration;
  }
  if (frames.length === 0) throw new MediaFileError('There is no sound of Opus in this Ogg file');
  return { codec: 'opus', frames, duration: timestamp };
}

/** Packets of sound of the first stream that begins as one of Opus. */
function* packetsOf(bytes: Buffer): Generator<Buffer> {
  let serial = -1;
  let pieces: Buffer[] = [];
  let pieceBytes = 0;
  for (const page of pagesOf(bytes)) {
    if (serial === -1 && page.body.toString('latin1', 0, HEAD.length) === HEAD) {
      serial = page.serial;
    }
    if (page.serial !== serial) continue;
    // The rest of a packet whose start is missing goes with it.
    let isWhole = !page.isContinued || pieces.length > 0;
    if (!page.isContinued) pieces = [];
    if (pieces.length === 0) pieceBytes = 0;
    let from = 0;
    let to = 0;
    for (const lace of page.lacing) {
      to += lace;
      if (lace === LACING_MAX) continue;
      const packet = joined(pieces, page.body.subarray(from, to));
      if (isWhole && packet.length <= PACKET_BYTES_MAX && !isHeader(packet)) yield packet;
      isWhole = true;
      pieces = [];
      pieceBytes = 0;
      from = to;
    }
    if (from === to || !isWhole) continue;
    pieceBytes += to - from;
    if (pieceBytes <= PACKET_BYTES_MAX) pieces.push(page.body.subarray(from, to));
    else pieces = [];
  }
}

function joined(pieces: readonly Buffer[], last: Buffer): Buffer {
  return pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
}

function isHeader(packet: Buffer): boolean {
  const start = packet.toString('latin1', 0, HEAD.length);
  return start === HEAD || start === TAGS;
}

function* pagesOf(bytes: Buffer): Generator<Page> {
  let at = 0;
  while (at + PAGE_HEADER_BYTES <= bytes.length) {
    if (!isOgg(bytes.subarray(at))) return;
    const segments = bytes[at + PAGE_HEADER_BYTES - 1]!;
    const bodyAt = at + PAGE_HEADER_BYTES + segments;
    if (bodyAt > bytes.length) return;
    const lacing = bytes.subarray(at + PAGE_HEADER_BYTES, bodyAt);
    const end = bodyAt + lacing.reduce((sum, lace) => sum + lace, 0);
    if (end > bytes.length) return;
    yield {
      isContinued: (bytes[at + 5]! & CONTINUED) !== 0,
      serial: bytes.readUInt32LE(at + 14),
      lacing,
      body: bytes.subarray(bodyAt, end),
    };
    at = end;
  }
}
