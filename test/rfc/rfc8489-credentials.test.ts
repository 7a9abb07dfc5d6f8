// RFC 8489: message integrity (s9, s14.5, s14.6, appendix B.1), keys (s9.1.1, s9.2.2, s18.5.1), USERHASH
// (s14.4) and the nonce cookie (s9.2, s18.1), one test a rule.

import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { longTermKey, shortTermKey, userHash } from '../../shared/stun/credentials.ts';
import {
  NONCE_COOKIE_BYTES,
  parseNonceCookie,
  SECURITY_FEATURE_PASSWORD_ALGORITHMS,
  SECURITY_FEATURE_USERNAME_ANONYMITY,
  securityFeatures,
} from '../../shared/stun/nonce-cookie.ts';
import { STUN_BAD_LENGTH, STUN_OK, StunReader } from '../../shared/stun/reader.ts';
import {
  ATTR_FINGERPRINT,
  ATTR_MESSAGE_INTEGRITY,
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTR_NONCE,
  ATTR_PASSWORD_ALGORITHM,
  ATTR_REALM,
  ATTR_SOFTWARE,
  ATTR_USERHASH,
  ATTR_USERNAME,
  CLASS_REQUEST,
  knownAttributes,
  messageType,
  METHOD_BINDING,
  PASSWORD_ALGORITHM_MD5,
  PASSWORD_ALGORITHM_SHA256,
} from '../../shared/stun/registry.ts';
import { saslPrep } from '../../shared/stun/saslprep.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { ascii, attribute, message, readerOf, TRANSACTION } from '../unit/stun/build.ts';
import { hex, LONG_TERM, SAMPLE_SHA256, SAMPLE_SHA256_AS_PRINTED } from '../unit/stun/vectors.ts';

const BINDING_REQUEST = messageType(METHOD_BINDING, CLASS_REQUEST);
const NONCE = 'obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA';
const key = ascii('0123456789abcdef');

const b1Key = longTermKey(
  PASSWORD_ALGORITHM_SHA256,
  LONG_TERM.username,
  LONG_TERM.realm,
  LONG_TERM.preparedPassword,
);

function start(buffer: Uint8Array): StunWriter {
  return new StunWriter().start(buffer, 0, METHOD_BINDING, CLASS_REQUEST, TRANSACTION, 0);
}

function signed(write: (writer: StunWriter) => StunWriter): Uint8Array {
  const buffer = new Uint8Array(400);
  return buffer.subarray(0, write(start(buffer)).finish());
}

/** Which of a few attributes the reader lets count. */
function counts(...attributes: readonly number[][]): readonly string[] {
  const reader = readerOf(message(BINDING_REQUEST, ...attributes));
  const out = new Uint16Array(4);
  const seen = [
    reader.hasIntegrity && 'integrity',
    reader.hasIntegritySha256 && 'sha256',
    reader.hasFingerprint && 'fingerprint',
    reader.find(ATTR_SOFTWARE) >= 0 && 'software',
    reader.collectUnknown(
      knownAttributes([ATTR_MESSAGE_INTEGRITY, ATTR_MESSAGE_INTEGRITY_SHA256]),
      out,
    ) > 0 && 'unknown',
  ];
  return seen.filter((name) => name !== false);
}

const bits = (text: string): number => parseNonceCookie(ascii(text), 0, text.length);

