// What a guest of the soak sees in one of its slots: packets of the track that the slot shows, and whether a decoder
// could begin and go on with them.

import { NackGenerator } from '../../../sfu/feedback/nack-generator.ts';
import { SEQUENCE_STRAY, SequenceUnwrapper } from '../../../sfu/feedback/sequence-unwrapper.ts';
import type { SlotStreams } from './description.ts';
import type { Stamp } from './source.ts';

const HISTORY = 512;
const RTT_MS = 20;

export class SlotView {
  readonly streams: SlotStreams;
  readonly isVideo: boolean;
  readonly nacks = new NackGenerator(HISTORY);
  /** The sid of what it shows; empty for nothing. */
  track = '';
  boundAt = 0;
  /** Of what it shows now. */
  lastPacketAt = Number.NEGATIVE_INFINITY;
  keyFrames = 0;
  lastLayer = 0;
  /** Since when a key frame has been asked for; NaN while none is wanted. */
  wantsKeySince = Number.NaN;
  askedAt = Number.NEGATIVE_INFINITY;
  /** Since when all that comes is of something that it does not show; NaN while that is not so. */
  strayedSince = Number.NaN;
  readonly #unwrapper = new SequenceUnwrapper();

  constructor(streams: SlotStreams) {
    this.streams = streams;
    this.isVideo = streams.mid.startsWith('v');
  }

  bind(track: string, now: number): void {
    if (track === this.track) return;
    this.track = track;
    this.boundAt = now;
    this.lastPacketAt = Number.NEGATIVE_INFINITY;
    this.keyFrames = 0;
    this.wantsKeySince = Number.NaN;
    this.strayedSince = Number.NaN;
  }

  /** @param isShown whether the stamp is that of the track that the slot shows */
  receive(sequence: number, stamp: Stamp | undefined, isShown: boolean, now: number): void {
    if (this.#unwrapper.unwrap(sequence) !== SEQUENCE_STRAY && this.isVideo) {
      const { extended } = this.#unwrapper;
      if (this.nacks.received(extended, now)) this.wishKeyFrame(now);
      if (stamp?.keyFrame === true) this.nacks.keyFrameStarted(extended);
    }
    if (stamp === undefined) return;
    if (!isShown) {
      if (Number.isNaN(this.strayedSince)) this.strayedSince = now;
      return;
    }
    this.strayedSince = Number.NaN;
    this.lastPacketAt = now;
    this.lastLayer = stamp.encoding;
    if (!stamp.keyFrame) {
      // The first packet was lost: no decoder can begin.
      if (this.isVideo && this.keyFrames === 0) this.wishKeyFrame(now);
      return;
    }
    this.keyFrames++;
    this.wantsKeySince = Number.NaN;
  }

  wishKeyFrame(now: number): void {
    if (Number.isNaN(this.wantsKeySince)) this.wantsKeySince = now;
  }

  /** Packets to ask for again. */
  missing(now: number, out: Uint16Array): number {
    return this.isVideo ? this.nacks.due(now, RTT_MS, out) : 0;
  }
}
