// What every packet goes through allocates nothing: the codecs of RTP and RTCP, and the looks into payloads.

import { describe, expect, it } from 'vitest';
import { DependencyDescriptor } from '../../../sfu/rtp/dependency-descriptor.ts';
import {
  CODEC_AV1,
  CODEC_H264,
  CODEC_H265,
  CODEC_VP9,
  isKeyFrameStart,
} from '../../../sfu/rtp/key-frame.ts';
import { RedReader } from '../../../sfu/rtp/red-reader.ts';
import { FullIntraRequests, LostPackets, Remb } from '../../../sfu/rtp/rtcp-feedback.ts';
import { RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, SenderInfo } from '../../../sfu/rtp/rtcp-reports.ts';
import { Byes, Cnames } from '../../../sfu/rtp/rtcp-sources.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { RTP_OK, RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import { unwrapRtx, wrapRtx } from '../../../sfu/rtp/rtx.ts';
import { TransportCcReader } from '../../../sfu/rtp/transport-cc-reader.ts';
import { TransportCcWriter } from '../../../sfu/rtp/transport-cc-writer.ts';
import { Vp8Descriptor } from '../../../sfu/rtp/vp8.ts';
import { hex } from './build-rtp.ts';
import { bytesPerOperation } from './heap.ts';
import { boxedTimes } from './feedback-times.ts';

const packet = hex(`91e3fffe 89abcdef fedcba98 80000002
  bede0003 10ff 22aabbcc 4100ff 51abcd 00 90f0fedcab75 9001009d012a80426881`);
const rtx = hex('80e2fffe 89abcdef fedcba98 fedc 010203');
const reader = new RtpReader();
const writer = new RtpWriter();
const out = new Uint8Array(1500);
const vp8 = new Vp8Descriptor();
const red = new RedReader();
const descriptor = new DependencyDescriptor();
const [h264, h265, vp9, av1] = ['7800026742000168', '600100024201', 'adfedc51ab', '1802'].map(hex);
const [redPayload, structure] = ['ef1e0003ef0f00026f0102030405060708', '85fedcc000'].map(hex);

const rtcpWriter = new RtcpWriter();
const rtcp = new RtcpReader();
const info = Object.assign(new SenderInfo(), { ntpSeconds: 0xe000_0001, octetCount: 0xffff_ffff });
const block = Object.assign(new ReportBlock(), { ssrc: 0xf000_0000, highestSequence: 0x9000_0000 });
const blocks = [block, block];
const name = Buffer.from('tern');
const lost = Uint16Array.of(1, 2, 5, 900);
const ssrcs = Uint32Array.of(0xfedc_ba98);
const arrivals = new TransportCcWriter();
const readArrivals = new TransportCcReader();
const lostPackets = new LostPackets();
const remb = new Remb();
const names = new Cnames();
const requests = new FullIntraRequests();
const byes = new Byes();

function forward(): void {
  if (reader.read(packet, 0, packet.length) !== RTP_OK) throw new Error('not read');
  vp8.read(packet, reader.payloadOffset, reader.payloadBytes);
  vp8.writePictureId(vp8.pictureId + 1);
  vp8.writeTl0PicIdx(vp8.tl0PicIdx + 1);
  writer.marker = reader.marker;
  writer.payloadType = 100;
  writer.sequenceNumber = reader.sequenceNumber;
  writer.timestamp = (reader.timestamp + 0x8000_0000) >>> 0;
  writer.ssrc = 0xfedc_ba97;
  writer
    .clear()
    .csrcsOf(reader)
    .elementOf(3, reader, 1)
    .elementOf(4, reader, 2)
    .elementU16(5, reader.sequenceNumber)
    .elementU24(6, 0xabcdef);
  if (writer.write(out, 0) === 0 || reader.csrc(0) < 0) throw new Error('not written');
}

function retransmit(): void {
  if (reader.read(rtx, 0, rtx.length) !== RTP_OK) throw new Error('not read');
  rtx.copyWithin(0, unwrapRtx(reader, 0xf000_0000, 96) - 2);
  if (wrapRtx(rtx, 14, 0xfedc) !== 12) throw new Error('not wrapped');
}

function look(): void {
  if (!red.read(redPayload!, 0, redPayload!.length)) throw new Error('no RED');
  if (!descriptor.read(structure!, 0, structure!.length)) throw new Error('no descriptor');
  isKeyFrameStart(CODEC_H264, h264!, 0, h264!.length);
  isKeyFrameStart(CODEC_H265, h265!, 0, h265!.length);
  isKeyFrameStart(CODEC_VP9, vp9!, 0, vp9!.length);
  isKeyFrameStart(CODEC_AV1, av1!, 0, av1!.length);
}

function report(): void {
  rtcpWriter.start(out, 0, 1200);
  rtcpWriter.senderReport(0xf000_0001, info, blocks, 2);
  rtcpWriter.receiverReport(0xf000_0001, blocks, 1);
  rtcpWriter.cname(0xf000_0001, name);
  rtcpWriter.nack(0xf000_0001, 0xf000_0002, lost, 4);
  rtcpWriter.pictureLoss(0xf000_0001, 0xf000_0002);
  rtcpWriter.fullIntraRequest(0xf000_0001, 0xf000_0002, 3);
  rtcpWriter.remb(0xf000_0001, 1_000_000, ssrcs, 1);
  rtcpWriter.bye(0xf000_0001);
  if (!rtcp.read(out, 0, rtcpWriter.length)) throw new Error('not read');
  let packets = 0;
  let sum = 0;
  while (rtcp.next()) {
    packets++;
    info.read(rtcp);
    for (let i = 0; block.read(rtcp, i); i++) sum += block.fractionLost;
    if (names.read(rtcp)) while (names.next()) sum += names.length;
    if (lostPackets.read(rtcp)) while (lostPackets.next() >= 0) sum++;
    if (remb.read(rtcp)) while (remb.next()) sum++;
    if (requests.read(rtcp)) while (requests.next()) sum++;
    if (byes.read(rtcp)) while (byes.next()) sum++;
  }
  if (packets !== 8 || sum === 0) throw new Error('not all');
}

/** Beyond 31 bits, and boxed before: a time that is made for each call would count against who is called. */
const nextTime = boxedTimes(3);

function acknowledge(): void {
  arrivals.start(0xffff);
  for (let i = 0; i < 20; i++) arrivals.add((0xffff + 2 * i) & 0xffff, nextTime());
  rtcpWriter.start(out, 0, 1200).transportCc(arrivals, 0xf000_0001, 0xf000_0002, 3);
  let received = 0;
  if (rtcp.read(out, 0, rtcpWriter.length) && rtcp.next() && readArrivals.read(rtcp)) {
    while (readArrivals.next()) received++;
  }
  if (received !== 20) throw new Error(`not all: ${received}`);
}

describe('allocation', () => {
  it.each([
    ['a packet read, its descriptor written over, a header written', forward],
    ['an RTX packet unwrapped and wrapped', retransmit],
    ['payloads looked into', look],
    ['reports and feedback written and read', report],
    ['arrivals written and read', acknowledge],
  ])('is none: %s', (_name, operation) => {
    // A number beyond 31 bits in a field takes 16 where the compiler has not settled yet; the least object takes 24.
    expect(bytesPerOperation(operation)).toBeLessThan(20);
  });
});