describe('RFC 8489 B.1: sample request with MESSAGE-INTEGRITY-SHA256 and USERHASH', () => {
  it('is read', () => {
    const reader = readerOf(SAMPLE_SHA256);
    expect(reader.view(reader.find(ATTR_USERHASH))).toEqual(
      new Uint8Array(userHash(LONG_TERM.username, LONG_TERM.realm)),
    );
    expect(reader.text(reader.find(ATTR_NONCE))).toBe(NONCE);
    expect(reader.text(reader.find(ATTR_REALM))).toBe('example.org');
    expect(reader.u16(reader.find(ATTR_PASSWORD_ALGORITHM))).toBe(PASSWORD_ALGORITHM_SHA256);
    expect([reader.hasIntegrity, reader.hasIntegritySha256]).toEqual([false, true]);
  });

  it('passes its integrity, under the password as printed before and after preparation', () => {
    expect(readerOf(SAMPLE_SHA256).checkIntegritySha256(b1Key)).toBe(true);
    const { username, realm, password } = LONG_TERM;
    const unprepared = longTermKey(PASSWORD_ALGORITHM_SHA256, username, realm, password, saslPrep);
    expect(readerOf(SAMPLE_SHA256).checkIntegritySha256(unprepared)).toBe(true);
  });

  it('is refused under the MD5 key and under another password', () => {
    const { username, realm, preparedPassword } = LONG_TERM;
    const reader = readerOf(SAMPLE_SHA256);
    const md5 = longTermKey(PASSWORD_ALGORITHM_MD5, username, realm, preparedPassword);
    expect(reader.checkIntegritySha256(md5)).toBe(false);
    const wrong = longTermKey(PASSWORD_ALGORITHM_SHA256, username, realm, 'TheMatrix');
    expect(reader.checkIntegritySha256(wrong)).toBe(false);
  });

  it('is refused with any one bit flipped', () => {
    const accepted: number[] = [];
    const bytes = SAMPLE_SHA256.slice();
    const reader = new StunReader();
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = reader.read(bytes, 0, bytes.length) === STUN_OK;
      if (read && reader.checkIntegritySha256(b1Key)) accepted.push(bit);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
    expect(accepted).toEqual([]);
    expect(readerOf(bytes).checkIntegritySha256(b1Key)).toBe(true);
  });

  it('is produced byte for byte', () => {
    const buffer = new Uint8Array(SAMPLE_SHA256.length).fill(0xee);
    const length = new StunWriter()
      .start(buffer, 0, METHOD_BINDING, CLASS_REQUEST, hex('78ad3433c6ad72c029da412e'), 0)
      .data(ATTR_USERHASH, userHash(LONG_TERM.username, LONG_TERM.realm), 0, 32)
      .text(ATTR_NONCE, NONCE)
      .text(ATTR_REALM, LONG_TERM.realm)
      .passwordAlgorithm(PASSWORD_ALGORITHM_SHA256)
      .integritySha256(b1Key)
      .finish();
    expect(length).toBe(SAMPLE_SHA256.length);
    expect(buffer).toEqual(SAMPLE_SHA256);
  });

  it('as printed has a length field that counts the header, which erratum 6268 corrects', () => {
    const printed = SAMPLE_SHA256_AS_PRINTED;
    expect(printed.length).toBe(0x9c);
    expect(new StunReader().read(printed, 0, printed.length)).toBe(STUN_BAD_LENGTH);
    const mac = createHmac('sha256', b1Key).update(printed.subarray(0, -36)).digest();
    expect(new Uint8Array(mac)).toEqual(printed.subarray(-32));
  });
});

describe('RFC 8489 s14.5: MESSAGE-INTEGRITY', () => {
  it('RFC 8489 s14.5: is the HMAC-SHA1 up to the attribute, the length field up to its end', () => {
    const bytes = signed((w) => w.text(ATTR_USERNAME, 'u').integrity(key).fingerprint());
    const covered = bytes.slice(0, 28);
    covered[3] = 8 + 24;
    const mac = createHmac('sha1', key).update(covered).digest();
    expect(bytes.subarray(32, 52)).toEqual(new Uint8Array(mac));
    expect(readerOf(bytes).checkIntegrity(key)).toBe(true);
  });

  it('RFC 8489 s14.5: has 20 bytes', () => {
    const bytes = signed((w) => w.integrity(key));
    for (const length of [0, 16, 24, 32]) {
      const value = new Uint8Array(length);
      value.set(bytes.subarray(24, 24 + Math.min(length, 20)));
      const wrong = readerOf(message(BINDING_REQUEST, attribute(ATTR_MESSAGE_INTEGRITY, value)));
      expect([wrong.hasIntegrity, wrong.checkIntegrity(key)]).toEqual([true, false]);
    }
  });

  it('RFC 8489 s14.5: its check leaves the message as it is', () => {
    const bytes = signed((w) => w.integrity(key).fingerprint());
    const before = bytes.slice();
    expect(readerOf(bytes).checkIntegrity(key)).toBe(true);
    expect(bytes).toEqual(before);
  });

  it('RFC 8489 s14.5: an absent attribute never passes', () => {
    const reader = readerOf(message(BINDING_REQUEST));
    expect([reader.checkIntegrity(key), reader.checkIntegritySha256(key)]).toEqual([false, false]);
  });
});

