// What a slot has sent, held against what was published: one stream whose numbers go on without gaps, in segments of
// one source each, and in each segment every packet of the source with its payload as it was.

import {
  absSendTime,
  EXTENSION_ABS_SEND_TIME,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_MID,
  EXTENSION_PLAYOUT_DELAY,
  EXTENSION_TRANSPORT_CC,
  EXTENSION_VIDEO_ORIENTATION,
  type ExtensionIds,
} from '../../../sfu/rtp/extension-kinds.ts';
import type { AgreedSection } from '../../../sfu/sdp/negotiation.ts';
import { RedReader } from '../../../sfu/rtp/red-reader.ts';
import type { SentPacket } from '../sfu-router/router-world.ts';
import { idsOf, type PublishedPacket, readInner } from './published.ts';

/** Of a time in milliseconds that was made of microseconds. */
const ROUNDING_US = 0.5;

interface Numbers {
  sequence: number;
  timestamp: number;
  pictureId: number;
  tl0PicIdx: number;
  keyIdx: number;
  frameNumber: number;
}

const INNER = ['pictureId', 'tl0PicIdx', 'keyIdx', 'frameNumber'] as const;
const NAMES = ['sequence', 'timestamp', ...INNER] as const;
const NO_NUMBERS: Numbers = {
  sequence: -1,
  timestamp: -1,
  pictureId: -1,
  tl0PicIdx: -1,
  keyIdx: -1,
  frameNumber: -1,
};

/** TL0PICIDX and KEYIDX: RFC 7741 s4.2. */
const MASKS = { sequence: -1, timestamp: -1, tl0PicIdx: 0xff, keyIdx: 0x1f, frameNumber: 0xffff };

/** Of one source without a break. */
export interface Segment {
  readonly ssrc: number;
  readonly first: PublishedPacket;
  last: PublishedPacket;
  packets: number;
  keyFrames: number;
  /** What was added to numbers. */
  readonly added: Readonly<Numbers>;
}

export interface Forwarded {
  readonly segments: readonly Segment[];
  readonly packets: number;
  /** Numbers that were not sent, by the source that is shown around them. */
  readonly gaps: readonly PublishedPacket[];
}

/**
 * Throws where a receiver would have a reason to complain.
 *
 * @param sent what was sent with the SSRC of the slot, in any order
 * @param startedAt the time of the world when the traces began
 */
export function checkForwarded(
  slot: AgreedSection,
  sent: readonly SentPacket[],
  published: readonly (readonly PublishedPacket[])[],
  startedAt: number,
): Forwarded {
  return new Checker(slot, published, startedAt).check(sent);
}

class Checker {
  readonly #slot: AgreedSection;
  readonly #ids: ExtensionIds;
  readonly #startedAt: number;
  /** By codec, payload and descriptor, but for numbers. */
  readonly #byContent = new Map<string, PublishedPacket[]>();
  readonly #byNumber = new Map<string, PublishedPacket>();
  readonly #segments: Segment[] = [];
  readonly #gaps: PublishedPacket[] = [];
  /** The furthest that was sent. */
  readonly #last: Numbers = { ...NO_NUMBERS };

  constructor(
    slot: AgreedSection,
    published: readonly (readonly PublishedPacket[])[],
    startedAt: number,
  ) {
    this.#slot = slot;
    this.#ids = idsOf(slot);
    this.#startedAt = startedAt;
    for (const packet of published.flat()) {
      if (packet.section.kind !== slot.kind) continue;
      this.#byNumber.set(`${packet.ssrc} ${packet.number}`, packet);
      const content = contentFor(slot, packet);
      const alike = this.#byContent.get(content) ?? [];
      alike.push(packet);
      this.#byContent.set(content, alike);
    }
  }

