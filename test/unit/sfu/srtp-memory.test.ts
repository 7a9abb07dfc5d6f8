// SRTP over many packets: neither the JavaScript heap nor what OpenSSL takes outside it grows. STERNA_SRTP_PACKETS
// makes the run longer than the suite's.

import { describe, expect, it } from 'vitest';
import { SRTP_FORGED } from '../../../sfu/srtp/outcome.ts';
import { SrtpReceiver } from '../../../sfu/srtp/receiver.ts';
import { SrtpSender } from '../../../sfu/srtp/sender.ts';
import { bytesPerOperation, collect } from './heap.ts';
import { arena, masterKey, PROFILES, put, rtcpPacket, rtpHeader } from './srtp-fixture.ts';

const PACKETS = Number(process.env['STERNA_SRTP_PACKETS'] ?? 200_000);
const MIB = 1024 * 1024;
const SSRC = 0xfedcba98;

function use(): { heap: number; resident: number } {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss };
}

describe.each(PROFILES)('$name', (profile) => {
  let sequenceNumber = 0;
  let sender = new SrtpSender(profile, masterKey(profile), 8);
  let receiver = new SrtpReceiver(profile, masterKey(profile), 8);
  const header = rtpHeader(SSRC, 0);
  const rtcp = rtcpPacket(SSRC, 6);

  /** One packet on its way; every 16th is forged, too, and every 16th is RTCP. */
  function packet(): void {
    sequenceNumber = (sequenceNumber + 1) & 0xffff;
    for (let i = 0; i < 12; i++) arena.bytes[i] = header[i]!;
    arena.bytes[2] = sequenceNumber >> 8;
    arena.bytes[3] = sequenceNumber;
    const length = sender.protectRtp(arena, 0, 12, arena, 4096, 100);
    if ((sequenceNumber & 15) === 0) {
      arena.bytes[50]! ^= 1;
      if (receiver.unprotectRtp(arena, 0, length) !== SRTP_FORGED) throw new Error('not forged');
    } else if (receiver.unprotectRtp(arena, 0, length) !== 112) throw new Error('not opened');
    if ((sequenceNumber & 15) !== 1) return;
    for (let i = 0; i < rtcp.length; i++) arena.bytes[i] = rtcp[i]!;
    const protectedBytes = sender.protectRtcp(arena, 0, rtcp.length);
    if (receiver.unprotectRtcp(arena, 0, protectedBytes) !== rtcp.length) throw new Error('no');
  }

  it('allocates nothing per packet', () => {
    expect(bytesPerOperation(packet)).toBeLessThan(8);
  });

  it(`stays flat over ${PACKETS} packets`, () => {
    for (let i = 0; i < PACKETS / 4; i++) packet();
    const before = use();
    for (let i = 0; i < PACKETS; i++) packet();
    const after = use();
    expect(after.heap - before.heap).toBeLessThan(MIB);
    expect(after.resident - before.resident).toBeLessThan(8 * MIB);
  });

  it('gives back what a context took', () => {
    const open = (times: number): void => {
      for (let i = 0; i < times; i++) {
        sender.close();
        receiver.close();
        sender = new SrtpSender(profile, masterKey(profile, i), 8);
        receiver = new SrtpReceiver(profile, masterKey(profile, i), 8);
        put(header, 0);
        if (sender.protectRtp(arena, 0, 12, arena, 4096, 100) < 0) throw new Error('refused');
      }
      collect();
    };
    open(500);
    const before = process.memoryUsage().rss;
    open(8000);
    // A pair of contexts takes some KiB: 8000 of them would be seen, whatever else the process took meanwhile.
    expect(process.memoryUsage().rss - before).toBeLessThan(20 * MIB);
    sender.close();
    receiver.close();
  });
});
