// A trace whose numbers wrap in the middle of it: sequence numbers and timestamps of each stream, those inside of
// payloads and descriptors, the transport-wide ones, and what retransmissions and reports say of them.

import {
  EXTENSION_DEPENDENCY_DESCRIPTOR,
  EXTENSION_TRANSPORT_CC,
} from '../../../sfu/rtp/extension-kinds.ts';
import { CODEC_VP8, CODEC_VP9, codecOf } from '../../../sfu/rtp/key-frame.ts';
import { RTCP_SR, RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { OSN_BYTES } from '../../../sfu/rtp/rtx.ts';
import type { RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { Vp8Descriptor } from '../../../sfu/rtp/vp8.ts';
import { Vp9Descriptor } from '../../../sfu/rtp/vp9.ts';
import type { AgreedSection } from '../../../sfu/sdp/negotiation.ts';
import type { OfferedCodec } from '../../../sfu/sdp/payload-types.ts';
import { idsOf, publishedPackets, readRtp } from './published.ts';
import { RTCP, type Trace, type TracePacket } from './trace.ts';

/** RFC 3550 s6.4.1: the RTP timestamp of a sender report. */
const REPORT_TIMESTAMP_AT = 16;

const vp8 = new Vp8Descriptor();
const vp9 = new Vp9Descriptor();

/** What is added to the numbers of one stream of media. */
interface Shift {
  readonly sequence: number;
  readonly timestamp: number;
  readonly pictureId: number;
  readonly frameNumber: number;
}

interface Shifts {
  /** By SSRC. */
  readonly shifts: ReadonlyMap<number, Shift>;
  /** By its timestamp and payload, whose stream a retransmission repeats. */
  readonly owners: ReadonlyMap<string, number>;
  /** Of transport-wide numbers. */
  readonly transport: number;
}

interface Place {
  readonly section: AgreedSection;
  readonly codec: OfferedCodec;
  readonly isRtx: boolean;
}

export function wrapping(trace: Trace): Trace {
  const shifts = new Map<number, Shift>();
  const owners = new Map<string, number>();
  for (const [ssrc, packets] of publishedPackets(trace)) {
    const { rtp, inner } = packets[packets.length >> 1]!;
    shifts.set(ssrc, {
      sequence: 0x1_0000 - rtp.sequenceNumber,
      timestamp: 2 ** 32 - rtp.timestamp,
      pictureId: 0x8000 - inner.pictureId,
      frameNumber: 0x1_0000 - inner.frameNumber,
    });
    for (const one of packets) owners.set(contentOf(one.rtp, 0), ssrc);
  }
  const transport = 0x1_0000 - transportMiddle(trace);
  const packets = trace.packets.map((packet) => {
    const bytes = Buffer.from(packet.bytes);
    if (packet.kind === RTCP) shiftReports(bytes, shifts);
    else shiftRtp(bytes, trace, { shifts, owners, transport });
    return { ...packet, bytes };
  });
  return { ...trace, packets };
}

function contentOf(
  { bytes, timestamp, payloadOffset, payloadBytes }: RtpReader,
  skip: number,
): string {
  const payload = bytes.subarray(payloadOffset + skip, payloadOffset + payloadBytes);
  return `${timestamp} ${Buffer.from(payload).toString('latin1')}`;
}

function shiftReports(bytes: Buffer, shifts: ReadonlyMap<number, Shift>): void {
  const reader = new RtcpReader();
  reader.read(bytes, 0, bytes.length);
  while (reader.next()) {
    const shift = shifts.get(reader.senderSsrc);
    if (reader.type !== RTCP_SR || shift === undefined) continue;
    add32(bytes, reader.offset + REPORT_TIMESTAMP_AT, shift.timestamp);
  }
}

function shiftRtp(bytes: Buffer, trace: Trace, { shifts, owners, transport }: Shifts): void {
  const rtp = readRtp(bytes);
  const place = placeOf(trace, rtp.payloadType);
  if (place === undefined) return;
  const ids = idsOf(place.section);
  const transportCc = rtp.extension(ids.id(EXTENSION_TRANSPORT_CC));
  if (transportCc >= 0) add16(bytes, transportCc, transport);
  const skip = place.isRtx ? OSN_BYTES : 0;
  const shift = shifts.get(place.isRtx ? (owners.get(contentOf(rtp, skip)) ?? -1) : rtp.ssrc);
  if (shift === undefined) return;
  add32(bytes, 4, shift.timestamp);
  // Retransmissions have numbers of their own, and tell the original one.
  add16(bytes, place.isRtx ? rtp.payloadOffset : 2, shift.sequence);
  const descriptor = rtp.extension(ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR));
  if (descriptor >= 0) add16(bytes, descriptor + 1, shift.frameNumber);
  const kind = codecOf(place.codec.name);
  const at = rtp.payloadOffset + skip;
  const length = rtp.payloadBytes - skip;
  if (kind === CODEC_VP8 && vp8.read(bytes, at, length)) {
    vp8.writePictureId(vp8.pictureId + shift.pictureId);
  } else if (kind === CODEC_VP9 && vp9.read(bytes, at, length)) {
    vp9.writePictureId(vp9.pictureId + shift.pictureId);
  }
}

function placeOf({ sections }: Trace, payloadType: number): Place | undefined {
  for (const section of sections) {
    for (const codec of section.codecs) {
      const isRtx = codec.rtxPayloadType === payloadType;
      if (isRtx || codec.payloadType === payloadType) return { section, codec, isRtx };
    }
  }
  return undefined;
}

/** The transport-wide number of the packet in the middle. */
function transportMiddle({ sections, packets }: Trace): number {
  const id = idsOf(sections[0]!).id(EXTENSION_TRANSPORT_CC);
  const numbers = packets.flatMap(({ kind, bytes }: TracePacket) =>
    kind === RTCP ? [] : [readRtp(bytes).extensionU16(id)],
  );
  return numbers[numbers.length >> 1]!;
}

function add16(bytes: Buffer, at: number, shift: number): void {
  bytes.writeUInt16BE((bytes.readUInt16BE(at) + shift) & 0xffff, at);
}

function add32(bytes: Buffer, at: number, shift: number): void {
  bytes.writeUInt32BE((bytes.readUInt32BE(at) + shift) >>> 0, at);
}