  check(sent: readonly SentPacket[]): Forwarded {
    const [first] = sent;
    if (first === undefined) return { segments: [], packets: 0, gaps: [] };
    const unwrapped = sent.map((packet) => ({
      packet,
      sequence: 0x1_0000 + unwrap(first.rtp.sequenceNumber, packet.rtp.sequenceNumber),
    }));
    unwrapped.sort((a, b) => a.sequence - b.sequence);
    for (const { packet, sequence } of unwrapped) this.#take(packet, sequence);
    return { segments: this.#segments, packets: sent.length, gaps: this.#gaps };
  }

  #take(sent: SentPacket, sequence: number): void {
    const { rtp } = sent;
    const codec = this.#slot.codecs.find((one) => one.payloadType === rtp.payloadType);
    if (codec === undefined) throw new Error(`payload type ${rtp.payloadType}`);
    const { inner, masked, descriptor } = readInner(codec, rtp, this.#ids);
    const candidates = this.#byContent.get(`${codec.format} ${descriptor} ${masked}`) ?? [];
    const current = this.#segments.at(-1);
    const next = candidates.find(
      (one) => one.ssrc === current?.ssrc && one.number + current.added.sequence === sequence,
    );
    const us = 1000 * (sent.at - this.#startedAt) + ROUNDING_US;
    const source = next ?? candidates.findLast(({ packet }) => packet.us <= us);
    if (source === undefined) throw new Error(`number ${sequence} was never published`);
    const numbers = { ...inner, sequence, timestamp: rtp.timestamp };
    let segment = current;
    if (segment === undefined || next === undefined) segment = this.#begin(source, numbers);
    else this.#noteGap(segment, sequence);
    this.#compare(sent, source, segment, numbers);
    segment.last = source;
    segment.packets++;
    if (source.startsKeyFrame) segment.keyFrames++;
    for (const name of NAMES) if (numbers[name] >= 0) this.#last[name] = numbers[name];
  }

  #begin(source: PublishedPacket, numbers: Numbers): Segment {
    const last = this.#last;
    const isVideo = this.#slot.kind === 'video';
    if (isVideo) same(source.startsKeyFrame, true, 'a source begins at a key frame');
    if (last.sequence >= 0) {
      same(numbers.sequence, last.sequence + 1, 'the next sequence number');
      const ticks = (numbers.timestamp - last.timestamp) | 0;
      same(ticks > 0, true, 'time goes on from one source to the next');
      for (const name of INNER) {
        if (last[name] < 0 || numbers[name] < 0) continue;
        const mask = maskOf(name, source.inner.pictureIdMask);
        same(numbers[name], (last[name] + 1) & mask, `the next ${name}`);
      }
    }
    const added = { ...NO_NUMBERS };
    const given = numbersOf(source);
    for (const name of NAMES) added[name] = numbers[name] - given[name];
    const segment = { ssrc: source.ssrc, first: source, last: source, packets: 0, keyFrames: 0 };
    this.#segments.push({ ...segment, added });
    return this.#segments.at(-1)!;
  }

  /** What was not sent between the last packet of a segment and this one. */
  #noteGap(segment: Segment, sequence: number): void {
    for (let missing = this.#last.sequence + 1; missing < sequence; missing++) {
      const source = this.#byNumber.get(`${segment.ssrc} ${missing - segment.added.sequence}`);
      if (source === undefined) throw new Error(`number ${missing} is left out`);
      this.#gaps.push(source);
    }
  }

  #compare(sent: SentPacket, source: PublishedPacket, segment: Segment, numbers: Numbers): void {
    const { rtp } = sent;
    const given = numbersOf(source);
    for (const name of NAMES) {
      const mask = maskOf(name, source.inner.pictureIdMask);
      const added = numbers[name] - given[name] - segment.added[name];
      if (given[name] >= 0) same(added & mask, 0, name);
      same(numbers[name] < 0, given[name] < 0, `whether there is ${name}`);
    }
    const isFirstOfAudio = this.#slot.kind === 'audio' && segment.packets === 0;
    same(rtp.marker, source.rtp.marker || isFirstOfAudio, 'the marker');
    same(rtp.csrcCount, 0, 'contributing sources');
    const ids = this.#ids;
    same(rtp.text(ids.id(EXTENSION_MID)), this.#slot.mid, 'the MID');
    const time = rtp.extensionU24(ids.id(EXTENSION_ABS_SEND_TIME));
    same(time, absSendTime(sent.at), 'the time of sending');
    same(rtp.extensionU16(ids.id(EXTENSION_TRANSPORT_CC)) >= 0, true, 'a transport-wide number');
    same(rtp.extensionU8(ids.id(EXTENSION_AUDIO_LEVEL)), source.audioLevel, 'the audio level');
    const orientation = rtp.extensionU8(ids.id(EXTENSION_VIDEO_ORIENTATION));
    same(orientation, source.orientation, 'the orientation');
    const delay = rtp.extensionU24(ids.id(EXTENSION_PLAYOUT_DELAY));
    same(delay, source.playoutDelay, 'the playout delay');
  }
}

function numbersOf({ number, rtp, inner }: PublishedPacket): Numbers {
  return { ...inner, sequence: number, timestamp: rtp.timestamp };
}

/** What a number is compared by: all bits of those that were unwrapped, or wrap at the end of a word. */
function maskOf(name: keyof Numbers, pictureIdMask: number): number {
  return name === 'pictureId' ? pictureIdMask : MASKS[name];
}

/** What a subscriber to that slot that loses nothing should find in a packet, but for numbers. */
function contentFor(
  slot: AgreedSection,
  { codec, payload, descriptor, masked }: PublishedPacket,
): string {
  const isKept = !slot.codecs.some(({ format }) => format === 'opus');
  if (isKept || codec.name !== 'red') return `${codec.format} ${descriptor} ${masked}`;
  const red = new RedReader();
  red.read(payload, 0, payload.length);
  const at = red.offsets[red.count - 1]!;
  return `opus ${descriptor} ${payload.toString('latin1', at)}`;
}

/** The number that is near another one, of 16 bits. */
function unwrap(reference: number, value: number): number {
  return reference + (((value - reference) << 16) >> 16);
}

/** Said so often that `expect` would take most of the time. */
function same<Value>(actual: Value, expected: Value, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)}, not ${String(expected)}`);
}
