// The template dependency structure of the dependency descriptor (AV1 RTP specification, appendix A.8.3): what frames
// there are, of which layers, and which decode targets need them. Of references and chains it keeps nothing: that a
// frame is needed, and that one may begin there, is said by the decode target indications (A.4). Called by:
// DependencyDescriptor. Allocates: nothing but when it is made. Every list is bounded.

import type { BitReader } from './bit-reader.ts';
import { operatingPoint, POINTS, spatialOf, temporalOf } from './packet-layers.ts';

const TEMPLATES_MAX = 64;
const TARGETS_MAX = 32;
/** Layers that there may be (A.8.3). */
const SPATIAL_IDS = 4;
const TEMPORAL_IDS = 8;
/** next_layer_idc. */
const NEXT_TEMPORAL = 1;
const NEXT_SPATIAL = 2;
const NO_MORE = 3;
/** Decode target indications (A.8.4). */
const NOT_PRESENT = 0;
const SWITCH = 2;

export class DependencyStructure {
  templates = 0;
  targets = 0;
  /** Of all decode targets. */
  topSpatial = 0;
  readonly spatial = new Uint8Array(TEMPLATES_MAX);
  readonly temporal = new Uint8Array(TEMPLATES_MAX);
  /** By template: which operating points need such frames, and which can be gone over to after one. */
  readonly needed = new Int32Array(TEMPLATES_MAX);
  readonly begins = new Int32Array(TEMPLATES_MAX);
  #firstId = 0;
  readonly #indications = new Uint8Array(TEMPLATES_MAX * TARGETS_MAX);
  /** The highest layers that each decode target needs; which target an operating point is, -1: none is just that. */
  readonly #targetSpatial = new Uint8Array(TARGETS_MAX);
  readonly #targetTemporal = new Uint8Array(TARGETS_MAX);
  readonly #targetOf = new Int8Array(POINTS);
  readonly #custom = new Uint8Array(TARGETS_MAX);

  /** Takes a structure; false where it is cut off or is none. */
  read(bits: BitReader): boolean {
    this.#firstId = bits.bits(6);
    this.targets = bits.bits(5) + 1;
    if (!this.#readLayers(bits)) return false;
    for (let i = 0; i < this.templates; i++) {
      for (let target = 0; target < this.targets; target++) {
        this.#indications[i * TARGETS_MAX + target] = bits.bits(2);
      }
    }
    for (let i = 0; i < this.templates; i++) {
      while (bits.bits(1) === 1) bits.bits(4);
    }
    this.#skipChains(bits);
    // A width and a height of each spatial layer.
    const sizes = bits.bits(1) === 1 ? 2 * (this.spatial[this.templates - 1]! + 1) : 0;
    for (let i = 0; i < sizes; i++) bits.bits(16);
    if (!bits.ok) return false;
    this.#findTargets();
    for (let i = 0; i < this.templates; i++) this.#describe(i);
    return true;
  }

  /** The index of a template; -1 where there is none of that identifier. */
  indexOf(templateId: number): number {
    const index = (templateId - this.#firstId) & (TEMPLATES_MAX - 1);
    return index < this.templates ? index : -1;
  }

  /** Takes what a frame says instead of its template, as `customNeeded` and `customBegins` then tell. */
  readCustom(bits: BitReader): boolean {
    for (let target = 0; target < this.targets; target++) this.#custom[target] = bits.bits(2);
    return bits.ok;
  }

  customNeeded(index: number): number {
    return this.#points(this.#custom, 0, index, false);
  }

  customBegins(index: number): number {
    return this.#points(this.#custom, 0, index, true);
  }

  /** The highest spatial layer of these decode targets. */
  topSpatialOf(targets: number): number {
    let top = 0;
    for (let target = 0; target < this.targets; target++) {
      if ((targets >>> target) & 1) top = Math.max(top, this.#targetSpatial[target]!);
    }
    return top;
  }

  #readLayers(bits: BitReader): boolean {
    let spatial = 0;
    let temporal = 0;
    this.templates = 0;
    for (;;) {
      if (this.templates === TEMPLATES_MAX || !bits.ok) return false;
      this.spatial[this.templates] = spatial;
      this.temporal[this.templates++] = temporal;
      const next = bits.bits(2);
      if (next === NO_MORE) return true;
      if (next === NEXT_TEMPORAL) temporal++;
      else if (next === NEXT_SPATIAL) {
        temporal = 0;
        spatial++;
      }
      if (spatial === SPATIAL_IDS || temporal === TEMPORAL_IDS) return false;
    }
  }

  #skipChains(bits: BitReader): void {
    const chains = bits.below(this.targets + 1);
    if (chains === 0) return;
    for (let target = 0; target < this.targets; target++) bits.below(chains);
    for (let i = this.templates * chains; i > 0 && bits.ok; i--) bits.bits(4);
  }

  /** A.8.3, decode_target_layers. */
  #findTargets(): void {
    this.topSpatial = 0;
    this.#targetOf.fill(-1);
    for (let target = 0; target < this.targets; target++) {
      let spatial = 0;
      let temporal = 0;
      for (let i = 0; i < this.templates; i++) {
        if (this.#indications[i * TARGETS_MAX + target] === NOT_PRESENT) continue;
        spatial = Math.max(spatial, this.spatial[i]!);
        temporal = Math.max(temporal, this.temporal[i]!);
      }
      this.#targetSpatial[target] = spatial;
      this.#targetTemporal[target] = temporal;
      this.topSpatial = Math.max(this.topSpatial, spatial);
      const point = operatingPoint(spatial, temporal);
      const other = this.#targetOf[point]!;
      // Of more layers than there are operating points the best count as the highest.
      if (other < 0 || this.#isAbove(target, other)) this.#targetOf[point] = target;
    }
  }

  #isAbove(target: number, other: number): boolean {
    const spatial = this.#targetSpatial[target]! - this.#targetSpatial[other]!;
    return (
      spatial > 0 || (spatial === 0 && this.#targetTemporal[target]! > this.#targetTemporal[other]!)
    );
  }

  #describe(index: number): void {
    const at = index * TARGETS_MAX;
    this.needed[index] = this.#points(this.#indications, at, index, false);
    this.begins[index] = this.#points(this.#indications, at, index, true);
  }

  /** Where no decode target is just an operating point the layers tell. */
  #points(indications: Uint8Array, at: number, index: number, begins: boolean): number {
    let points = 0;
    for (let point = 0; point < POINTS; point++) {
      const target = this.#targetOf[point]!;
      const indication = target < 0 ? NOT_PRESENT : indications[at + target]!;
      const isBelow =
        this.spatial[index]! <= spatialOf(point) && this.temporal[index]! <= temporalOf(point);
      const isNeeded = target < 0 ? isBelow : indication !== NOT_PRESENT;
      if (begins ? indication === SWITCH : isNeeded) points |= 1 << point;
    }
    return points;
  }
}
