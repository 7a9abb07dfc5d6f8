// What is known of the layers inside of one incoming stream: which there are, what each operating point takes, and
// which of them a packet is of, told in the same words for all codecs. Every packet of a frame is told the same,
// whichever of them came first. Called by: PacketDescriber, Publication. Allocates: when it is made, which is when a
// stream turns out to have layers; with the first structures of a dependency descriptor; nothing per packet.

import { SendRate } from '../feedback/send-rate.ts';
import type { DependencyDescriptor } from '../rtp/dependency-descriptor.ts';
import { DependencyStructure } from '../rtp/dependency-structure.ts';
import {
  ALL_POINTS,
  LAYERS_COUNTED,
  LAYERS_END,
  LAYERS_LONG_ID,
  LAYERS_START,
  LAYERS_STEP,
  neededBy,
  NO_LAYERS,
  operatingPoint,
  packetLayers,
  POINTS,
  pointsFrom,
  SPATIAL_LAYERS_MAX,
  spatialLayer,
  TEMPORAL_LAYERS_MAX,
} from '../rtp/packet-layers.ts';
import { VP8_LONG_PICTURE_ID_MASK, type Vp8Descriptor } from '../rtp/vp8.ts';
import type { Vp9Descriptor } from '../rtp/vp9.ts';
import { SPATIAL_QUIET_MS } from './limits.ts';

/** Frames whose layers are remembered for those of their packets that come later; a power of two. */
const FRAMES = 128;
/** Structures that are remembered for what is late; a key frame brings one, and several may come at once. */
const STRUCTURES = 4;
/** An operating point is one of its own where it takes so much more than the one below. */
const MORE = 1.02;
const FLAGS = LAYERS_START | LAYERS_END;

export class StreamLayers {
  /** The highest spatial layer that is sent, and the highest that ever was. */
  top = 0;
  sizes = 1;
  readonly #seenAt = new Float64Array(SPATIAL_LAYERS_MAX);
  /** Of payloads, by operating point. */
  readonly #bytes = new Float64Array(POINTS);
  readonly #packets = new Float64Array(POINTS);
  readonly #rates: readonly SendRate[] = Array.from({ length: POINTS }, () => new SendRate());
  /** The newest first, each with the number of the packet that it came with. */
  readonly #structures: { structure: DependencyStructure; sequence: number }[] = [];
  #spare: DependencyStructure | undefined = undefined;
  /** By frame number: that number, and what its packets are told. */
  readonly #frames = new Int32Array(2 * FRAMES).fill(-1);

  /** Whether a stream has more than one layer, as far as this packet tells. */
  static inVp8(vp8: Vp8Descriptor): boolean {
    return vp8.temporalLayer > 0;
  }

  static inVp9(vp9: Vp9Descriptor): boolean {
    return vp9.spatialLayers > 1 || vp9.spatialLayer > 0 || vp9.temporalLayer > 0;
  }

  /** RFC 7741 s4.2: who is sent a temporal layer is sent all below. */
  ofVp8(vp8: Vp8Descriptor): number {
    const { temporalLayer } = vp8;
    if (temporalLayer < 0) return NO_LAYERS;
    const flags =
      LAYERS_COUNTED |
      (vp8.startOfFrame ? LAYERS_START : 0) |
      (vp8.layerSync && temporalLayer > 0 ? LAYERS_STEP : 0) |
      (vp8.pictureIdMask === VP8_LONG_PICTURE_ID_MASK ? LAYERS_LONG_ID : 0);
    const begins = vp8.keyFrame ? ALL_POINTS : 0;
    return packetLayers(0, temporalLayer, pointsFrom(0, temporalLayer), begins, flags);
  }

  /** RFC 9628 s4.2: a frame is needed above its spatial layer unless Z says that no frame there refers to it. */
  ofVp9(vp9: Vp9Descriptor, isAhead: boolean, now: number): number {
    if (vp9.spatialLayer < 0) return NO_LAYERS;
    const spatial = vp9.spatialLayer;
    const temporal = vp9.temporalLayer;
    if (isAhead && vp9.spatialLayers > 0) this.#announce(vp9.spatialLayers - 1, now);
    let needed = pointsFrom(spatial, temporal);
    for (let above = spatial + 1; above < SPATIAL_LAYERS_MAX && !vp9.notReferenced; above++) {
      needed |= pointsFrom(above, temporal);
    }
    let begins = 0;
    if (vp9.startsKeyFrame) begins = ALL_POINTS;
    // U: higher temporal layers refer to nothing of their own before this picture.
    else if (vp9.switchingUp && temporal + 1 < TEMPORAL_LAYERS_MAX) {
      begins = pointsFrom(spatial, temporal + 1);
    }
    const flags = (vp9.startOfFrame ? LAYERS_START : 0) | (vp9.endOfFrame ? LAYERS_END : 0);
    return packetLayers(spatial, temporal, needed, begins, flags);
  }