describe('RFC 8489 s14.6: MESSAGE-INTEGRITY-SHA256', () => {
  it.each([16, 20, 24, 28, 32])('RFC 8489 s14.6: %d bytes are written and pass', (length) => {
    const bytes = signed((w) => w.text(ATTR_USERNAME, 'u').integritySha256(key, length));
    const reader = readerOf(bytes);
    const at = reader.find(ATTR_MESSAGE_INTEGRITY_SHA256);
    expect(reader.lengthAt(at)).toBe(length);
    expect(reader.checkIntegritySha256(key)).toBe(true);
    const covered = bytes.slice(0, 28);
    covered[3] = 8 + 4 + length;
    const mac = createHmac('sha256', key).update(covered).digest();
    expect(bytes.subarray(32)).toEqual(new Uint8Array(mac.subarray(0, length)));
  });

  it.each([0, 4, 8, 12, 13, 17, 18, 19, 30, 31, 36])(
    'RFC 8489 s14.6: %d bytes fail, even of the right HMAC',
    (length) => {
      const covered = message(BINDING_REQUEST, attribute(ATTR_USERNAME, ascii('u')));
      covered[3] = 8 + 4 + length;
      const mac = createHmac('sha256', key).update(covered).digest();
      const value = new Uint8Array(length);
      value.set(mac.subarray(0, Math.min(length, 32)));
      const bytes = message(
        BINDING_REQUEST,
        attribute(ATTR_USERNAME, ascii('u')),
        attribute(ATTR_MESSAGE_INTEGRITY_SHA256, value),
      );
      const reader = readerOf(bytes);
      expect([reader.hasIntegritySha256, reader.checkIntegritySha256(key)]).toEqual([true, false]);
    },
  );

  it.each([12, 18, 36])('RFC 8489 s14.6: %d bytes are not written', (length) => {
    expect(() => signed((w) => w.integritySha256(key, length))).toThrow(RangeError);
  });
});

