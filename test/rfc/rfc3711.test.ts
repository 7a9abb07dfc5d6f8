// SRTP: the vectors of RFC 3711 appendix B, and what the index, the replay list and the key's lifetime ask for.

import { afterAll, describe, expect, it } from 'vitest';
import { CmTransform } from '../../sfu/srtp/cm-transform.ts';
import { deriveKey, type SessionKeys } from '../../sfu/srtp/key-derivation.ts';
import {
  SRTP_EXHAUSTED,
  SRTP_FORGED,
  SRTP_REPLAYED,
  SRTP_TOO_MANY_SSRCS,
} from '../../sfu/srtp/outcome.ts';
import { PacketIndexes } from '../../sfu/srtp/packet-indexes.ts';
import { AES_CM_128_HMAC_SHA1_80 } from '../../sfu/srtp/profile.ts';
import { SrtpReceiver } from '../../sfu/srtp/receiver.ts';
import { REPLAY_WINDOW } from '../../sfu/srtp/replay-windows.ts';
import { RtcpIndexes } from '../../sfu/srtp/rtcp-indexes.ts';
import { SrtpSender } from '../../sfu/srtp/sender.ts';
import { Arena } from '../../shared/native/arena.ts';
import { arena, get, hex, put, rtcpPacket, rtpHeader } from '../unit/sfu/srtp-fixture.ts';

/** Of appendix B.3, and of libsrtp's own tests. */
const MASTER = {
  key: hex('e1f97a0d3e018be0d64fa32c06de4139'),
  salt: hex('0ec675ad498afeebb6960b3aabe6'),
};
const SSRC = 0xcafebabe;

const open: { close(): void }[] = [];
afterAll(() => {
  for (const context of open) context.close();
});

function sender(ssrcsMax = 4, rtcpIndex = 0): SrtpSender {
  const made = new SrtpSender(AES_CM_128_HMAC_SHA1_80, MASTER, ssrcsMax, rtcpIndex);
  open.push(made);
  return made;
}

function receiver(ssrcsMax = 4): SrtpReceiver {
  const made = new SrtpReceiver(AES_CM_128_HMAC_SHA1_80, MASTER, ssrcsMax);
  open.push(made);
  return made;
}

function derived(label: number, bytes: number): string {
  return Buffer.from(deriveKey(MASTER, label, bytes)).toString('hex');
}

describe('vectors', () => {
  it('RFC 3711 appendix B.2: AES-CM gives the published key stream', () => {
    const keys: SessionKeys = {
      encryption: hex('2b7e151628aed2a6abf7158809cf4f3c'),
      authentication: new Uint8Array(20),
      salt: hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd'),
    };
    const transform = new CmTransform(keys, keys);
    const segment = 0xff02 * 16;
    const wide = new Arena(12 + segment + 10);
    // SSRC 0, index 0, and a payload of zeros: what comes out is the key stream itself.
    wide.bytes[0] = 0x80;
    transform.sealRtp(wide, 0, 12, wide, 12, segment, 0);
    const block = (i: number): string =>
      Buffer.from(wide.bytes.slice(12 + 16 * i, 28 + 16 * i)).toString('hex');
    expect(block(0)).toBe('e03ead0935c95e80e166b16dd92b4eb4');
    expect(block(1)).toBe('d23513162b02d0f72a43a2fe4a5f97ab');
    expect(block(2)).toBe('41e95b3bb0a2e8dd477901e4fca894c0');
    expect(block(0xfeff)).toBe('ec8cdf7398607cb0f2d21675ea9ea1e4');
    expect(block(0xff00)).toBe('362b7c3c6773516318a077d7fc5073ae');
    expect(block(0xff01)).toBe('6a2cc3787889374fbeb4c81b17ba6c44');
    transform.close();
    wide.free();
  });

  it('RFC 3711 appendix B.3: key derivation gives the published keys', () => {
    expect(derived(0, 16)).toBe('c61e7a93744f39ee10734afe3ff7a087');
    expect(derived(2, 14)).toBe('30cbbc08863d8c85d49db34a9ae1');
    expect(derived(1, 94)).toBe(
      'cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbce' +
        'e049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc25' +
        '6d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2',
    );
  });

  // The packets of libsrtp's srtp_validate().
  const RTP = hex(`800f1234decafbadcafebabe${'ab'.repeat(16)}`);
  const SRTP = hex('800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb');
  const RTCP = hex(`81c8000bcafebabe${'ab'.repeat(16)}`);
  const SRTCP = hex('81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798');

  it('RFC 3711 s3.3: a packet is protected and unprotected as libsrtp does it', () => {
    put(RTP, 64);
    expect(sender().protectRtp(arena, 64, 12, arena, 76, 16)).toBe(SRTP.length);
    expect(get(64, SRTP.length)).toEqual(SRTP);
    expect(receiver().unprotectRtp(arena, 64, SRTP.length)).toBe(RTP.length);
    expect(get(64, RTP.length)).toEqual(RTP);
  });

  it('RFC 3711 s3.4: so is an RTCP packet', () => {
    put(RTCP, 64);
    expect(sender(4, 1).protectRtcp(arena, 64, RTCP.length)).toBe(SRTCP.length);
    expect(get(64, SRTCP.length)).toEqual(SRTCP);
    expect(receiver().unprotectRtcp(arena, 64, SRTCP.length)).toBe(RTCP.length);
    expect(get(64, RTCP.length)).toEqual(RTCP);
  });
});

