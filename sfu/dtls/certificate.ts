// The certificate that this server shows in DTLS: self-signed, ECDSA on P-256 (RFC 8827 s6.5), made anew by each
// process. A value without handles: signaling has its fingerprint, every media worker a copy of the whole.

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  der,
  derTime,
  TAG_BIT_STRING,
  TAG_EXPLICIT_0,
  TAG_INTEGER,
  TAG_OBJECT_IDENTIFIER,
  TAG_SEQUENCE,
  TAG_SET,
  TAG_UTF8_STRING,
} from '../../shared/der.ts';
import { formatFingerprint } from './fingerprint.ts';

export interface DtlsCertificate {
  /** X.509, DER. */
  readonly certificate: Uint8Array;
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array;
  /** What SDP has after `a=fingerprint:` (RFC 8122 s5): `sha-256 AB:CD:...`. */
  readonly fingerprint: string;
}

const DAY_MS = 86_400_000;
/** Peers go by the fingerprint, not by dates (RFC 5763 s5); for those that look, no process runs so long. */
const VALID_DAYS = 3650;
/** A peer whose clock is slow. */
const SLOW_CLOCK_DAYS = 1;
/** The most that RFC 5280 s4.1.2.2 allows is 20. */
const SERIAL_BYTES = 16;

/** 1.2.840.10045.4.3.2, ecdsa-with-SHA256 (RFC 5758 s3.2). */
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/** 2.5.4.3, id-at-commonName (RFC 5280 appendix A.1). */
const COMMON_NAME = [0x55, 0x04, 0x03];
/** v3 (RFC 5280 s4.1.2.1): some stacks know no other. */
const VERSION_3 = 2;

/** @param nowMs the time of day, in milliseconds since 1970 */
export function createDtlsCertificate(nowMs: number): DtlsCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  const algorithm = der(TAG_SEQUENCE, oid(ECDSA_WITH_SHA256));
  const name = der(
    TAG_SEQUENCE,
    der(TAG_SET, der(TAG_SEQUENCE, oid(COMMON_NAME), der(TAG_UTF8_STRING, Buffer.from('Sterna')))),
  );
  // RFC 5280 s4.1.
  const toBeSigned = der(
    TAG_SEQUENCE,
    der(TAG_EXPLICIT_0, der(TAG_INTEGER, Buffer.from([VERSION_3]))),
    der(TAG_INTEGER, serialNumber()),
    algorithm,
    name,
    der(
      TAG_SEQUENCE,
      derTime(nowMs - SLOW_CLOCK_DAYS * DAY_MS),
      derTime(nowMs + VALID_DAYS * DAY_MS),
    ),
    name,
    publicKey,
  );
  const signature = sign('sha256', toBeSigned, { key: privateKey, format: 'der', type: 'pkcs8' });
  const unusedBits = Buffer.from([0]);
  const certificate = der(
    TAG_SEQUENCE,
    toBeSigned,
    algorithm,
    der(TAG_BIT_STRING, unusedBits, signature),
  );
  const digest = createHash('sha256').update(certificate).digest();
  return { certificate, privateKey, fingerprint: formatFingerprint('sha-256', digest) };
}

/** Positive, and its first byte not 0, so that it is the shortest form (X.690 s8.3.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function oid(contents: readonly number[]): Buffer {
  return der(TAG_OBJECT_IDENTIFIER, Buffer.from(contents));
}
