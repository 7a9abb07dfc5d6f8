// The RTCP of the SFU bench's peers: requests for key frames are heard, and reports say what came.

import { expect, test } from 'vitest';
import { Flow } from '../../../../bench/sfu/flow.ts';
import { isRtcp, senderReport } from '../../../../sdk/node/rtcp.ts';
import { Reception, wantsKeyFrame } from '../../../../bench/sfu/rtcp.ts';
import { RTCP_RR, RTCP_SDES, RTCP_SR, RtcpReader } from '../../../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, SenderInfo } from '../../../../sfu/rtp/rtcp-reports.ts';

/** RFC 4585 s6.3.1 and RFC 5104 s4.3.1.1, byte by byte. */
const PLI = Buffer.from('81ce00020000000110000000', 'hex');
const FIR = Buffer.from('84ce000400000001000000001000000007000000', 'hex');
const RR = Buffer.from('80c9000100000001', 'hex');
const NACK = Buffer.from('81cd0003000000011000000000010000', 'hex');

test('PLI and FIR ask for a key frame, alone and behind a report; nothing else does', () => {
  expect([PLI, FIR, Buffer.concat([RR, PLI])].map(wantsKeyFrame)).toEqual([true, true, true]);
  expect([RR, NACK, Buffer.alloc(3)].map(wantsKeyFrame)).toEqual([false, false, false]);
});

test('a sender report says what was sent, and names the sender', () => {
  const flow = new Flow('audio', 0, 50);
  let packet: Buffer = Buffer.alloc(0);
  flow.frame((made) => void (packet = made));
  expect(isRtcp(packet)).toBe(false);
  const report = senderReport(flow);
  expect(isRtcp(report)).toBe(true);
  const reader = new RtcpReader();
  const info = new SenderInfo();
  expect(reader.read(report, 0, report.length)).toBe(true);
  expect(reader.next()).toBe(true);
  expect([reader.type, reader.senderSsrc]).toEqual([RTCP_SR, flow.ssrc]);
  expect(info.read(reader)).toBe(true);
  expect([info.packetCount, info.octetCount]).toEqual([1, 100]);
  expect(reader.next()).toBe(true);
  expect(reader.type).toBe(RTCP_SDES);
});

test('a receiver report says how far the sequence numbers went, and answers the sender report', () => {
  const flow = new Flow('audio', 0, 50);
  const reception = new Reception(5);
  expect(reception.receiverReport()).toBeUndefined();
  flow.frame((packet) => {
    packet.writeUInt16BE(0xffff, 2);
    reception.notePacket(packet);
    packet.writeUInt16BE(1, 2);
    reception.notePacket(packet);
  });
  const sent = senderReport(flow);
  reception.noteRtcp(sent);
  const report = reception.receiverReport() ?? Buffer.alloc(0);
  const reader = new RtcpReader();
  const block = new ReportBlock();
  expect(reader.read(report, 0, report.length)).toBe(true);
  expect(reader.next()).toBe(true);
  expect([reader.type, reader.senderSsrc, reader.count]).toEqual([RTCP_RR, 5, 1]);
  expect(block.read(reader, 0)).toBe(true);
  expect([block.ssrc, block.highestSequence]).toEqual([flow.ssrc, 0x1_0001]);
  const info = new SenderInfo();
  reader.read(sent, 0, sent.length);
  reader.next();
  info.read(reader);
  expect(block.lastSenderReport).toBe(info.middle);
});
