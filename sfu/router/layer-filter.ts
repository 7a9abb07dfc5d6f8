// Which frames of a stream with layers one subscriber is sent. What is left out was left out on purpose, so the
// numbers close over it; what was lost before it came here stays a gap. Since when which operating point holds is
// remembered by the numbers of packets: a late packet gets the decision that its frame got, and none is ever undone.
// Called by: SlotOutput. Allocates: nothing but when it is made.

import {
  ALL_POINTS,
  beginsAfter,
  LAYERS_COUNTED,
  LAYERS_END,
  LAYERS_LONG_ID,
  LAYERS_START,
  LAYERS_STEP,
  neededBy,
  NO_LAYERS,
  operatingPoint,
  POINTS,
  SPATIAL_LAYERS_MAX,
  spatialLayer,
  spatialOf,
  TEMPORAL_LAYERS_MAX,
  temporalLayer,
  temporalOf,
} from '../rtp/packet-layers.ts';
import { VP8_LONG_PICTURE_ID_MASK, VP8_SHORT_PICTURE_ID_MASK } from '../rtp/vp8.ts';
import { FILTER_RUNS } from './limits.ts';
import { ABSENT, type MediaPacket } from './media-packet.ts';
import { NOT_MAPPED, RemovedSequences } from './removed-sequences.ts';

/** Changes of the operating point that are remembered; a power of two. */
const CHANGES = 32;

/** The point of who is sent nothing: no frame is needed for it. */
const NOTHING = POINTS;

/** What `take` says of a packet. */
export const PASSES = 0;
/** It is left out, and nobody will miss it. */
export const LEFT_OUT = 1;
/** It is left out, and came so late that its number is missed: padding has to fill it. */
export const LEFT_A_GAP = 2;

export class LayerFilter {
  /** Whether the source has layers. */
  isActive = false;
  /** The operating point to get to. */
  #spatial = SPATIAL_LAYERS_MAX - 1;
  #temporal = TEMPORAL_LAYERS_MAX - 1;
  /** Nothing but a key frame brings the spatial layer that is to be shown. */
  awaitsKeyFrame = false;
  /** Nothing more is sent until the key frame that a smaller picture begins with. */
  #isHeld = false;
  /** The one that holds now. */
  #point = 0;
  /** Those that could be gone over to: nothing is missing of what their frames refer to. */
  #intact = ALL_POINTS;
  /** Whether spatial layers need all that is below them, as told since a key frame, of that timestamp. */
  #nests: boolean | undefined = undefined;
  #keyTimestamp = 0;
  #newest = 0;
  /** Of the newest packet. */
  #timestamp = 0;
  /** A ring: from which number on which operating point has held. */
  readonly #since = new Int32Array(CHANGES);
  readonly #points = new Int8Array(CHANGES);
  #changes = 0;
  readonly #packets = new RemovedSequences(FILTER_RUNS);
  /** VP8: its picture IDs, of which none is to be missed (RFC 7741 s4.2), without an end. */
  readonly #pictures = new RemovedSequences(FILTER_RUNS);
  #picture = -1;

  /** Which layers are to be sent, as far as there are so many. */
  aim(spatial: number, temporal: number): void {
    this.#spatial = spatial;
    this.#temporal = temporal;
  }