  /** Takes the structure that comes with the packet of that number; false where it has no layers, or is broken. */
  takeStructure(descriptor: DependencyDescriptor, sequence: number, now: number): boolean {
    this.#spare ??= new DependencyStructure();
    const read = this.#spare;
    if (!descriptor.readStructure(read)) return false;
    const structures = this.#structures;
    let place = 0;
    while (place < structures.length && ((structures[place]!.sequence - sequence) | 0) > 0) place++;
    if (structures[place]?.sequence === sequence) return true;
    structures.splice(place, 0, { structure: read, sequence });
    this.#spare = structures.length > STRUCTURES ? structures.pop()!.structure : undefined;
    // One that was lost and comes again late tells of what is late alone.
    if (place === 0) this.#announce(read.topSpatial, now);
    return read.targets > 1;
  }

  /** By the dependency descriptor; undefined while there is no structure to read it with. */
  ofDescriptor(
    descriptor: DependencyDescriptor,
    sequence: number,
    isAhead: boolean,
    now: number,
  ): number | undefined {
    const structure = this.#structureAt(sequence);
    if (structure === undefined) return undefined;
    this.#spare ??= new DependencyStructure();
    const told = descriptor.layers(structure, this.#spare);
    const { frameNumber, activeDecodeTargets } = descriptor;
    if (isAhead && activeDecodeTargets > 0) {
      this.#announce(structure.topSpatialOf(activeDecodeTargets), now);
    }
    const at = 2 * (frameNumber & (FRAMES - 1));
    // Only the first packet of a frame has what differs from the template: the one that came first is believed.
    const isKnown = this.#frames[at] === frameNumber;
    if (isKnown && !(isAhead && descriptor.startOfFrame)) {
      return (this.#frames[at + 1]! & ~FLAGS) | (told & FLAGS);
    }
    this.#frames[at] = frameNumber;
    this.#frames[at + 1] = told;
    return told;
  }

  /**
   * The last one before the packet. Where its own was lost it has no template there: identifiers do not come again soon
   * (A.8.3).
   */
  #structureAt(sequence: number): DependencyStructure | undefined {
    const structures = this.#structures;
    for (let i = 0; i < structures.length; i++) {
      if (((sequence - structures[i]!.sequence) | 0) >= 0) return structures[i]!.structure;
    }
    return structures.at(-1)?.structure;
  }

  /** A packet with so many bytes of payload was taken. */
  count(layers: number, bytes: number, now: number): void {
    const spatial = spatialLayer(layers);
    this.#seenAt[spatial] = now;
    if (spatial > this.top) this.#announce(spatial, now);
    while (this.top > spatial && now - this.#seenAt[this.top]! > SPATIAL_QUIET_MS) this.top--;
    const needed = neededBy(layers);
    for (let point = 0; point < POINTS; point++) {
      if ((needed >> point) % 2 === 0) continue;
      this.#bytes[point]! += bytes;
      this.#packets[point]!++;
    }
  }

  /**
   * What the temporal layers of a spatial layer take, bits a second: 0 where one is not sent. False while that is not
   * known.
   */
  measure(
    spatial: number,
    bps: Float64Array,
    at: number,
    keyFrameAt: number,
    now: number,
  ): boolean {
    let below = 0;
    for (let temporal = 0; temporal < TEMPORAL_LAYERS_MAX; temporal++) {
      const point = operatingPoint(spatial, temporal);
      const rate = this.#rates[point]!;
      rate.look(this.#bytes[point]!, this.#packets[point]!, keyFrameAt, now);
      const isMore = rate.bps > below * MORE;
      bps[at + temporal] = isMore ? rate.bps : 0;
      if (isMore) below = rate.bps;
    }
    return below > 0;
  }

  #announce(top: number, now: number): void {
    this.top = Math.min(top, SPATIAL_LAYERS_MAX - 1);
    this.sizes = Math.max(this.sizes, this.top + 1);
    this.#seenAt.fill(now, 0, this.top + 1);
  }
}
