// Fills in what is known of a packet that has just come: its header, the extensions that subscribers may get, of its
// payload where a decoder can begin and what is numbered, and its layers. Called by: Publication. Allocates: when it
// is made, and when a stream turns out to have layers; nothing per packet.

import type { Arena } from '../../shared/native/arena.ts';
import { DependencyDescriptor } from '../rtp/dependency-descriptor.ts';
import {
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY_DESCRIPTOR,
  EXTENSION_PLAYOUT_DELAY,
  EXTENSION_VIDEO_ORIENTATION,
  type ExtensionIds,
} from '../rtp/extension-kinds.ts';
import { CODEC_VP8, CODEC_VP9, isKeyFrameStart } from '../rtp/key-frame.ts';
import { LAYERS_COUNTED, LAYERS_LONG_ID, NO_LAYERS } from '../rtp/packet-layers.ts';
import type { RtpReader } from '../rtp/rtp-reader.ts';
import { Vp8Descriptor } from '../rtp/vp8.ts';
import { Vp9Descriptor } from '../rtp/vp9.ts';
import type { IncomingStream } from './incoming-stream.ts';
import { ABSENT, type MediaPacket } from './media-packet.ts';
import { StreamLayers } from './stream-layers.ts';

/** What the dependency descriptor does not tell. */
const OF_PAYLOAD = LAYERS_COUNTED | LAYERS_LONG_ID;

export class PacketDescriber {
  readonly #vp8 = new Vp8Descriptor();
  readonly #vp9 = new Vp9Descriptor();
  readonly #dependencies = new DependencyDescriptor();

  /**
   * @param stream whose packet was just taken
   * @param codec one of CODEC_*, of the packet's payload type
   */
  describe(
    packet: MediaPacket,
    stream: IncomingStream,
    arena: Arena,
    reader: RtpReader,
    ids: ExtensionIds,
    codec: number,
    now: number,
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
    packet.layers = NO_LAYERS;
    packet.keyFrame = this.#describePayload(packet, stream, arena.bytes, codec, now);
    const id = ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR);
    this.#describeDependencies(packet, stream, reader, id, now);
    if (packet.layers !== NO_LAYERS) stream.layers!.count(packet.layers, packet.payloadBytes, now);
  }

  /** Whether a decoder can begin here. */
  #describePayload(
    packet: MediaPacket,
    stream: IncomingStream,
    bytes: Uint8Array,
    codec: number,
    now: number,
  ): boolean {
    const { payloadOffset, payloadBytes } = packet;
    if (codec === CODEC_VP8) {
      const vp8 = this.#vp8;
      if (!vp8.read(bytes, payloadOffset, payloadBytes)) return false;
      packet.pictureId = vp8.pictureId;
      packet.tl0PicIdx = vp8.tl0PicIdx;
      packet.keyIdx = vp8.keyIdx;
      if (StreamLayers.inVp8(vp8)) stream.layers ??= new StreamLayers();
      if (stream.layers !== undefined) packet.layers = stream.layers.ofVp8(vp8);
      return vp8.keyFrame;
    }
    if (codec === CODEC_VP9) {
      const vp9 = this.#vp9;
      if (!vp9.read(bytes, payloadOffset, payloadBytes)) return false;
      packet.pictureId = vp9.pictureId;
      packet.tl0PicIdx = vp9.tl0PicIdx;
      if (StreamLayers.inVp9(vp9)) stream.layers ??= new StreamLayers();
      if (stream.layers !== undefined)
        packet.layers = stream.layers.ofVp9(vp9, stream.isAhead, now);
      return vp9.startsKeyFrame;
    }
    return isKeyFrameStart(codec, bytes, payloadOffset, payloadBytes);
  }

  #describeDependencies(
    packet: MediaPacket,
    stream: IncomingStream,
    reader: RtpReader,
    id: number,
    now: number,
  ): void {
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
    const { isAhead } = stream;
    if (dependencies.hasStructure) {
      const layers = stream.layers ?? new StreamLayers();
      if (layers.takeStructure(dependencies, stream.sequence, now)) stream.layers = layers;
    }
    const layers = stream.layers?.ofDescriptor(dependencies, stream.sequence, isAhead, now);
    if (layers === undefined) return;
    packet.layers = layers === NO_LAYERS ? NO_LAYERS : layers | (packet.layers & OF_PAYLOAD);
  }
}