describe('RFC 8489 s9: attributes that count', () => {
  const integrity = attribute(ATTR_MESSAGE_INTEGRITY, new Uint8Array(20));
  const sha256 = attribute(ATTR_MESSAGE_INTEGRITY_SHA256, new Uint8Array(32));
  const fingerprint = attribute(ATTR_FINGERPRINT, [1, 2, 3, 4]);
  const software = attribute(ATTR_SOFTWARE, ascii('s'));
  const unknown = attribute(0x7777);

  it('RFC 8489 s14.5, s9: attributes after MESSAGE-INTEGRITY are ignored', () => {
    expect(counts(integrity, software, unknown)).toEqual(['integrity']);
    expect(counts(software, unknown, integrity)).toEqual(['integrity', 'software', 'unknown']);
  });

  it('RFC 8489 s9: MESSAGE-INTEGRITY-SHA256 and FINGERPRINT after it count', () => {
    expect(counts(integrity, sha256, fingerprint)).toEqual(['integrity', 'sha256', 'fingerprint']);
    expect(counts(integrity, software, sha256, unknown, fingerprint)).toEqual([
      'integrity',
      'sha256',
      'fingerprint',
    ]);
  });

  it('RFC 8489 s14.6, s9: attributes after MESSAGE-INTEGRITY-SHA256 but FINGERPRINT are ignored', () => {
    expect(counts(sha256, software, unknown, fingerprint)).toEqual(['sha256', 'fingerprint']);
    expect(counts(sha256, integrity, fingerprint)).toEqual(['sha256', 'fingerprint']);
  });

  it('RFC 8489 s14.7: nothing after FINGERPRINT counts', () => {
    expect(counts(fingerprint, software, unknown, integrity, sha256)).toEqual(['fingerprint']);
  });

  it('RFC 8489 s9: what is ignored must still be well formed, and duplicates stay ignored', () => {
    const bytes = message(
      BINDING_REQUEST,
      attribute(ATTR_MESSAGE_INTEGRITY, new Uint8Array(20).fill(1)),
      attribute(ATTR_MESSAGE_INTEGRITY, new Uint8Array(20).fill(2)),
      attribute(ATTR_MESSAGE_INTEGRITY_SHA256, new Uint8Array(32).fill(3)),
      attribute(ATTR_MESSAGE_INTEGRITY_SHA256, new Uint8Array(32).fill(4)),
    );
    const reader = readerOf(bytes);
    expect(reader.u8(reader.find(ATTR_MESSAGE_INTEGRITY))).toBe(1);
    expect(reader.u8(reader.find(ATTR_MESSAGE_INTEGRITY_SHA256))).toBe(3);
  });

  it('RFC 8489 s9: a signed message stays valid when something is appended, which is not seen', () => {
    const good = signed((w) => w.text(ATTR_USERNAME, 'u').integrity(key));
    const bytes = message(BINDING_REQUEST, [...good.subarray(20)], software);
    const reader = readerOf(bytes);
    expect(reader.checkIntegrity(key)).toBe(true);
    expect(reader.find(ATTR_SOFTWARE)).toBe(-1);
    expect(reader.findNext(ATTR_SOFTWARE, reader.find(ATTR_USERNAME))).toBe(-1);
  });
});

describe('RFC 8489 s9.1.1, s9.2.2, s18.5.1: keys', () => {
  it("RFC 8489 s9.2.2: 'user', 'realm' and 'pass' give 8493fbc5...", () => {
    const md5 = longTermKey(PASSWORD_ALGORITHM_MD5, 'user', 'realm', 'pass');
    expect(Buffer.from(md5).toString('hex')).toBe('8493fbc53ba582fb4c044c456bdc40eb');
  });

  it('RFC 8489 s18.5.1.2: the SHA-256 key is the hash of the same text, 32 bytes', () => {
    const sha256 = longTermKey(PASSWORD_ALGORITHM_SHA256, 'user', 'realm', 'pass');
    const expected = createHash('sha256').update('user:realm:pass').digest();
    expect(new Uint8Array(sha256)).toEqual(new Uint8Array(expected));
  });

  it('RFC 8489 s9.2.2: quotes around name and realm and trailing nulls are removed', () => {
    const plain = longTermKey(PASSWORD_ALGORITHM_MD5, 'user', 'realm', 'pass');
    const quoted = longTermKey(PASSWORD_ALGORITHM_MD5, '"user"\0', '"realm"\0\0', 'pass\0');
    expect(quoted).toEqual(plain);
  });

  it('RFC 8489 s9.2.2: realm and password are prepared, the user name is taken as it came', () => {
    const nfd = longTermKey(PASSWORD_ALGORITHM_MD5, 'e\u0301', 'e\u0301', 'e\u0301');
    const expected = createHash('md5').update('e\u0301:\u00e9:\u00e9').digest();
    expect(new Uint8Array(nfd)).toEqual(new Uint8Array(expected));
  });

  it('RFC 8489 s9.1.1: the short-term key is the prepared password', () => {
    expect(Buffer.from(shortTermKey('e\u0301')).toString('utf8')).toBe('\u00e9');
  });

  it('RFC 8489 s9.2.2: what OpaqueString refuses gives no key', () => {
    expect(() => longTermKey(PASSWORD_ALGORITHM_MD5, 'user', 'realm', '')).toThrow(TypeError);
    expect(() => longTermKey(PASSWORD_ALGORITHM_MD5, 'user', 're\nalm', 'pass')).toThrow(TypeError);
    expect(() => longTermKey(3, 'user', 'realm', 'pass')).toThrow(TypeError);
    expect(() => shortTermKey('\0')).toThrow(TypeError);
    expect(() => userHash('', 'realm')).toThrow(TypeError);
  });

  it('RFC 8489 s14.4: USERHASH is the SHA-256 of the prepared name and realm', () => {
    const expected = createHash('sha256').update('\u00e9:example.org').digest();
    expect(new Uint8Array(userHash('e\u0301', 'example.org'))).toEqual(new Uint8Array(expected));
  });
});

