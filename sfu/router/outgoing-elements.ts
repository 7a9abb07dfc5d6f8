// Header extensions of a packet that goes to a subscriber (RFC 8285). Called by: Slot. Allocates: nothing.

import {
  absSendTime,
  EXTENSION_ABS_SEND_TIME,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY_DESCRIPTOR,
  EXTENSION_MID,
  EXTENSION_PLAYOUT_DELAY,
  EXTENSION_TRANSPORT_CC,
  EXTENSION_VIDEO_ORIENTATION,
} from '../rtp/extension-kinds.ts';
import { ABSENT, type MediaPacket } from './media-packet.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import type { OutgoingSection } from './sections.ts';

/** What was not negotiated has the identifier 0, and the writer leaves it out. */
export function writeCommon(
  { writer, transportSequence }: OutgoingPath,
  { ids, midBytes }: OutgoingSection,
  now: number,
): void {
  writer
    .clear()
    .element(ids.id(EXTENSION_MID), midBytes, 0, midBytes.length)
    .elementU24(ids.id(EXTENSION_ABS_SEND_TIME), absSendTime(now))
    .elementU16(ids.id(EXTENSION_TRANSPORT_CC), transportSequence);
}

export function writeElements(
  path: OutgoingPath,
  section: OutgoingSection,
  packet: MediaPacket,
  now: number,
): void {
  const { ids } = section;
  const { writer } = path;
  writeCommon(path, section, now);
  if (packet.audioLevel !== ABSENT) {
    writer.elementU8(ids.id(EXTENSION_AUDIO_LEVEL), packet.audioLevel);
  }
  if (packet.videoOrientation !== ABSENT) {
    writer.elementU8(ids.id(EXTENSION_VIDEO_ORIENTATION), packet.videoOrientation);
  }
  if (packet.playoutDelay !== ABSENT) {
    writer.elementU24(ids.id(EXTENSION_PLAYOUT_DELAY), packet.playoutDelay);
  }
  const { descriptorBytes, descriptorOffset, arena } = packet;
  if (descriptorBytes === 0 || arena === undefined) return;
  const id = ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR);
  writer.element(id, arena.bytes, descriptorOffset, descriptorBytes);
}
