// AES-GCM in SRTP: the vectors of RFC 7714 s16 and s17. They give session keys, so they go to the transform.

import { afterAll, expect, it } from 'vitest';
import { GcmTransform } from '../../sfu/srtp/gcm-transform.ts';
import { deriveKey, type SessionKeys } from '../../sfu/srtp/key-derivation.ts';
import { SRTP_UNENCRYPTED } from '../../sfu/srtp/outcome.ts';
import { AEAD_AES_128_GCM } from '../../sfu/srtp/profile.ts';
import { SrtpReceiver } from '../../sfu/srtp/receiver.ts';
import { arena, get, hex, masterKey, put } from '../unit/sfu/srtp-fixture.ts';

const keys: SessionKeys = {
  encryption: hex('000102030405060708090a0b0c0d0e0f'),
  authentication: new Uint8Array(0),
  salt: Buffer.from('Quid pro quo'),
};
const HEADER = hex('8040f17b 8041f8d3 5501a0b2');
const PAYLOAD = Buffer.from('Gallia est omnis divisa in partes tres');
const PACKET = Buffer.concat([HEADER, PAYLOAD]);
const PROTECTED = hex(
  `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
   0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`,
);
const RTCP_INDEX = 0x5d4;
const RTCP = hex(
  `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
   deadbeef deadbeef deadbeef deadbeef deadbeef`,
);
const RTCP_PROTECTED = hex(
  `81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
   c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`,
);
const RTCP_TAG_ONLY = Buffer.concat([RTCP, hex('841dd968 3dd78ec9 2ae58790 125f62b3 000005d4')]);

const sealer = new GcmTransform(keys, keys, true);
const opener = new GcmTransform(keys, keys, false);
afterAll(() => {
  sealer.close();
  opener.close();
});

it('RFC 7714 s16.1.1: the RTP packet is encrypted to the published bytes, in place', () => {
  put(PACKET, 64);
  sealer.sealRtp(arena, 64, 12, arena, 76, PAYLOAD.length, 0);
  expect(get(64, PROTECTED.length)).toEqual(PROTECTED);
});

it('RFC 7714 s16.1.1: and so from a payload that lies elsewhere', () => {
  put(HEADER, 64);
  put(PAYLOAD, 2000);
  sealer.sealRtp(arena, 64, 12, arena, 2000, PAYLOAD.length, 0);
  expect(get(64, PROTECTED.length)).toEqual(PROTECTED);
  expect(get(2000, PAYLOAD.length)).toEqual(PAYLOAD);
});

it('RFC 7714 s16.1.2: the protected packet is decrypted to what it was', () => {
  put(PROTECTED, 64);
  expect(opener.openRtp(arena, 64, 12, PROTECTED.length, 0)).toBe(true);
  expect(get(64, PACKET.length)).toEqual(PACKET);
});

it('RFC 7714 s8.1: the rollover counter is part of the initialization vector', () => {
  put(PROTECTED, 64);
  expect(opener.openRtp(arena, 64, 12, PROTECTED.length, 1)).toBe(false);
});

it('RFC 7714 s8.2: header and payload are covered by the tag, byte for byte', () => {
  for (let at = 0; at < PROTECTED.length; at++) {
    put(PROTECTED, 64);
    arena.bytes[64 + at]! ^= 0x10;
    expect(opener.openRtp(arena, 64, 12, PROTECTED.length, 0)).toBe(false);
  }
});

it('RFC 7714 s17.1: the RTCP packet is encrypted to the published bytes', () => {
  put(RTCP, 64);
  sealer.sealRtcp(arena, 64, RTCP.length, RTCP_INDEX);
  expect(get(64, RTCP_PROTECTED.length)).toEqual(RTCP_PROTECTED);
});

it('RFC 7714 s17.1: and decrypted to what it was', () => {
  put(RTCP_PROTECTED, 64);
  expect(opener.openRtcp(arena, 64, RTCP_PROTECTED.length, RTCP_INDEX)).toBe(true);
  expect(get(64, RTCP.length)).toEqual(RTCP);
});

it('RFC 7714 s17.3: an SRTCP packet that is tagged only is refused: both profiles encrypt', () => {
  const receiver = new SrtpReceiver(AEAD_AES_128_GCM, masterKey(AEAD_AES_128_GCM), 4);
  put(RTCP_TAG_ONLY, 64);
  expect(receiver.unprotectRtcp(arena, 64, RTCP_TAG_ONLY.length)).toBe(SRTP_UNENCRYPTED);
  receiver.close();
});

it('RFC 7714 s11: a salt of 96 bits is padded at its end for the key derivation', () => {
  // Key and salt of libsrtp's GCM tests; the values are those of `openssl enc -aes-128-ctr`.
  const master = { key: keys.encryption, salt: hex('a0a1a2a3a4a5a6a7a8a9aaab') };
  const derived = (label: number, bytes: number): string =>
    Buffer.from(deriveKey(master, label, bytes)).toString('hex');
  expect(derived(0, 16)).toBe('077c6143cb221bc355ff23d5f984a16e');
  expect(derived(2, 12)).toBe('9af3e95364ebac9c99c5a7c4');
  expect(derived(3, 16)).toBe('615dcd9042600666f6fd4d9e4fe4519f');
  expect(derived(5, 12)).toBe('fcca937b9112a500dac72269');
});
