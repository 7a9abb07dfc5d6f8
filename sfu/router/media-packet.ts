// What a header for a subscriber is made of, of one packet of a publication: filled when the packet comes, kept in
// the history without its payload, and read from there for each subscriber. Allocates: nothing but when it is made.

import type { Arena } from '../../shared/native/arena.ts';

/** Of every number that may be absent. */
export const ABSENT = -1;

export class MediaPacket {
  /** Where the payload lies; undefined before the first packet. */
  arena: Arena | undefined = undefined;
  payloadOffset = 0;
  payloadBytes = 0;
  /** The publisher's. */
  payloadType = 0;
  marker = false;
  /** As 32 bits with a sign, as all that may need so many: the engine boxes none of them. */
  timestamp = 0;
  /** A decoder can begin here. */
  keyFrame = false;
  /** Of a stream with layers: those of the packet (packet-layers.ts); NO_LAYERS otherwise. */
  layers = 0;
  /** Values of header extensions, ABSENT where they did not come. */
  audioLevel = ABSENT;
  videoOrientation = ABSENT;
  playoutDelay = ABSENT;
  /** The dependency descriptor lies in the same memory. */
  descriptorOffset = 0;
  descriptorBytes = 0;
  /** As they came: in the payload and in the descriptor stands what the last subscriber got. */
  pictureId = ABSENT;
  tl0PicIdx = ABSENT;
  keyIdx = ABSENT;
  frameNumber = ABSENT;
}
