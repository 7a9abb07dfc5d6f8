// Who somebody is: an ML-DSA-65 key pair (FIPS 204) made of 32 random bytes, its fingerprint, and the codes that people
// compare. Called by: key-agreement.ts, room-crypto.ts.

import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { bytesOf, concat, copied, hex, measured, sha256 } from './bytes.ts';
import type { Bytes } from './bytes.ts';

/** FIPS 204 s4, table 2. */
export const IDENTITY_BYTES = 1952;
export const SIGNATURE_BYTES = 3309;
export const SEED_BYTES = 32;

const CODE_DIGITS = 60;
const GROUP_DIGITS = 5;

export class Identity {
  readonly publicKey: Bytes;
  readonly #secretKey: Uint8Array;

  /** @param seed from the application, or new */
  constructor(seed: Uint8Array = crypto.getRandomValues(new Uint8Array(SEED_BYTES))) {
    const { publicKey, secretKey } = ml_dsa65.keygen(seed);
    this.publicKey = copied(publicKey);
    this.#secretKey = secretKey;
  }

  /** @param what it is, so that no signature is good for anything else */
  sign(what: string, message: Bytes): Bytes {
    return copied(ml_dsa65.sign(message, this.#secretKey, { context: bytesOf(what) }));
  }
}

/** Never throws, whatever the bytes are. */
export function isSigned(
  what: string,
  message: Bytes,
  signature: Bytes,
  publicKey: Bytes,
): boolean {
  try {
    return ml_dsa65.verify(signature, message, publicKey, { context: bytesOf(what) });
  } catch {
    return false;
  }
}

/** 64 hexadecimal digits: SHA-256 of the public key. */
export async function fingerprintOf(publicKey: Bytes): Promise<string> {
  return hex(await sha256(publicKey));
}

/** A participant, by the name in its token, and the key that is its own. */
export interface Known {
  readonly identity: string;
  readonly fingerprint: string;
}

/** Twelve groups of five digits, the same for everybody who knows the same: in whatever order, and however often. */
export async function safetyCode(all: readonly Known[]): Promise<string> {
  const entries = all.map(({ identity, fingerprint }) =>
    concat(measured(identity), measured(fingerprint)),
  );
  const texts = [...new Set(entries.map((entry) => hex(entry)))].toSorted();
  const digest = await sha256(concat(bytesOf('sterna.e2ee code 1'), ...texts.map(measured)));
  const digits = (BigInt(`0x${hex(digest)}`) % 10n ** BigInt(CODE_DIGITS)).toString();
  const padded = digits.padStart(CODE_DIGITS, '0');
  return padded.match(new RegExp(`\\d{${GROUP_DIGITS}}`, 'g'))?.join(' ') ?? '';
}
