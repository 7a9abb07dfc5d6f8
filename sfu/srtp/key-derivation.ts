// Session keys from a master key (RFC 3711 s4.3), with a key derivation rate of 0: once, before the first packet.
// The pseudo-random function is AES in counter mode (s4.3.3), and that is OpenSSL's.

import { createCipheriv } from 'node:crypto';
import type { MasterKey, SrtpProfile } from './profile.ts';

/** RFC 3711 s4.3.1, s4.3.2. */
export const LABEL_RTP_ENCRYPTION = 0;
export const LABEL_RTP_AUTHENTICATION = 1;
export const LABEL_RTP_SALT = 2;
export const LABEL_RTCP_ENCRYPTION = 3;
export const LABEL_RTCP_AUTHENTICATION = 4;
export const LABEL_RTCP_SALT = 5;

/** x = key_id XOR master_salt is 112 bits; the block counter follows (RFC 3711 s4.3.3). */
const COUNTER_BLOCK_BYTES = 16;
/** The label is the byte before the 48 bits of the index, which are 0 here. */
const LABEL_AT = 7;

/** What one direction of RTP or of RTCP works with. */
export interface SessionKeys {
  readonly encryption: Uint8Array;
  /** Empty where the cipher authenticates. */
  readonly authentication: Uint8Array;
  readonly salt: Uint8Array;
}

/** One session key. A salt shorter than 112 bits is padded with zeros at its end (RFC 7714 s11). */
export function deriveKey(master: MasterKey, label: number, bytes: number): Uint8Array {
  const block = new Uint8Array(COUNTER_BLOCK_BYTES);
  block.set(master.salt);
  block[LABEL_AT]! ^= label;
  const cipher = createCipheriv('aes-128-ctr', master.key, block);
  return cipher.update(new Uint8Array(bytes));
}

/** The session keys of both. Who takes them into a cipher wipes them with `wipeSessionKeys`. */
export function deriveSessionKeys(
  profile: SrtpProfile,
  master: MasterKey,
): { readonly rtp: SessionKeys; readonly rtcp: SessionKeys } {
  if (master.key.length !== profile.keyBytes || master.salt.length !== profile.saltBytes) {
    throw new Error(`a master key of ${profile.name} has another length`);
  }
  const { keyBytes, authKeyBytes, saltBytes } = profile;
  return {
    rtp: {
      encryption: deriveKey(master, LABEL_RTP_ENCRYPTION, keyBytes),
      authentication: deriveKey(master, LABEL_RTP_AUTHENTICATION, authKeyBytes),
      salt: deriveKey(master, LABEL_RTP_SALT, saltBytes),
    },
    rtcp: {
      encryption: deriveKey(master, LABEL_RTCP_ENCRYPTION, keyBytes),
      authentication: deriveKey(master, LABEL_RTCP_AUTHENTICATION, authKeyBytes),
      salt: deriveKey(master, LABEL_RTCP_SALT, saltBytes),
    },
  };
}

export function wipeSessionKeys(keys: SessionKeys): void {
  keys.encryption.fill(0);
  keys.authentication.fill(0);
  keys.salt.fill(0);
}