/** Sequence numbers given one after another; what the index of each is taken for, or why it is refused. */
function indexesOf(sequenceNumbers: readonly number[], firstCounter = 0): number[] {
  const indexes = new PacketIndexes(4, firstCounter);
  return sequenceNumbers.map((sequenceNumber) => {
    const refused = indexes.estimate(SSRC, sequenceNumber);
    if (refused !== 0) return refused;
    indexes.accept();
    return indexes.rolloverCounter * 0x1_0000 + sequenceNumber;
  });
}

describe('packet index', () => {
  it('RFC 3711 s3.3.1: the rollover counter begins at 0 and turns with the sequence number', () => {
    expect(indexesOf([65_534, 65_535, 0, 1, 30_000, 60_000, 5000])).toEqual([
      65_534, 65_535, 65_536, 65_537, 95_536, 125_536, 136_072,
    ]);
  });

  it('RFC 3711 s3.3.1: a late packet of before the turn has the counter of before the turn', () => {
    expect(indexesOf([65_534, 1, 65_535, 0])).toEqual([65_534, 65_537, 65_535, 65_536]);
  });

  it('RFC 3711 appendix A: at half the range a packet is taken for one of the same counter', () => {
    expect(indexesOf([100, 100 + 32_768])).toEqual([100, 32_868]);
    expect(indexesOf([65_535, 100, 100 + 32_768])).toEqual([65_535, 65_636, 98_404]);
    expect(indexesOf([40_000, 40_000 - 32_768])).toEqual([40_000, SRTP_REPLAYED]);
    expect(indexesOf([40_000, 40_000 - 32_769])).toEqual([40_000, 72_767]);
    expect(indexesOf([65_535, 100, 100 + 32_769])).toEqual([65_535, 65_636, SRTP_REPLAYED]);
  });

  it('RFC 3711 s3.3.1: nothing comes before index 0, so what looks like it is ahead', () => {
    expect(indexesOf([5, 65_000, 6])).toEqual([5, 65_000, 65_542]);
  });

  it('RFC 3711 s3.3.1: every SSRC has a rollover counter of its own', () => {
    const indexes = new PacketIndexes(40);
    for (let ssrc = 0; ssrc < 40; ssrc++) {
      indexes.estimate(ssrc * 0x0800_0001, 65_535);
      indexes.accept();
    }
    for (let ssrc = 0; ssrc < 20; ssrc++) {
      expect(indexes.estimate(ssrc * 0x0800_0001, 65_535)).toBe(SRTP_REPLAYED);
      expect(indexes.estimate(ssrc * 0x0800_0001, 0)).toBe(0);
      expect(indexes.rolloverCounter).toBe(1);
      indexes.accept();
    }
    expect(indexes.estimate(39 * 0x0800_0001, 65_534)).toBe(0);
    expect(indexes.rolloverCounter).toBe(0);
    expect(indexes.estimate(7, 0)).toBe(SRTP_TOO_MANY_SSRCS);
  });

  it('RFC 3711 s9.2: a key ends with its 2^48th packet', () => {
    const top = 2 ** 48 - 1;
    expect(indexesOf([65_535, 0, 65_534], 0xffff_ffff)).toEqual([top, SRTP_EXHAUSTED, top - 1]);
  });

  it('RFC 3711 s9.2: a key ends with its 2^31st SRTCP packet', () => {
    const last = sender(4, 0x7fff_ffff);
    put(rtcpPacket(SSRC, 0), 64);
    expect(last.protectRtcp(arena, 64, 8)).toBe(22);
    expect(get(72, 4)).toEqual(hex('ffffffff'));
    expect(receiver().unprotectRtcp(arena, 64, 22)).toBe(8);
    expect(last.protectRtcp(arena, 64, 8)).toBe(SRTP_EXHAUSTED);
  });
});

