import { afterAll, describe, expect, it } from 'vitest';
import {
  SRTP_CLOSED,
  SRTP_FORGED,
  SRTP_MALFORMED,
  SRTP_REPLAYED,
  SRTP_TOO_MANY_SSRCS,
  SRTP_UNENCRYPTED,
} from '../../../sfu/srtp/outcome.ts';
import type { SrtpProfile } from '../../../sfu/srtp/profile.ts';
import { SrtpReceiver } from '../../../sfu/srtp/receiver.ts';
import { srtpTransform } from '../../../sfu/srtp/transform.ts';
import { packetIv } from '../../../shared/native/evp.ts';
import { SrtpSender } from '../../../sfu/srtp/sender.ts';
import { ReferenceSrtp } from './reference-srtp.ts';
import {
  arena,
  get,
  masterKey,
  payload,
  PROFILES,
  put,
  rtcpPacket,
  rtpHeader,
} from './srtp-fixture.ts';

const SSRC = 0xf0e1d2c3;
const AT = 100;

const open: { close(): void }[] = [];
afterAll(() => {
  for (const context of open) context.close();
});

function contexts(profile: SrtpProfile, ssrcsMax = 4): [SrtpSender, SrtpReceiver] {
  const sender = new SrtpSender(profile, masterKey(profile), ssrcsMax);
  const receiver = new SrtpReceiver(profile, masterKey(profile), ssrcsMax);
  open.push(sender, receiver);
  return [sender, receiver];
}

function protect(sender: SrtpSender, header: Buffer, text: Buffer): Buffer {
  put(header, AT);
  put(text, AT + header.length);
  const at = AT + header.length;
  const length = sender.protectRtp(arena, AT, header.length, arena, at, text.length);
  if (length < 0) throw new Error(`refused: ${length}`);
  return get(AT, length);
}

function unprotect(receiver: SrtpReceiver, packet: Buffer): number {
  put(packet, AT);
  return receiver.unprotectRtp(arena, AT, packet.length);
}