describe('RFC 8489 s9.2, s18.1: the nonce cookie', () => {
  const both = SECURITY_FEATURE_PASSWORD_ALGORITHMS | SECURITY_FEATURE_USERNAME_ANONYMITY;
  const sets = [0, SECURITY_FEATURE_PASSWORD_ALGORITHMS, SECURITY_FEATURE_USERNAME_ANONYMITY, both];

  it('RFC 8489 s9.2: is obMatJos2 and four characters of base64', () => {
    expect(sets.map(securityFeatures)).toEqual([
      'obMatJos2AAAA',
      'obMatJos2gAAB',
      'obMatJos2QAAC',
      'obMatJos2wAAD',
    ]);
    expect(securityFeatures(both)).toHaveLength(NONCE_COOKIE_BYTES);
  });

  it('RFC 8489 s18.1, erratum 6290: the bits are set and read from both ends', () => {
    for (const set of sets) {
      const encoded = Buffer.from(securityFeatures(set).slice(9), 'base64').readUIntBE(0, 3);
      for (let bit = 0; bit < 24; bit++) {
        const feature = bit < 2 ? bit : bit > 21 ? 23 - bit : undefined;
        const expected = feature === undefined ? 0 : (set >> feature) & 1;
        expect((encoded >> bit) & 1).toBe(expected);
      }
      expect(bits(`${securityFeatures(set)}nonce`)).toBe(set);
    }
    expect(bits('obMatJos2gAAA')).toBe(SECURITY_FEATURE_PASSWORD_ALGORITHMS);
    expect(bits('obMatJos2AAAB')).toBe(SECURITY_FEATURE_PASSWORD_ALGORITHMS);
  });

  it('RFC 8489 B.1: AAAC is Username anonymity', () => {
    expect(bits(NONCE)).toBe(SECURITY_FEATURE_USERNAME_ANONYMITY);
  });

  it('RFC 8489 s9.2: unassigned bits are no features', () => {
    expect(bits(`obMatJos2${Buffer.from([0x3f, 0xff, 0xfc]).toString('base64')}`)).toBe(0);
    expect(bits('obMatJos2////')).toBe(both);
  });

  it.each([
    '',
    'obMatJos2AAA',
    'obMatJos1AAAA',
    'xobMatJos2AAAA',
    'obMatJos2AAA=',
    'obMatJos2AA\0A',
  ])('RFC 8489 s9.2: %j has no cookie', (nonce) => {
    expect(bits(nonce)).toBe(-1);
  });

  it('RFC 8489 s9.2: the cookie is read inside its extent only', () => {
    const bytes = ascii('..obMatJos2AAADnonce');
    expect(parseNonceCookie(bytes, 2, 18)).toBe(both);
    expect(parseNonceCookie(bytes, 2, 12)).toBe(-1);
    expect(parseNonceCookie(bytes, 10, 13)).toBe(-1);
    expect(parseNonceCookie(bytes, -1, 13)).toBe(-1);
  });
});