describe('replay list', () => {
  it('RFC 3711 s3.3.2: the window is 64 at least, and each index in it is taken once', () => {
    expect(REPLAY_WINDOW).toBeGreaterThanOrEqual(128);
    const oldest = 5000 - REPLAY_WINDOW + 1;
    expect(indexesOf([5000, oldest, oldest - 1, oldest, 5000, 4999, 4999])).toEqual([
      5000,
      oldest,
      SRTP_REPLAYED,
      SRTP_REPLAYED,
      SRTP_REPLAYED,
      4999,
      SRTP_REPLAYED,
    ]);
  });

  it('RFC 3711 s3.3.2: SRTCP has a list of its own for each SSRC', () => {
    const indexes = new RtcpIndexes(20);
    const take = (ssrc: number, index: number): number => {
      const refused = indexes.check(ssrc, index);
      if (refused === 0) indexes.accept(ssrc, index);
      return refused;
    };
    for (let ssrc = 0; ssrc < 20; ssrc++) {
      expect(take(ssrc, 70_000)).toBe(0);
      expect(take(ssrc, 70_000)).toBe(SRTP_REPLAYED);
      expect(take(ssrc, 69_999)).toBe(0);
      expect(take(ssrc, 70_000 - REPLAY_WINDOW)).toBe(SRTP_REPLAYED);
    }
    expect(take(0, 0x7fff_ffff)).toBe(0);
    expect(take(0, 70_001)).toBe(SRTP_REPLAYED);
    expect(take(1, 70_001)).toBe(0);
    expect(take(20, 0)).toBe(SRTP_TOO_MANY_SSRCS);
  });

  it('RFC 3711 s3.3: a packet that fails authentication moves neither counter nor window', () => {
    const from = sender();
    const to = receiver();
    const protect = (sequenceNumber: number): Buffer => {
      put(rtpHeader(SSRC, sequenceNumber), 64);
      return get(64, from.protectRtp(arena, 64, 12, arena, 76, 20));
    };
    const receive = (packet: Buffer): number => {
      put(packet, 64);
      return to.unprotectRtp(arena, 64, packet.length);
    };
    const first = protect(1000);
    const second = protect(1001);
    const forged = Buffer.from(second);
    forged.writeUInt16BE(30_000, 2);
    expect(receive(forged)).toBe(SRTP_FORGED);
    expect(receive(first)).toBe(32);
    expect(receive(forged)).toBe(SRTP_FORGED);
    const bent = Buffer.from(second);
    bent[20]! ^= 1;
    expect(receive(bent)).toBe(SRTP_FORGED);
    expect(receive(second)).toBe(32);
    expect(receive(second)).toBe(SRTP_REPLAYED);
  });
});