describe.each(PROFILES)('$name', (profile) => {
  const reference = new ReferenceSrtp(profile, masterKey(profile));
  const { tagBytes, rtcpTrailerBytes } = profile;

  it.each([0, 1, 20, 100, 1000, 1460])('protects %i bytes as node:crypto does', (bytes) => {
    const [sender, receiver] = contexts(profile);
    const header = rtpHeader(SSRC, 4711);
    const text = payload(bytes);
    const expected = reference.protectRtp(header, text, 0);
    expect(protect(sender, header, text)).toEqual(expected);
    expect(unprotect(receiver, expected)).toBe(12 + bytes);
    expect(get(AT, 12 + bytes)).toEqual(Buffer.concat([header, text]));
    expect(reference.unprotectRtp(expected, 12, 0)).toEqual(text);
  });

  it('has the whole rollover counter and the whole SRTCP index in what it protects', () => {
    const counter = 0x89ab_cdef;
    const index = 0x789a_bcde;
    const header = rtpHeader(SSRC, 0xfedc);
    const transforms = [true, false].map((seals) =>
      srtpTransform(profile, masterKey(profile), seals),
    );
    const [sealer, opener] = [transforms[0]!, transforms[1]!];
    packetIv().fill(0xff);
    put(header, AT);
    put(payload(40), AT + 12);
    sealer.sealRtp(arena, AT, 12, arena, AT + 12, 40, counter);
    const bytes = 52 + tagBytes;
    expect(get(AT, bytes)).toEqual(reference.protectRtp(header, payload(40), counter));
    expect(opener.openRtp(arena, AT, 12, bytes, counter)).toBe(true);
    expect(get(AT + 12, 40)).toEqual(payload(40));
    const rtcp = rtcpPacket(SSRC, 6);
    packetIv().fill(0xff);
    put(rtcp, AT);
    sealer.sealRtcp(arena, AT, rtcp.length, index);
    const rtcpBytes = rtcp.length + rtcpTrailerBytes;
    expect(get(AT, rtcpBytes)).toEqual(reference.protectRtcp(rtcp, index));
    expect(opener.openRtcp(arena, AT, rtcpBytes, index)).toBe(true);
    expect(get(AT, rtcp.length)).toEqual(rtcp);
    for (const transform of transforms) transform.close();
  });

  it('protects one payload for many, which stays as it was', () => {
    const text = payload(300);
    put(text, 5000);
    for (let remote = 1; remote <= 3; remote++) {
      const master = masterKey(profile, remote);
      const sender = new SrtpSender(profile, master, 1);
      const header = rtpHeader(SSRC + remote, 17 * remote);
      put(header, AT);
      const length = sender.protectRtp(arena, AT, 12, arena, 5000, text.length);
      const expected = new ReferenceSrtp(profile, master).protectRtp(header, text, 0);
      expect(get(AT, length)).toEqual(expected);
      sender.close();
    }
    expect(get(5000, 300)).toEqual(text);
  });

  it('covers CSRCs and the header extension, and leaves them readable', () => {
    const [sender, receiver] = contexts(profile);
    const extension = Buffer.from('bede000110aa0000', 'hex');
    const header = Buffer.concat([rtpHeader(SSRC, 1), Buffer.alloc(8, 0x77), extension]);
    header[0] = 0x92;
    const packet = protect(sender, header, payload(50));
    expect(packet).toEqual(reference.protectRtp(header, payload(50), 0));
    expect(packet.subarray(0, header.length)).toEqual(header);
    for (const at of [13, 19, 24, header.length - 1]) {
      const bent = Buffer.from(packet);
      bent[at]! ^= 4;
      expect(unprotect(receiver, bent)).toBe(SRTP_FORGED);
    }
    expect(unprotect(receiver, packet)).toBe(header.length + 50);
  });

  it('counts rollovers into what is sent, for each SSRC by itself', () => {
    const [sender, receiver] = contexts(profile);
    const seen = [65_535, 0, 30_000, 60_000, 20_000, 59_999 - 4, 19_999];
    const counters = [0, 1, 1, 1, 2, 1, 2];
    for (const [i, sequenceNumber] of seen.entries()) {
      if (sequenceNumber === 59_995) continue;
      const header = rtpHeader(SSRC, sequenceNumber);
      const packet = protect(sender, header, payload(30));
      expect(packet).toEqual(reference.protectRtp(header, payload(30), counters[i]!));
      expect(unprotect(receiver, packet)).toBe(42);
    }
    const other = rtpHeader(SSRC + 1, 20_001);
    const packet = protect(sender, other, payload(30));
    expect(packet).toEqual(reference.protectRtp(other, payload(30), 0));
    expect(unprotect(receiver, packet)).toBe(42);
  });

  it('never sends an index twice', () => {
    const [sender] = contexts(profile);
    const send = (sequenceNumber: number): number => {
      put(rtpHeader(SSRC, sequenceNumber), AT);
      return sender.protectRtp(arena, AT, 12, arena, AT + 12, 10);
    };
    expect(send(3000)).toBe(22 + tagBytes);
    expect(send(3000)).toBe(SRTP_REPLAYED);
    expect(send(2999)).toBe(22 + tagBytes);
    expect(send(2999)).toBe(SRTP_REPLAYED);
    expect(send(1000)).toBe(SRTP_REPLAYED);
  });

  it('protects RTCP as node:crypto does, each packet with the next index', () => {
    const [sender, receiver] = contexts(profile);
    for (let index = 0; index < 3; index++) {
      const packet = rtcpPacket(SSRC + (index & 1), 5 * index);
      put(packet, AT);
      const length = sender.protectRtcp(arena, AT, packet.length);
      expect(length).toBe(packet.length + rtcpTrailerBytes);
      const expected = reference.protectRtcp(packet, index);
      expect(get(AT, length)).toEqual(expected);
      expect(receiver.unprotectRtcp(arena, AT, length)).toBe(packet.length);
      expect(get(AT, packet.length)).toEqual(packet);
      put(expected, AT);
      expect(receiver.unprotectRtcp(arena, AT, length)).toBe(SRTP_REPLAYED);
    }
  });

  it('refuses RTCP that was changed anywhere, that is not encrypted, or that is too short', () => {
    const [sender, receiver] = contexts(profile);
    const packet = rtcpPacket(SSRC, 4);
    put(packet, AT);
    const length = sender.protectRtcp(arena, AT, packet.length);
    const good = get(AT, length);
    for (let at = 0; at < length; at++) {
      const bent = Buffer.from(good);
      bent[at]! ^= 1;
      put(bent, AT);
      expect(receiver.unprotectRtcp(arena, AT, length)).toBe(SRTP_FORGED);
    }
    const clear = Buffer.from(good);
    clear[length - profile.rtcpIndexFromEnd]! &= 0x7f;
    put(clear, AT);
    expect(receiver.unprotectRtcp(arena, AT, length)).toBe(SRTP_UNENCRYPTED);
    put(good, AT);
    const version = Buffer.from(good);
    version[0] = 0x00;
    put(version, AT);
    expect(receiver.unprotectRtcp(arena, AT, length)).toBe(SRTP_MALFORMED);
    put(good, AT);
    for (let short = 0; short < 8 + rtcpTrailerBytes; short++) {
      expect(receiver.unprotectRtcp(arena, AT, short)).toBe(SRTP_MALFORMED);
    }
    expect(receiver.unprotectRtcp(arena, AT, length)).toBe(packet.length);
    expect(sender.protectRtcp(arena, AT, 7)).toBe(SRTP_MALFORMED);
  });

  it('refuses RTP that was changed anywhere', () => {
    const [sender, receiver] = contexts(profile);
    const good = protect(sender, rtpHeader(SSRC, 9), payload(33));
    for (let at = 0; at < good.length; at++) {
      const bent = Buffer.from(good);
      bent[at]! ^= 1;
      expect([SRTP_FORGED, SRTP_MALFORMED]).toContain(unprotect(receiver, bent));
    }
    for (let length = 0; length < good.length; length++) {
      const refused = unprotect(receiver, good.subarray(0, length));
      expect(refused).toBe(length < 12 + tagBytes ? SRTP_MALFORMED : SRTP_FORGED);
    }
    expect(unprotect(receiver, good)).toBe(45);
    expect(unprotect(receiver, good)).toBe(SRTP_REPLAYED);
  });

  it('holds so many SSRCs and no more, and none that did not authenticate', () => {
    const [sender, receiver] = contexts(profile, 2);
    const packets = [1, 2].map((ssrc) => protect(sender, rtpHeader(ssrc, 1), payload(5)));
    for (let forged = 100; forged < 200; forged++) {
      const packet = Buffer.from(packets[0]!);
      packet.writeUInt32BE(forged, 8);
      expect(unprotect(receiver, packet)).toBe(SRTP_FORGED);
    }
    for (const packet of packets) expect(unprotect(receiver, packet)).toBe(17);
    put(rtpHeader(3, 1), AT);
    expect(sender.protectRtp(arena, AT, 12, arena, AT + 12, 5)).toBe(SRTP_TOO_MANY_SSRCS);
    const third = reference.protectRtp(rtpHeader(3, 1), payload(5), 0);
    expect(unprotect(receiver, third)).toBe(SRTP_TOO_MANY_SSRCS);
    for (const [index, ssrc] of [7, 8, 9].entries()) {
      const rtcp = reference.protectRtcp(rtcpPacket(ssrc, 1), index);
      put(rtcp, AT);
      const taken = receiver.unprotectRtcp(arena, AT, rtcp.length);
      expect(taken).toBe(index < 2 ? 12 : SRTP_TOO_MANY_SSRCS);
    }
  });

  it('touches nothing outside the arena', () => {
    const [sender, receiver] = contexts(profile);
    const end = arena.bytes.length;
    const header = rtpHeader(SSRC, 1);
    put(header, end - 12 - 20 - tagBytes + 1);
    const at = end - 12 - 20 - tagBytes + 1;
    expect(sender.protectRtp(arena, at, 12, arena, at + 12, 20)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtp(arena, 0, 12, arena, end - 19, 20)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtp(arena, 0, 12, arena, -1, 20)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtp(arena, 0, 12, arena, 0, -1)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtp(arena, -1, 12, arena, 0, 20)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtp(arena, 0, 11, arena, 100, 20)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtp(arena, 0, 12, arena, Number.NaN, 20)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtcp(arena, end - 8 - rtcpTrailerBytes + 1, 8)).toBe(SRTP_MALFORMED);
    expect(sender.protectRtcp(arena, -4, 8)).toBe(SRTP_MALFORMED);
    put(header, end - 49);
    for (const offset of [end - 49, -1, Number.NaN]) {
      expect(receiver.unprotectRtp(arena, offset, 50)).toBe(SRTP_MALFORMED);
      expect(receiver.unprotectRtcp(arena, offset, 50)).toBe(SRTP_MALFORMED);
    }
    put(header, at - 1);
    expect(sender.protectRtp(arena, at - 1, 12, arena, at + 11, 20)).toBe(32 + tagBytes);
  });

  it('does nothing once it is closed', () => {
    const [sender, receiver] = contexts(profile);
    for (let times = 0; times < 2; times++) {
      sender.close();
      receiver.close();
    }
    expect(sender.protectRtp(arena, 0, 12, arena, 100, 20)).toBe(SRTP_CLOSED);
    expect(sender.protectRtcp(arena, 0, 12)).toBe(SRTP_CLOSED);
    expect(receiver.unprotectRtp(arena, 0, 100)).toBe(SRTP_CLOSED);
    expect(receiver.unprotectRtcp(arena, 0, 100)).toBe(SRTP_CLOSED);
  });

  it('wants a master key of its own lengths', () => {
    const { key, salt } = masterKey(profile);
    expect(() => new SrtpSender(profile, { key, salt: salt.subarray(1) }, 1)).toThrow('length');
    expect(() => new SrtpReceiver(profile, { key: key.subarray(1), salt }, 1)).toThrow('length');
  });
});