  /**
   * Whether a packet that was sent is of no use any more: of a larger picture than the one that is shown now, or about
   * to be.
   */
  isPast(layers: number): boolean {
    if (!this.isActive) return false;
    const isComingDown =
      this.#isHeld || (this.awaitsKeyFrame && this.#spatial < spatialOf(this.#point));
    return isComingDown || (layers !== NO_LAYERS && spatialLayer(layers) > spatialOf(this.#point));
  }

  /**
   * Who is to come down to a smaller picture, and cannot at once, is sent nothing until it begins: the queue is full of
   * the larger one. Returns whether that is so.
   */
  hold(): boolean {
    if (!this.isActive || this.#spatial >= spatialOf(this.#point)) return false;
    const wanted = operatingPoint(this.#spatial, this.#temporal);
    this.#isHeld ||= ((this.#intact >> wanted) & 1) === 0;
    this.awaitsKeyFrame ||= this.#isHeld;
    return this.#isHeld;
  }

  /** The next packet is of another source. */
  end(): void {
    this.isActive = false;
    this.awaitsKeyFrame = false;
    this.#isHeld = false;
  }

  /** The source turns out to have layers: so far all of it was sent. @param top its highest spatial layer */
  begin(sequence: number, { timestamp, keyFrame }: MediaPacket, top: number): void {
    this.isActive = true;
    this.#intact = ALL_POINTS;
    this.#nests = undefined;
    // Its own layers need each other however others do.
    this.#keyTimestamp = timestamp;
    this.#changes = 0;
    this.#packets.clear();
    this.#pictures.clear();
    this.#picture = -1;
    this.#newest = (sequence - 1) | 0;
    // Where it is a key frame the first decision is still to be made, and any is good.
    this.#timestamp = keyFrame ? ~timestamp : timestamp;
    this.#change(sequence, operatingPoint(top, TEMPORAL_LAYERS_MAX - 1));
  }

  /** Decides about a packet. PASSES, LEFT_OUT or LEFT_A_GAP. */
  take(sequence: number, packet: MediaPacket, top: number): number {
    const { layers } = packet;
    const ahead = (sequence - this.#newest) | 0;
    if (ahead > 0) {
      if (ahead > 1) this.#intact &= this.#neededToo();
      this.#noteNeeds(packet, top);
      const isPicture =
        (layers & LAYERS_START) !== 0 &&
        packet.timestamp !== this.#timestamp &&
        // Of what was lost some may have been of this picture.
        (ahead === 1 || top === 0 || packet.keyFrame);
      if (isPicture) this.#choose(sequence, packet, top);
      this.#newest = sequence;
      this.#timestamp = packet.timestamp;
    }
    const passes = this.passes(sequence, layers);
    if (layers !== NO_LAYERS) {
      if (!passes) this.#intact &= ~neededBy(layers);
      // Of what came after a late packet something may have been left out.
      else if (ahead > 0) this.#intact |= beginsAfter(layers);
    }
    this.#notePicture(packet, ahead > 0 && !passes);
    if (passes) return PASSES;
    if (ahead <= 0) return LEFT_A_GAP;
    this.#packets.remove(sequence);
    return LEFT_OUT;
  }

  /** What was decided about a packet, or would be. */
  passes(sequence: number, layers: number): boolean {
    if (layers === NO_LAYERS) return true;
    const point = this.#pointAt(sequence);
    return point >= 0 && ((neededBy(layers) >> point) & 1) === 1;
  }

  /** The number without what was left out before; NOT_MAPPED where it was left out itself. */
  map(sequence: number): number {
    return this.#packets.map(sequence);
  }

  /** Whether what the publisher marks comes later and is left out: the picture ends with this packet. */
  endsPicture(sequence: number, layers: number): boolean {
    if ((layers & LAYERS_END) === 0) return false;
    return spatialLayer(layers) === spatialOf(this.#pointAt(sequence));
  }

  /** The picture ID without those that were left out, in the bits that it has. */
  pictureOf({ pictureId, layers }: MediaPacket): number {
    if (pictureId === ABSENT || (layers & LAYERS_COUNTED) === 0) return pictureId;
    const mask = pictureMask(layers);
    const mapped = this.#pictures.map(this.#unwrap(pictureId, mask));
    return mapped === NOT_MAPPED ? pictureId : mapped & mask;
  }

  /** Of a key picture every spatial layer needs those below; of others that may be different. */
  #noteNeeds({ layers, keyFrame, timestamp }: MediaPacket, top: number): void {
    if (keyFrame) {
      this.#nests = undefined;
      this.#keyTimestamp = timestamp;
    }
    const spatial = spatialLayer(layers);
    if (layers === NO_LAYERS || timestamp === this.#keyTimestamp || spatial >= top) return;
    const above = operatingPoint(spatial + 1, temporalLayer(layers));
    this.#nests = ((neededBy(layers) >> above) & 1) === 1 && this.#nests !== false;
  }

  /** The points that need nothing but what the present one needs, too: all that is missing there is missing anyway. */
  #neededToo(): number {
    const spatial = spatialOf(this.#point);
    let points = 0;
    for (let s = this.#nests === true ? 0 : spatial; s <= spatial; s++) {
      for (let t = 0; t <= temporalOf(this.#point); t++) points |= 1 << operatingPoint(s, t);
    }
    return points;
  }

  /** At the first packet of a picture that comes in its order. */
  #choose(sequence: number, packet: MediaPacket, top: number): void {
    const { layers } = packet;
    const spatial = Math.min(this.#spatial, top);
    const here = spatialOf(this.#point);
    const wanted = operatingPoint(spatial, this.#temporal);
    // What begins with this frame is intact, and so is what begins after it where it is sent anyway.
    let intact = this.#intact;
    if (packet.keyFrame) intact = ALL_POINTS;
    else if ((neededBy(layers) >> this.#point) & 1) intact |= beginsAfter(layers);
    if ((intact >> wanted) & 1) {
      this.awaitsKeyFrame = false;
      this.#isHeld = false;
      this.#goTo(sequence, wanted);
      return;
    }
    this.awaitsKeyFrame = spatial !== here;
    this.#isHeld &&= spatial < here;
    if (this.#isHeld) {
      this.#goTo(sequence, NOTHING);
      return;
    }
    const temporal = this.#until(spatial, here);
    let best = Math.min(temporalOf(this.#point), temporal);
    for (let next = best + 1; next <= temporal; next++) {
      if ((intact >> operatingPoint(here, next)) & 1) best = next;
    }
    const mayStep =
      (layers & LAYERS_STEP) !== 0 &&
      temporalLayer(layers) === temporalOf(this.#point) + 1 &&
      temporalLayer(layers) <= temporal;
    if (mayStep && temporalLayer(layers) > best) best = temporalLayer(layers);
    this.#goTo(sequence, operatingPoint(here, best));
  }

  /**
   * The temporal layer to get to while another spatial one cannot be begun with: where that is lower, the lowest, since
   * a key frame may be long in coming and the queue of a narrow network grows until it has.
   */
  #until(spatial: number, here: number): number {
    if (spatial === here) return this.#temporal;
    return spatial < here ? 0 : TEMPORAL_LAYERS_MAX - 1;
  }

  #goTo(sequence: number, point: number): void {
    if (point !== this.#point) this.#change(sequence, point);
  }

  #change(sequence: number, point: number): void {
    const place = this.#changes++ & (CHANGES - 1);
    this.#since[place] = sequence;
    this.#points[place] = point;
    this.#point = point;
    if (point === NOTHING) {
      this.#intact = 0;
      return;
    }
    // The layers below it in time need less of the same.
    for (let t = 0; t <= temporalOf(point); t++) {
      this.#intact |= 1 << operatingPoint(spatialOf(point), t);
    }
  }

  /** What held at that packet; ABSENT for one from before all that is remembered. */
  #pointAt(sequence: number): number {
    const oldest = Math.max(0, this.#changes - CHANGES);
    for (let i = this.#changes - 1; i >= oldest; i--) {
      const place = i & (CHANGES - 1);
      const isSince = ((sequence - this.#since[place]!) | 0) >= 0;
      if (isSince || i === 0) return this.#points[place]!;
    }
    return ABSENT;
  }

  #notePicture({ pictureId, layers }: MediaPacket, isLeftOut: boolean): void {
    if (pictureId === ABSENT || (layers & LAYERS_COUNTED) === 0) return;
    const picture = this.#unwrap(pictureId, pictureMask(layers));
    const isNew = this.#picture < 0 || picture > this.#picture;
    if (isNew) this.#picture = picture;
    // In their order alone: of what comes late the number is missed already.
    if (isLeftOut && isNew) this.#pictures.remove(picture | 0);
  }

  #unwrap(pictureId: number, mask: number): number {
    // Far from zero, so that what comes before the first one is not negative.
    if (this.#picture < 0) return mask + 1 + pictureId;
    let ahead = (pictureId - this.#picture) & mask;
    if (ahead > mask >> 1) ahead -= mask + 1;
    return this.#picture + ahead;
  }
}

function pictureMask(layers: number): number {
  return (layers & LAYERS_LONG_ID) === 0 ? VP8_SHORT_PICTURE_ID_MASK : VP8_LONG_PICTURE_ID_MASK;
}
