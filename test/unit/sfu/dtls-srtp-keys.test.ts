import { expect, it } from 'vitest';
import {
  keyingMaterialBytes,
  splitKeyingMaterial,
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  srtpProfileLengths,
} from '../../../sfu/dtls/srtp-keys.ts';

const run = (from: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => from + at);

it.each([
  [SRTP_AEAD_AES_128_GCM, 12, 56],
  [SRTP_AES128_CM_HMAC_SHA1_80, 14, 60],
])(
  'profile %i: keys of client and server, then their salts (RFC 5764 s4.2)',
  (profile, salt, all) => {
    const lengths = srtpProfileLengths(profile)!;
    expect(keyingMaterialBytes(lengths)).toBe(all);
    const material = run(0, all);
    const client = { key: run(0, 16), salt: run(32, salt) };
    const server = { key: run(16, 16), salt: run(32 + salt, salt) };
    expect(splitKeyingMaterial(profile, lengths, material, true)).toEqual({
      profile,
      localKey: client.key,
      localSalt: client.salt,
      remoteKey: server.key,
      remoteSalt: server.salt,
    });
    expect(splitKeyingMaterial(profile, lengths, material, false)).toEqual({
      profile,
      localKey: server.key,
      localSalt: server.salt,
      remoteKey: client.key,
      remoteSalt: client.salt,
    });
  },
);

it.each([0, 2, 5, 6, 8])('profile %i is not ours', (profile) => {
  expect(srtpProfileLengths(profile)).toBeUndefined();
});
