// DTLS-SRTP: which profile has which number, and how exported keying material is split.

import { expect, it } from 'vitest';
import {
  AEAD_AES_128_GCM,
  AES_CM_128_HMAC_SHA1_80,
  keyingMaterialBytes,
  splitKeyingMaterial,
  srtpProfile,
  wipeSrtpKeys,
} from '../../sfu/srtp/profile.ts';

it('RFC 5764 s4.1.2: profiles are known by their numbers, others are not', () => {
  expect(srtpProfile(0x0001)).toBe(AES_CM_128_HMAC_SHA1_80);
  expect(srtpProfile(0x0007)).toBe(AEAD_AES_128_GCM);
  expect([0, 2, 5, 6, 8].map(srtpProfile)).toEqual(Array.from({ length: 5 }, () => undefined));
});

function run(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}

it('RFC 5764 s4.2: client key, server key, client salt, server salt', () => {
  const lengths = [
    [AES_CM_128_HMAC_SHA1_80, 60, 14],
    [AEAD_AES_128_GCM, 56, 12],
  ] as const;
  for (const [profile, bytes, saltBytes] of lengths) {
    expect(keyingMaterialBytes(profile)).toBe(bytes);
    const material = Uint8Array.from({ length: bytes }, (_, i) => i);
    const asClient = splitKeyingMaterial(profile, material, true);
    const { local: client, remote: server } = asClient;
    expect([...client.key]).toEqual(run(0, 16));
    expect([...server.key]).toEqual(run(16, 16));
    expect([...client.salt]).toEqual(run(32, saltBytes));
    expect([...server.salt]).toEqual(run(32 + saltBytes, saltBytes));
    expect(splitKeyingMaterial(profile, material, false)).toEqual({
      profile,
      local: server,
      remote: client,
    });
    expect(() => splitKeyingMaterial(profile, material.subarray(1), true)).toThrow('bytes of keys');
  }
});

it('RFC 5764 s4.2: keys that SRTP has taken in leave nothing in the exported material', () => {
  const material = new Uint8Array(56).fill(7);
  wipeSrtpKeys(splitKeyingMaterial(AEAD_AES_128_GCM, material, true));
  expect(material).toEqual(new Uint8Array(56));
});
