// Fills in what is known of a packet that has just come: its header, the extensions that subscribers may get, and of
// its payload where a decoder can begin and what is numbered. Called by: Publication. Allocates: nothing but when it
// is made.

import type { Arena } from '../../shared/native/arena.ts';
import { DependencyDescriptor } from '../rtp/av1.ts';
import {
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY_DESCRIPTOR,
  EXTENSION_PLAYOUT_DELAY,
  EXTENSION_VIDEO_ORIENTATION,
  type ExtensionIds,
} from '../rtp/extension-kinds.ts';
import { CODEC_VP8, CODEC_VP9, isKeyFrameStart } from '../rtp/key-frame.ts';
import type { RtpReader } from '../rtp/rtp-reader.ts';
import { Vp8Descriptor } from '../rtp/vp8.ts';
import { Vp9Descriptor } from '../rtp/vp9.ts';
import { ABSENT, type MediaPacket } from './media-packet.ts';

export class PacketDescriber {
  readonly #vp8 = new Vp8Descriptor();
  readonly #vp9 = new Vp9Descriptor();
  readonly #dependencies = new DependencyDescriptor();

  /** @param codec one of CODEC_*, of the packet's payload type */
  describe(
    packet: MediaPacket,
    arena: Arena,
    reader: RtpReader,
    ids: ExtensionIds,
    codec: number,
  ): void {
    packet.arena = arena;
    packet.payloadOffset = reader.payloadOffset;
    packet.payloadBytes = reader.payloadBytes;
    packet.payloadType = reader.payloadType;
    packet.marker = reader.marker;
    packet.timestamp = reader.timestamp | 0;
    packet.audioLevel = reader.extensionU8(ids.id(EXTENSION_AUDIO_LEVEL));
    packet.videoOrientation = reader.extensionU8(ids.id(EXTENSION_VIDEO_ORIENTATION));
    packet.playoutDelay = reader.extensionU24(ids.id(EXTENSION_PLAYOUT_DELAY));
    packet.pictureId = ABSENT;
    packet.tl0PicIdx = ABSENT;
    packet.keyIdx = ABSENT;
    packet.keyFrame = this.#describePayload(packet, arena.bytes, codec);
    this.#describeDependencies(packet, reader, ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR));
  }

  /** Whether a decoder can begin here. */
  #describePayload(packet: MediaPacket, bytes: Uint8Array, codec: number): boolean {
    const { payloadOffset, payloadBytes } = packet;
    if (codec === CODEC_VP8) {
      const vp8 = this.#vp8;
      if (!vp8.read(bytes, payloadOffset, payloadBytes)) return false;
      packet.pictureId = vp8.pictureId;
      packet.tl0PicIdx = vp8.tl0PicIdx;
      packet.keyIdx = vp8.keyIdx;
      return vp8.keyFrame;
    }
    if (codec === CODEC_VP9) {
      const vp9 = this.#vp9;
      if (!vp9.read(bytes, payloadOffset, payloadBytes)) return false;
      packet.pictureId = vp9.pictureId;
      return vp9.startsKeyFrame;
    }
    return isKeyFrameStart(codec, bytes, payloadOffset, payloadBytes);
  }

  #describeDependencies(packet: MediaPacket, reader: RtpReader, id: number): void {
    const dependencies = this.#dependencies;
    const at = reader.extension(id);
    const length = reader.extensionBytes(id);
    packet.descriptorBytes = 0;
    packet.frameNumber = ABSENT;
    if (at < 0 || !dependencies.read(reader.bytes, at, length)) return;
    packet.descriptorOffset = at;
    packet.descriptorBytes = length;
    packet.frameNumber = dependencies.frameNumber;
    // What is inside may be encrypted from end to end.
    if (dependencies.startsKeyFrame) packet.keyFrame = true;
  }
}
