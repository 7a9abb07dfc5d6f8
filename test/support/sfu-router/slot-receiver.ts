// What a receiver behind a slot may rely on, whatever the slot is pointed at: one stream whose numbers go on without
// gaps but for what was lost, whose time never goes back from one source to the next, and each source begins at a key
// frame.

import { Vp8Descriptor } from '../../../sfu/rtp/vp8.ts';
import { tagOf, type PacketTag } from './camera.ts';
import type { SentPacket } from './router-world.ts';

/** Of one source as it is shown without a break. */
interface Segment {
  camera: number;
  incarnation: number;
  epoch: string;
  /** Differences between what comes out and what went in, which stay. */
  sequence: number;
  timestamp: number;
  pictureId: number;
  tl0PicIdx: number;
  keyIdx: number;
}

const mod = (value: number, modulus: number): number => ((value % modulus) + modulus) % modulus;

export class SlotReceiver {
  packets = 0;
  segments = 0;
  lastTag: PacketTag | undefined = undefined;
  readonly #vp8 = new Vp8Descriptor();
  readonly #seen = new Set<number>();
  #segment: Segment | undefined = undefined;
  #sequence = -1;
  #timestamp = 0;
  #timestampAt = 0;
  #pictureId = -1;
  #tl0PicIdx = -1;
  #keyIdx = -1;

  /**
   * @param epochOf another one when what follows is another source, whatever it says of itself
   * @param numberOf the number of a packet among those of its incarnation that are forwarded
   */
  receive(
    packet: SentPacket,
    epochOf: (tag: PacketTag) => string,
    numberOf: (tag: PacketTag) => number,
  ): void {
    const { rtp, payload, at } = packet;
    const sequence = this.#unwrap(rtp.sequenceNumber);
    same(this.#seen.has(sequence), false, 'a sequence number twice');
    this.#seen.add(sequence);
    this.packets++;
    // Padding that came late fills its place.
    if (payload.length === 0) return;
    const tag = tagOf(payload)!;
    const epoch = epochOf(tag);
    this.lastTag = tag;
    this.#vp8.read(payload, 0, payload.length);
    const current = this.#segment;
    const continues =
      current !== undefined &&
      current.camera === tag.camera &&
      current.incarnation === tag.incarnation &&
      current.epoch === epoch;
    if (!continues) this.#begin(tag, epoch, sequence, rtp.timestamp, at, numberOf(tag));
    const segment = this.#segment!;
    const width = this.#vp8.pictureIdMask + 1;
    same(sequence - numberOf(tag), segment.sequence, 'sequence numbers');
    same(mod(rtp.timestamp - tag.timestamp, 2 ** 32), segment.timestamp, 'timestamps');
    const pictureId = mod(this.#vp8.pictureId - tag.pictureId, width);
    same(pictureId, mod(segment.pictureId, width), 'picture IDs');
    same(mod(this.#vp8.tl0PicIdx - tag.tl0PicIdx, 256), segment.tl0PicIdx, 'TL0PICIDX');
    same(mod(this.#vp8.keyIdx - tag.keyIdx, 32), segment.keyIdx, 'KEYIDX');
    this.#note(sequence, rtp.timestamp, at, width);
  }

  #begin(
    tag: PacketTag,
    epoch: string,
    sequence: number,
    timestamp: number,
    at: number,
    number: number,
  ): void {
    const vp8 = this.#vp8;
    this.segments++;
    same(tag.startsKey, true, 'a source begins at a key frame');
    if (this.#segment !== undefined) {
      const ticks = Math.max(3000, Math.round(90 * (at - this.#timestampAt)));
      const width = vp8.pictureIdMask + 1;
      same(sequence, this.#sequence + 1, 'the next sequence number');
      same(mod(timestamp - this.#timestamp, 2 ** 32), ticks, 'time that went by');
      same(vp8.pictureId, mod(this.#pictureId + 1, width), 'the next picture ID');
      same(vp8.tl0PicIdx, mod(this.#tl0PicIdx + 1, 256), 'the next TL0PICIDX');
      same(vp8.keyIdx, mod(this.#keyIdx + 1, 32), 'the next KEYIDX');
    }
    this.#segment = {
      camera: tag.camera,
      incarnation: tag.incarnation,
      epoch,
      sequence: sequence - number,
      timestamp: mod(timestamp - tag.timestamp, 2 ** 32),
      pictureId: vp8.pictureId - tag.pictureId,
      tl0PicIdx: mod(vp8.tl0PicIdx - tag.tl0PicIdx, 256),
      keyIdx: mod(vp8.keyIdx - tag.keyIdx, 32),
    };
  }

  /** What is furthest ahead. */
  #note(sequence: number, timestamp: number, at: number, width: number): void {
    const vp8 = this.#vp8;
    const isFirst = this.#sequence < 0;
    if (sequence > this.#sequence) this.#sequence = sequence;
    const ahead = mod(timestamp - this.#timestamp, 2 ** 32);
    if (isFirst || (ahead > 0 && ahead < 2 ** 31)) {
      this.#timestamp = timestamp;
      this.#timestampAt = at;
    }
    this.#pictureId = newest(this.#pictureId, vp8.pictureId, width);
    this.#tl0PicIdx = newest(this.#tl0PicIdx, vp8.tl0PicIdx, 256);
    this.#keyIdx = newest(this.#keyIdx, vp8.keyIdx, 32);
  }

  #unwrap(sequenceNumber: number): number {
    if (this.#sequence < 0) return 0x1_0000 + sequenceNumber;
    const ahead = mod(sequenceNumber - this.#sequence, 0x1_0000);
    return this.#sequence + (ahead < 0x8000 ? ahead : ahead - 0x1_0000);
  }
}

/**
 * The one of two numbers that is ahead, where they wrap. What has fewer bits than there were before goes on with the
 * others, so that it can have them again later.
 */
function newest(before: number, value: number, width: number): number {
  if (before < 0) return value;
  const ahead = mod(value - before, width);
  return ahead < width / 2 ? before + ahead : before;
}

/** Said so often that `expect` would take most of the time. */
function same<Value>(actual: Value, expected: Value, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)}, not ${String(expected)}`);
}
