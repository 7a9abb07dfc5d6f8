// A million hostile datagrams: random bytes, mutated vectors, well-formed messages of odd attributes, lies
// about lengths. Each is read twice by every method of the reader, between two different neighbourhoods in
// memory: nothing throws, and a digest of all answers is the same, so no answer came from a byte outside
// the message.

import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { parseNonceCookie } from '../../shared/stun/nonce-cookie.ts';
import { opaqueString } from '../../shared/stun/opaque-string.ts';
import { STUN_OK, StunReader } from '../../shared/stun/reader.ts';
import { ATTRIBUTES, knownAttributes } from '../../shared/stun/registry.ts';
import { saslPrep } from '../../shared/stun/saslprep.ts';
import { breathe, FUZZ_SEED, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { generator } from '../support/sfu-router/random.ts';
import { SAMPLES } from '../unit/stun/vectors.ts';

const INPUTS = fuzzRuns(1_000_000);
const MARGIN = 80;
const ROOM = 0x10000 + 0x100;

let below = generator(FUZZ_SEED);
const types = ATTRIBUTES.map(({ type }) => type);
const samples = SAMPLES.map(([, sample]) => sample);
const known = knownAttributes(types.slice(0, 20));
const key = new Uint8Array(16).fill(0x5a);
const unknown = new Uint16Array(8);
const address = new TransportAddress();
const reader = new StunReader();
const input = new Uint8Array(ROOM);

const put16 = (at: number, value: number): void => {
  input[at] = value >> 8;
  input[at + 1] = value;
};

function randomBytes(from: number, to: number): void {
  for (let i = from; i < to; i++) input[i] = below(256);
}

/** A header that passes every check, for `length` bytes in all. */
function header(length: number): void {
  put16(0, below(0x4000));
  put16(2, length - 20);
  put16(4, 0x2112);
  put16(6, 0xa442);
  randomBytes(8, 20);
}

function noise(): number {
  const length = below(120);
  randomBytes(0, length);
  return length;
}

function noiseBehindHeader(): number {
  const length = 20 + 4 * below(24);
  header(length);
  for (let i = 20; i < length; i++) input[i] = below(3) === 0 ? below(256) : 0;
  return length;
}

function mutatedSample(): number {
  const sample = samples[below(samples.length)] ?? input;
  let { length } = sample;
  input.set(sample);
  for (let mutations = 1 + below(6); mutations > 0; mutations--) {
    const at = below(length || 1);
    const kind = below(7);
    if (kind === 0) input[at] = (input[at] ?? 0) ^ (1 << below(8));
    else if (kind === 1) input[at] = below(256);
    else if (kind === 2) put16(at & ~3, types[below(types.length)] ?? 0);
    else if (kind === 3) put16((at & ~3) + 2, below(2) === 0 ? below(0x10000) : below(40));
    else if (kind === 4) length = below(length + 1);
    else if (kind === 5) input.copyWithin(at & ~3, below(length || 1) & ~3, length);
    else {
      const more = 4 * below(8);
      randomBytes(length, length + more);
      length += more;
    }
  }
  if (below(3) > 0) {
    length &= ~3;
    if (length >= 20) put16(2, length - 20);
  }
  return length;
}

/** A chain of attributes that fills the message exactly, or lies about its lengths here and there. */
function attributeChain(room: number): number {
  let at = 20;
  const end = 20 + 4 * below(room >> 2);
  const lies = below(4) === 0;
  while (at < end) {
    const left = end - at - 4;
    const length = below(8) === 0 ? below(left + 1) : Math.min(left, lengths[below(9)] ?? 0);
    put16(at, below(5) === 0 ? below(0x10000) : (types[below(types.length)] ?? 0));
    put16(at + 2, lies && below(6) === 0 ? below(0x10000) : length);
    const next = at + 4 + ((length + 3) & ~3);
    for (let i = at + 4; i < next; i++) input[i] = i < at + 12 || i > next - 5 ? below(256) : i;
    if (length === 8 || length === 20) input[at + 5] = 1 + below(3);
    at = next;
  }
  header(at);
  return at;
}
const lengths = [0, 1, 3, 4, 8, 16, 20, 24, 32];

function nextInput(index: number): number {
  if (index % 4000 === 0) return attributeChain(0xfff0);
  const kind = index % 10;
  if (kind === 0) return noise();
  if (kind < 3) return noiseBehindHeader();
  if (kind < 6) return mutatedSample();
  return attributeChain(200);
}

const mix = (digest: number, value: number): number =>
  Math.imul(digest ^ value, 0x01000193) ^ (digest >>> 15);

function askAt(digest: number, at: number): number {
  let d = mix(digest, reader.lengthAt(at));
  d = mix(d, reader.u8(at));
  d = mix(d, reader.u16(at));
  d = mix(d, reader.u32(at));
  d = mix(d, reader.errorCode(at));
  address.setV4(0, 0);
  if (reader.address(at, address)) d = mix(d, address.hash());
  if (reader.xorAddress(at, address)) d = mix(d, address.hash());
  return d;
}

/**
 * Asks everything there is to ask; returns a digest of the answers. `salt` picks what is too dear to ask
 * always.
 */
function ask(bytes: Uint8Array, offset: number, length: number, salt: number): number {
  const result = reader.read(bytes, offset, length);
  let d = mix(0, result);
  if (result === STUN_OK) d = mix(mix(mix(d, reader.type), reader.method), reader.messageClass);
  else if (reader.hasIntegrity || reader.hasIntegritySha256 || reader.hasFingerprint) {
    throw new Error('a defective message has check values');
  }
  d = mix(d, reader.transactionOffset - offset);
  d = mix(d, reader.transactionIs(samples[0] ?? bytes, 8) ? 1 : 0);
  d = mix(d, (reader.hasIntegrity ? 1 : 0) + (reader.hasIntegritySha256 ? 2 : 0));
  d = mix(d, (reader.hasFingerprint ? 1 : 0) + (reader.checkFingerprint() ? 2 : 0));
  for (let i = 0; i < 6; i++) {
    const type = types[(salt + 7 * i) % types.length] ?? 0;
    const at = reader.find(type);
    if (at < 0) continue;
    if (result !== STUN_OK) throw new Error('a defective message has attributes');
    d = mix(askAt(d, at), at - offset);
    const next = reader.findNext(type, at);
    if (next >= 0) d = mix(askAt(d, next), next - offset);
    if ((salt & 7) === i) {
      for (const byte of reader.view(at)) d = mix(d, byte);
      d = mix(d, reader.text(at)?.length ?? -1);
      d = mix(d, parseNonceCookie(bytes, at, reader.lengthAt(at)));
    }
  }
  d = askAt(d, offset + (salt % (length + 9)) - 4);
  const count = reader.collectUnknown(known, unknown);
  for (let i = 0; i < count; i++) d = mix(d, unknown[i] ?? 0);
  if (result !== STUN_OK && count > 0) throw new Error('a defective message has attributes');
  if ((salt & 15) === 0) {
    d = mix(d, (reader.checkIntegrity(key) ? 1 : 0) + (reader.checkIntegritySha256(key) ? 2 : 0));
  }
  return d;
}

const hexOf = (length: number): string => Buffer.from(input.subarray(0, length)).toString('hex');

describe('STUN fuzz', () => {
  it.each(fuzzSeeds('stun'))(
    `${INPUTS} inputs: nothing throws, nothing outside is touched, STERNA_FUZZ_SEED=%i`,
    { timeout: fuzzTimeoutMs(INPUTS) },
    async (seed) => {
      below = generator(seed);
      const zeros = new Uint8Array(ROOM + 2 * MARGIN + 16);
      const other = new Uint8Array(zeros.length);
      const outside = generator(seed ^ 0x5bd1e995);
      for (let i = 0; i < other.length; i++) other[i] = outside(256);
      const canary = other.slice();
      let wellFormed = 0;
      let checked = 0;
      for (let index = 0; index < INPUTS; index++) {
        const length = nextInput(index);
        const offset = MARGIN + (index & 15);
        const message = input.subarray(0, length);
        zeros.set(message, offset);
        other.set(message, offset);
        try {
          const first = ask(zeros, offset, length, index);
          if (reader.find(0x8028) >= 0) checked++;
          const second = ask(other, offset, length, index);
          if (first !== second) throw new Error('the answers depend on bytes outside the message');
          if (reader.lengthAt(offset + 24) >= 0) wellFormed++;
        } catch (error) {
          throw new Error(`input ${index}: ${hexOf(length)}`, { cause: error });
        }
        if (
          (index & 31) === 0 &&
          Buffer.compare(message, other.subarray(offset, offset + length))
        ) {
          throw new Error(`input ${index} was written to: ${hexOf(length)}`);
        }
        zeros.fill(0, offset, offset + length);
        other.set(canary.subarray(offset, offset + length), offset);
        await breathe(index);
      }
      expect(Buffer.compare(other, canary)).toBe(0);
      expect(zeros.every((byte) => byte === 0)).toBe(true);
      // The generators must keep reaching behind the header and to the check values.
      expect(wellFormed).toBeGreaterThan(INPUTS / 4);
      expect(checked).toBeGreaterThan(INPUTS / 20);
    },
  );

  it('20000 hostile names: preparation never throws, and what it returns is a fixed point', () => {
    const alphabet =
      'aAé\u0301\u00ad\u00b7l\u0640\u0660\u06f0\u05d0\u0627\u1100\u200c\u200d\u3000\ufe0f';
    for (let index = 0; index < 20_000; index++) {
      let text = '';
      for (let n = below(24); n > 0; n--) {
        const kind = below(4);
        if (kind === 0) text += String.fromCodePoint(below(0x110000));
        else if (kind === 1) text += String.fromCharCode(below(0x10000));
        else text += alphabet.charAt(below(alphabet.length));
      }
      for (const prepare of [opaqueString, saslPrep]) {
        const prepared = prepare(text);
        if (prepared === undefined) continue;
        expect(prepared).not.toBe('');
        expect(prepared.normalize('NFC')).toBe(prepared);
        expect(prepare(prepared)).toBe(prepared);
      }
    }
  });
});
