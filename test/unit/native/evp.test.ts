import { createCipheriv, createHmac } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { Arena } from '../../../shared/native/arena.ts';
import { AesCtr, AesGcm, HmacSha1, packetIv } from '../../../shared/native/evp.ts';

const arena = new Arena(8192);
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i * 13 + 1);
const LENGTHS = [0, 1, 15, 16, 17, 100, 287, 288, 289, 1000, 1500];
const FROM = 100;
const TO = 4000;
const TAG = 7000;

afterAll(() => arena.free());

function text(length: number): Buffer {
  const bytes = Buffer.from(Uint8Array.from({ length }, (_, i) => i * 7 + length));
  arena.bytes.fill(0xee);
  arena.bytes.set(bytes, FROM);
  return bytes;
}

function bytesAt(offset: number, length: number): Buffer {
  return Buffer.from(arena.bytes.slice(offset, offset + length));
}

describe('AesGcm', () => {
  const aad = Buffer.from('twelve bytes');
  const sealer = new AesGcm(KEY, true);
  const opener = new AesGcm(KEY, false);
  afterAll(() => {
    sealer.close();
    opener.close();
  });

  it.each(LENGTHS)('seals %i bytes as node:crypto does, elsewhere and in place', (length) => {
    for (const to of [TO, FROM]) {
      const plain = text(length);
      arena.bytes.set(aad, 0);
      const iv = packetIv();
      for (let i = 0; i < 12; i++) iv[i] = i + length;
      const cipher = createCipheriv('aes-128-gcm', KEY, iv.slice(0, 12)).setAAD(aad);
      const expected = Buffer.concat([cipher.update(plain), cipher.final()]);
      sealer.seal(arena.at(0), 12, arena.at(FROM), arena.at(to), length, arena, TAG);
      expect(bytesAt(to, length)).toEqual(expected);
      expect(bytesAt(TAG, 16)).toEqual(cipher.getAuthTag());
      // Nothing behind the last byte.
      expect(bytesAt(to + length, 16).every((byte) => byte === 0xee)).toBe(true);
      expect(bytesAt(TAG + 16, 16).every((byte) => byte === 0xee)).toBe(true);
      expect(opener.open(arena.at(0), 12, arena.at(to), arena.at(to), length, arena, TAG)).toBe(
        true,
      );
      expect(bytesAt(to, length)).toEqual(plain);
    }
  });

  it('does not open what was changed, and opens the next one all the same', () => {
    text(100);
    packetIv().fill(5);
    const open = (): boolean =>
      opener.open(arena.at(0), 12, arena.at(TO), arena.at(FROM), 100, arena, TAG);
    sealer.seal(arena.at(0), 12, arena.at(FROM), arena.at(TO), 100, arena, TAG);
    expect(open()).toBe(true);
    for (const at of [0, 11, TO, TO + 99, TAG, TAG + 15]) {
      arena.bytes[at]! ^= 1;
      expect(open()).toBe(false);
      arena.bytes[at]! ^= 1;
      expect(open()).toBe(true);
    }
    packetIv()[3] = 6;
    expect(open()).toBe(false);
  });
});

describe('AesCtr', () => {
  const cipher = new AesCtr(KEY);
  afterAll(() => cipher.close());

  it.each(LENGTHS)('applies the key stream to %i bytes as node:crypto does', (length) => {
    for (const to of [TO, FROM]) {
      const plain = text(length);
      const iv = packetIv();
      for (let i = 0; i < 16; i++) iv[i] = 0xf8 + i;
      cipher.apply(arena.at(FROM), arena.at(to), length);
      expect(bytesAt(to, length)).toEqual(createCipheriv('aes-128-ctr', KEY, iv).update(plain));
      expect(bytesAt(to + length, 16).every((byte) => byte === 0xee)).toBe(true);
    }
  });
});

describe('HmacSha1', () => {
  const key = KEY.slice(0, 7);
  const mac = new HmacSha1(key);
  afterAll(() => mac.close());

  it.each(LENGTHS)('is that of node:crypto over %i bytes', (length) => {
    const expected = createHmac('sha1', key).update(text(length)).digest();
    mac.sign(arena.at(FROM), length, arena.bytes, TO, 10);
    expect(bytesAt(TO, 10)).toEqual(expected.subarray(0, 10));
    expect(arena.bytes[TO + 10]).toBe(0xee);
    expect(mac.verify(arena.at(FROM), length, arena.at(TO), 10)).toBe(true);
    arena.bytes[TO + 9]! ^= 0x80;
    expect(mac.verify(arena.at(FROM), length, arena.at(TO), 10)).toBe(false);
  });
});

it('keys of another length are refused, and so is a context that is closed', () => {
  expect(() => new AesGcm(new Uint8Array(32), true)).toThrow('16 bytes');
  expect(() => new AesCtr(new Uint8Array(15))).toThrow('16 bytes');
  expect(() => new HmacSha1(new Uint8Array(0))).toThrow('HMAC key');
  expect(() => new HmacSha1(new Uint8Array(65))).toThrow('HMAC key');
  const at = arena.at(FROM);
  const gcm = new AesGcm(KEY, true);
  const ctr = new AesCtr(KEY);
  const mac = new HmacSha1(KEY);
  for (const context of [gcm, ctr, mac]) {
    context.close();
    context.close();
  }
  expect(() => gcm.seal(at, 12, at, at, 1, arena, 0)).toThrow('no OpenSSL context');
  expect(() => gcm.open(at, 12, at, at, 1, arena, 0)).toThrow('no OpenSSL context');
  expect(() => ctr.apply(at, at, 1)).toThrow('no OpenSSL context');
  expect(() => mac.verify(at, 1, at, 10)).toThrow('no OpenSSL context');
});
