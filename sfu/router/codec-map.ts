// What a subscriber decodes a publisher's payload types with. Called by: Slot, Redundancy. Allocates: nothing but when
// made.

import type { IncomingSection, OutgoingSection, SectionCodec } from './sections.ts';

const PAYLOAD_TYPES = 128;
/** What is inside of redundancy, and with it. */
const PLAIN_FORMAT = 'opus';
const REDUNDANT_FORMAT = 'red/opus';

export class CodecMap {
  /** By the publisher's payload type; undefined for what the subscriber cannot decode. */
  readonly codecs: (SectionCodec | undefined)[] = [];
  /** By the same: whether it is redundancy, and whether that is always left out. */
  readonly isRedundant = new Uint8Array(PAYLOAD_TYPES);
  readonly strips = new Uint8Array(PAYLOAD_TYPES);
  /** What the subscriber decodes audio with, without redundancy and with it. */
  plain: SectionCodec | undefined = undefined;
  redundant: SectionCodec | undefined = undefined;

  constructor() {
    for (let i = 0; i < PAYLOAD_TYPES; i++) this.codecs.push(undefined);
  }

  map(from: IncomingSection | undefined, to: OutgoingSection): void {
    this.plain = to.codecOf(PLAIN_FORMAT);
    this.redundant = to.codecOf(REDUNDANT_FORMAT);
    for (let payloadType = 0; payloadType < PAYLOAD_TYPES; payloadType++) {
      const codec = from?.codec(payloadType);
      const same = codec && to.codecOf(codec.format);
      const isStripped = codec?.isRedundant === true && same === undefined;
      this.codecs[payloadType] = isStripped ? this.plain : same;
      this.isRedundant[payloadType] = codec?.isRedundant === true ? 1 : 0;
      this.strips[payloadType] = isStripped ? 1 : 0;
    }
  }
}
