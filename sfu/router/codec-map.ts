// What a subscriber decodes a publisher's payload types with. Called by: Slot. Allocates: nothing but when made.

import type { IncomingSection, OutgoingSection, SectionCodec } from './sections.ts';

const PAYLOAD_TYPES = 128;
/** What is inside of redundancy. */
const REDUNDANT_FORMAT = 'opus';

export class CodecMap {
  /** By the publisher's payload type; undefined for what the subscriber cannot decode. */
  readonly codecs: (SectionCodec | undefined)[] = [];
  /** By the same: whether redundancy is left out. */
  readonly strips = new Uint8Array(PAYLOAD_TYPES);

  constructor() {
    for (let i = 0; i < PAYLOAD_TYPES; i++) this.codecs.push(undefined);
  }

  map(from: IncomingSection | undefined, to: OutgoingSection): void {
    for (let payloadType = 0; payloadType < PAYLOAD_TYPES; payloadType++) {
      const codec = from?.codec(payloadType);
      const same = codec && to.codecOf(codec.format);
      const isStripped = codec?.isRedundant === true && same === undefined;
      this.codecs[payloadType] = isStripped ? to.codecOf(REDUNDANT_FORMAT) : same;
      this.strips[payloadType] = isStripped ? 1 : 0;
    }
  }
}
