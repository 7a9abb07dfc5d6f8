// The dependency descriptor (AV1 RTP specification, appendix A): which frame a packet is of, and which layers that is
// of, by the structure that came with a key frame. Called by: PacketDescriber, StreamLayers. Allocates: nothing but
// when it is made. Every list in it is bounded, and what is cut off is known to be.

import { BitReader } from './bit-reader.ts';
import type { DependencyStructure } from './dependency-structure.ts';
import { LAYERS_END, LAYERS_START, NO_LAYERS, packetLayers } from './packet-layers.ts';
import { uint16 } from './words.ts';

/** Start and end of frame, template, frame number: 24 bits; then flags, if there is more (appendix A.8.2). */
const MANDATORY_BYTES = 3;
const START_OF_FRAME_BIT = 0x80;
const END_OF_FRAME_BIT = 0x40;
const TEMPLATE_MASK = 0x3f;
const STRUCTURE_BIT = 0x80;
const ACTIVE_TARGETS_BIT = 0x40;
const CUSTOM_INDICATIONS_BIT = 0x20;
const FLAG_BITS = 5;
const FLAGS_MASK = 0xf8;

const bits = new BitReader();

export class DependencyDescriptor {
  startOfFrame = false;
  endOfFrame = false;
  templateId = 0;
  frameNumber = 0;
  /** The template structure comes along, as it does with every key frame. */
  hasStructure = false;
  hasActiveDecodeTargets = false;
  /** The frame says itself which decode targets need it. */
  hasCustomIndications = false;
  /** After `layers`, one bit each: of those that there are, where the descriptor says it. */
  activeDecodeTargets = -1;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;

  /** Takes the value of the header extension; false where it is too short. */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!(offset >= 0 && length >= MANDATORY_BYTES && offset + length <= bytes.length))
      return false;
    this.#bytes = bytes;
    this.#offset = offset;
    this.#length = length;
    const first = bytes[offset]!;
    const flags = length > MANDATORY_BYTES ? bytes[offset + MANDATORY_BYTES]! & FLAGS_MASK : 0;
    this.startOfFrame = (first & START_OF_FRAME_BIT) !== 0;
    this.endOfFrame = (first & END_OF_FRAME_BIT) !== 0;
    this.templateId = first & TEMPLATE_MASK;
    this.frameNumber = uint16(bytes, offset + 1);
    this.hasStructure = (flags & STRUCTURE_BIT) !== 0;
    this.hasActiveDecodeTargets = (flags & ACTIVE_TARGETS_BIT) !== 0;
    this.hasCustomIndications = (flags & CUSTOM_INDICATIONS_BIT) !== 0;
    return true;
  }

  /** Whether a decoder can begin with this packet. */
  get startsKeyFrame(): boolean {
    return this.startOfFrame && this.hasStructure;
  }

  /** Reads the structure that comes along; false where it is cut off. */
  readStructure(structure: DependencyStructure): boolean {
    this.#beginExtended();
    return structure.read(bits);
  }

  /**
   * The layers of the packet (packet-layers.ts), by the structure that its frame belongs to: the one that came along,
   * where one did. NO_LAYERS for what does not fit it.
   *
   * @param spare is overwritten where a structure comes along
   */
  layers(structure: DependencyStructure, spare: DependencyStructure): number {
    this.activeDecodeTargets = -1;
    const index = structure.indexOf(this.templateId);
    if (index < 0) return NO_LAYERS;
    const { spatial, temporal } = structure;
    let needed = structure.needed[index]!;
    let begins = structure.begins[index]!;
    if (this.#length > MANDATORY_BYTES) {
      this.#beginExtended();
      if (this.hasStructure && !spare.read(bits)) return NO_LAYERS;
      if (this.hasActiveDecodeTargets) this.#readActive(structure.targets);
      if (this.hasCustomIndications) {
        if (!structure.readCustom(bits)) return NO_LAYERS;
        needed = structure.customNeeded(index);
        begins = structure.customBegins(index);
      }
    }
    const flags = (this.startOfFrame ? LAYERS_START : 0) | (this.endOfFrame ? LAYERS_END : 0);
    return packetLayers(spatial[index]!, temporal[index]!, needed, begins, flags);
  }

  #beginExtended(): void {
    bits.begin(this.#bytes, this.#offset + MANDATORY_BYTES, this.#length - MANDATORY_BYTES);
    bits.bits(FLAG_BITS);
  }

  #readActive(targets: number): void {
    // One number, of as many bits as there are targets (A.8.2): the lowest one is of the first.
    let active = 0;
    for (let left = targets; left > 0; left--) active = (active << 1) | bits.bits(1);
    if (bits.ok) this.activeDecodeTargets = active;
  }
}
