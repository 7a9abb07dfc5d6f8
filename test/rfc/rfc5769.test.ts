// RFC 5769: the test vectors of STUN, read, checked, broken bit by bit and written again.
// The vectors of s2.1 to s2.3 pad with spaces; RFC 8489 s14 wants zeros, and the writer obeys it. So each is
// produced twice: byte for byte, its padding put in before the integrity is computed, and as the writer
// writes it, which may differ in the padding, the two check values and nothing else.

import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { longTermKey, shortTermKey } from '../../shared/stun/credentials.ts';
import { STUN_OK, StunReader } from '../../shared/stun/reader.ts';
import {
  ATTR_FINGERPRINT,
  ATTR_ICE_CONTROLLED,
  ATTR_MESSAGE_INTEGRITY,
  ATTR_NONCE,
  ATTR_PRIORITY,
  ATTR_REALM,
  ATTR_SOFTWARE,
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_REQUEST,
  CLASS_SUCCESS,
  METHOD_BINDING,
  PASSWORD_ALGORITHM_MD5,
} from '../../shared/stun/registry.ts';
import { saslPrep } from '../../shared/stun/saslprep.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import {
  hex,
  LONG_TERM,
  SAMPLE_IPV4_RESPONSE,
  SAMPLE_IPV6_RESPONSE,
  SAMPLE_LONG_TERM,
  SAMPLE_REQUEST,
  SHORT_TERM_PASSWORD,
} from '../unit/stun/vectors.ts';

const TRANSACTION = hex('b7e7a701bc34d686fa87dfae');
const LONG_TERM_TRANSACTION = hex('78ad3433c6ad72c029da412e');
const SPACE = 0x20;

const shortTerm = shortTermKey(SHORT_TERM_PASSWORD);
const longTerm = longTermKey(
  PASSWORD_ALGORITHM_MD5,
  LONG_TERM.username,
  LONG_TERM.realm,
  LONG_TERM.preparedPassword,
);

function read(message: Uint8Array): StunReader {
  const reader = new StunReader();
  expect(reader.read(message, 0, message.length)).toBe(STUN_OK);
  return reader;
}

function accepts(message: Uint8Array, key: Uint8Array, fingerprint: boolean): boolean {
  const reader = new StunReader();
  if (reader.read(message, 0, message.length) !== STUN_OK) return false;
  if (fingerprint && !reader.checkFingerprint()) return false;
  return reader.checkIntegrity(key);
}

/**
 * Writes one of the vectors; `pad` is what its 1 to 3 padding bytes are set to before the checks are
 * computed.
 */
type Produce = (buffer: Uint8Array, pad: number) => number;

function padded(writer: StunWriter, buffer: Uint8Array, count: number, pad: number): StunWriter {
  buffer.fill(pad, writer.position - count, writer.position);
  return writer;
}

const produceRequest: Produce = (buffer, pad) => {
  const writer = new StunWriter()
    .start(buffer, 0, METHOD_BINDING, CLASS_REQUEST, TRANSACTION, 0)
    .text(ATTR_SOFTWARE, 'STUN test client')
    .u32(ATTR_PRIORITY, 0x6e0001ff)
    .data(ATTR_ICE_CONTROLLED, hex('932ff9b151263b36'), 0, 8)
    .text(ATTR_USERNAME, 'evtj:h6vY');
  return padded(writer, buffer, 3, pad).integrity(shortTerm).fingerprint().finish();
};

function produceResponse(mapped: string): Produce {
  return (buffer, pad) => {
    const writer = new StunWriter()
      .start(buffer, 0, METHOD_BINDING, CLASS_SUCCESS, TRANSACTION, 0)
      .text(ATTR_SOFTWARE, 'test vector');
    const address = TransportAddress.parse(mapped, 32853) ?? new TransportAddress();
    return padded(writer, buffer, 1, pad)
      .xorAddress(ATTR_XOR_MAPPED_ADDRESS, address)
      .integrity(shortTerm)
      .fingerprint()
      .finish();
  };
}

const IPV4 = '192.0.2.1';
const IPV6 = '2001:db8:1234:5678:11:2233:4455:6677';

describe('RFC 5769 s2.1: sample request', () => {
  it('is read', () => {
    const reader = read(SAMPLE_REQUEST);
    expect([reader.method, reader.messageClass]).toEqual([METHOD_BINDING, CLASS_REQUEST]);
    expect(reader.transactionIs(TRANSACTION, 0)).toBe(true);
    expect(reader.text(reader.find(ATTR_SOFTWARE))).toBe('STUN test client');
    expect(reader.u32(reader.find(ATTR_PRIORITY))).toBe(0x6e0001ff);
    expect(reader.view(reader.find(ATTR_ICE_CONTROLLED))).toEqual(hex('932ff9b151263b36'));
    expect(reader.text(reader.find(ATTR_USERNAME))).toBe('evtj:h6vY');
  });
});

describe.each([
  ['RFC 5769 s2.2: sample IPv4 response', SAMPLE_IPV4_RESPONSE, IPV4],
  ['RFC 5769 s2.3: sample IPv6 response', SAMPLE_IPV6_RESPONSE, IPV6],
])('%s', (_name, vector, host) => {
  it('is read', () => {
    const reader = read(vector);
    expect([reader.method, reader.messageClass]).toEqual([METHOD_BINDING, CLASS_SUCCESS]);
    expect(reader.transactionIs(TRANSACTION, 0)).toBe(true);
    expect(reader.text(reader.find(ATTR_SOFTWARE))).toBe('test vector');
    const mapped = new TransportAddress();
    expect(reader.xorAddress(reader.find(ATTR_XOR_MAPPED_ADDRESS), mapped)).toBe(true);
    expect([mapped.host, mapped.port]).toEqual([host, 32853]);
  });
});

