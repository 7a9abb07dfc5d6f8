// The protection profiles that DTLS agrees on for SRTP (RFC 5764 s4.1.2), and the master keys that it exports (s4.2).

export interface SrtpProfileLengths {
  readonly keyBytes: number;
  readonly saltBytes: number;
}

/** RFC 7714 s14.2. */
export const SRTP_AEAD_AES_128_GCM = 0x0007;
/** RFC 5764 s4.1.2. */
export const SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001;

/** By OpenSSL's names, in the order in which we like them. */
export const SRTP_PROFILE_NAMES = 'SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80';

/** Bits of master keys and salts: RFC 7714 s12, RFC 5764 s4.1.2. */
const LENGTHS: ReadonlyMap<number, SrtpProfileLengths> = new Map([
  [SRTP_AEAD_AES_128_GCM, { keyBytes: 16, saltBytes: 12 }],
  [SRTP_AES128_CM_HMAC_SHA1_80, { keyBytes: 16, saltBytes: 14 }],
]);

export interface SrtpKeys {
  /** Its number in the use_srtp extension. */
  readonly profile: number;
  /** What this server protects with. */
  readonly localKey: Uint8Array;
  readonly localSalt: Uint8Array;
  /** What the peer protects with. */
  readonly remoteKey: Uint8Array;
  readonly remoteSalt: Uint8Array;
}

/** Undefined for a profile that is not ours. */
export function srtpProfileLengths(profile: number): SrtpProfileLengths | undefined {
  return LENGTHS.get(profile);
}

/** How many bytes to export. */
export function keyingMaterialBytes({ keyBytes, saltBytes }: SrtpProfileLengths): number {
  return 2 * (keyBytes + saltBytes);
}

/** Client's key, server's key, client's salt, server's salt (RFC 5764 s4.2): views on the material. */
export function splitKeyingMaterial(
  profile: number,
  { keyBytes, saltBytes }: SrtpProfileLengths,
  material: Uint8Array,
  isClient: boolean,
): SrtpKeys {
  const salts = 2 * keyBytes;
  const clientKey = material.subarray(0, keyBytes);
  const serverKey = material.subarray(keyBytes, salts);
  const clientSalt = material.subarray(salts, salts + saltBytes);
  const serverSalt = material.subarray(salts + saltBytes, salts + 2 * saltBytes);
  return isClient
    ? {
        profile,
        localKey: clientKey,
        localSalt: clientSalt,
        remoteKey: serverKey,
        remoteSalt: serverSalt,
      }
    : {
        profile,
        localKey: serverKey,
        localSalt: serverSalt,
        remoteKey: clientKey,
        remoteSalt: clientSalt,
      };
}
