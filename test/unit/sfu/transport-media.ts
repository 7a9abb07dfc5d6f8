// Packets through a media transport, both ways, compared with what was meant.

import { expect } from 'vitest';
import { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import type { MediaPeer } from '../../support/sfu/media-peer.ts';
import { arena, payload, put, rtcpPacket, rtpHeader } from './srtp-fixture.ts';

export const SSRC = 0xdecafbad;

/** What `sendRtp` makes of these fields, as a packet in the clear. */
export function header(sequenceNumber: number): RtpWriter {
  const writer = new RtpWriter();
  writer.payloadType = 96;
  writer.sequenceNumber = sequenceNumber;
  writer.timestamp = 90_000;
  writer.ssrc = SSRC;
  return writer.elementU8(1, 7);
}

/** One packet of each kind each way, as they were meant. */
export async function exchangeMedia(peer: MediaPeer, sequenceNumber: number): Promise<void> {
  const { transport, observer, world } = peer;
  const up = Buffer.concat([rtpHeader(0x11223344, sequenceNumber), payload(900)]);
  const upRtcp = rtcpPacket(0x11223344, sequenceNumber % 7);
  peer.send(peer.protect(up));
  peer.send(peer.protectRtcp(upRtcp));
  const downPayload = payload(1000);
  const downRtcp = rtcpPacket(SSRC, 3);
  put(downPayload, 64);
  const writer = header(sequenceNumber);
  const sent = transport.sendRtp(writer, arena, 64, downPayload.length, world.now());
  put(downRtcp, 64);
  const rtcpSent = transport.sendRtcp(arena, 64, downRtcp.length, world.now());
  await peer.settle();
  expect(observer.rtp.splice(0)).toEqual([up]);
  expect(observer.rtcp.splice(0)).toEqual([upRtcp]);
  const down = Buffer.alloc(20 + downPayload.length);
  writer.write(down, 0);
  down.set(downPayload, 20);
  expect(sent).toBe(down.length + 16);
  expect(rtcpSent).toBe(true);
  expect(peer.rtp.splice(0)).toEqual([down]);
  expect(peer.rtcp.splice(0)).toEqual([downRtcp]);
}