describe.each([
  ['RFC 5769 s2.1', SAMPLE_REQUEST, produceRequest, 3],
  ['RFC 5769 s2.2', SAMPLE_IPV4_RESPONSE, produceResponse(IPV4), 1],
  ['RFC 5769 s2.3', SAMPLE_IPV6_RESPONSE, produceResponse(IPV6), 1],
])('%s', (_name, vector, produce, padding) => {
  it('passes its fingerprint and its integrity', () => {
    const reader = read(vector);
    expect([reader.hasFingerprint, reader.hasIntegrity, reader.hasIntegritySha256]).toEqual([
      true,
      true,
      false,
    ]);
    expect(reader.checkFingerprint()).toBe(true);
    expect(reader.checkIntegrity(shortTerm)).toBe(true);
  });

  it('is refused under another password', () => {
    expect(read(vector).checkIntegrity(shortTermKey('VOkJxbRl1RmTxUk/WvJxBT'))).toBe(false);
  });

  it('is refused with any one bit flipped', () => {
    expect(accepts(vector, shortTerm, true)).toBe(true);
    expect(acceptedFlips(vector, (message) => accepts(message, shortTerm, true))).toEqual([]);
  });

  it('is left as it was by the checks', () => {
    const message = vector.slice();
    expect(accepts(message, shortTerm, true)).toBe(true);
    expect(message).toEqual(vector);
  });

  it('is produced byte for byte, its padding set to spaces before the integrity is computed', () => {
    const buffer = new Uint8Array(vector.length).fill(0xee);
    expect(produce(buffer, SPACE)).toBe(vector.length);
    expect(buffer).toEqual(vector);
  });

  it('is produced with zero padding, all else but padding and check values being equal', () => {
    const buffer = new Uint8Array(vector.length).fill(0xee);
    expect(produce(buffer, 0)).toBe(vector.length);
    expect(accepts(buffer, shortTerm, true)).toBe(true);
    const reader = read(vector);
    const covered = reader.find(ATTR_MESSAGE_INTEGRITY) - 4;
    const differing = [...vector.keys()].filter((i) => buffer[i] !== vector[i] && i < covered);
    expect(differing).toHaveLength(padding);
    for (const i of differing) expect([buffer[i], vector[i]]).toEqual([0, SPACE]);
    expect(read(buffer).find(ATTR_MESSAGE_INTEGRITY)).toBe(reader.find(ATTR_MESSAGE_INTEGRITY));
    expect(read(buffer).find(ATTR_FINGERPRINT)).toBe(reader.find(ATTR_FINGERPRINT));
  });
});

describe('RFC 5769 s2.4: sample request with long-term authentication', () => {
  it('is read', () => {
    const reader = read(SAMPLE_LONG_TERM);
    expect([reader.method, reader.messageClass]).toEqual([METHOD_BINDING, CLASS_REQUEST]);
    expect(reader.transactionIs(LONG_TERM_TRANSACTION, 0)).toBe(true);
    expect(reader.text(reader.find(ATTR_USERNAME))).toBe(LONG_TERM.username);
    expect(reader.text(reader.find(ATTR_NONCE))).toBe('f//499k954d6OL34oL9FSTvy64sA');
    expect(reader.text(reader.find(ATTR_REALM))).toBe('example.org');
    expect(reader.hasFingerprint).toBe(false);
  });

  it('passes its integrity under the password as printed before and after SASLprep', () => {
    const { username, realm, password, preparedPassword } = LONG_TERM;
    expect(saslPrep(password)).toBe(preparedPassword);
    expect(read(SAMPLE_LONG_TERM).checkIntegrity(longTerm)).toBe(true);
    const key = longTermKey(PASSWORD_ALGORITHM_MD5, username, realm, password, saslPrep);
    expect(read(SAMPLE_LONG_TERM).checkIntegrity(key)).toBe(true);
  });

  it('is refused under another password', () => {
    const { username, realm } = LONG_TERM;
    const key = longTermKey(PASSWORD_ALGORITHM_MD5, username, realm, 'TheMatrix');
    expect(read(SAMPLE_LONG_TERM).checkIntegrity(key)).toBe(false);
  });

  it('is refused with any one bit flipped', () => {
    expect(accepts(SAMPLE_LONG_TERM, longTerm, false)).toBe(true);
    expect(acceptedFlips(SAMPLE_LONG_TERM, (m) => accepts(m, longTerm, false))).toEqual([]);
  });

  it('is produced byte for byte', () => {
    const buffer = new Uint8Array(SAMPLE_LONG_TERM.length).fill(0xee);
    const length = new StunWriter()
      .start(buffer, 0, METHOD_BINDING, CLASS_REQUEST, LONG_TERM_TRANSACTION, 0)
      .text(ATTR_USERNAME, LONG_TERM.username)
      .text(ATTR_NONCE, 'f//499k954d6OL34oL9FSTvy64sA')
      .text(ATTR_REALM, LONG_TERM.realm)
      .integrity(longTerm)
      .finish();
    expect(length).toBe(SAMPLE_LONG_TERM.length);
    expect(buffer).toEqual(SAMPLE_LONG_TERM);
  });
});

function acceptedFlips(
  vector: Uint8Array,
  accept: (message: Uint8Array) => boolean,
): readonly number[] {
  const accepted: number[] = [];
  const message = vector.slice();
  for (let bit = 0; bit < 8 * message.length; bit++) {
    const index = bit >> 3;
    const mask = 1 << (bit & 7);
    message[index] = (message[index] ?? 0) ^ mask;
    if (accept(message)) accepted.push(bit);
    message[index] = (message[index] ?? 0) ^ mask;
  }
  return accepted;
}
