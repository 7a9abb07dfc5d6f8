// SRTP protection profiles as DTLS names them (RFC 5764 s4.1.2, RFC 7714 s14.2), and how what DTLS exports is
// split into master keys (RFC 5764 s4.2).

export interface SrtpProfile {
  readonly name: 'AEAD_AES_128_GCM' | 'AES_CM_128_HMAC_SHA1_80';
  /** OpenSSL's name for it. */
  readonly opensslName: string;
  /** Its number in the use_srtp extension. */
  readonly id: number;
  readonly keyBytes: number;
  readonly saltBytes: number;
  /** Session authentication key; 0 where the cipher authenticates (RFC 7714 s11). */
  readonly authKeyBytes: number;
  /** What protection adds to an RTP packet: the tag. */
  readonly tagBytes: number;
  /** What protection adds to an RTCP packet: the tag and the E flag with the index. */
  readonly rtcpTrailerBytes: number;
  /** Where the E flag and the index begin, from the end: before the tag of CM, after that of GCM. */
  readonly rtcpIndexFromEnd: number;
}

/** RFC 7714 s9, s12, s14.2. */
export const AEAD_AES_128_GCM: SrtpProfile = {
  name: 'AEAD_AES_128_GCM',
  opensslName: 'SRTP_AEAD_AES_128_GCM',
  id: 0x0007,
  keyBytes: 16,
  saltBytes: 12,
  authKeyBytes: 0,
  tagBytes: 16,
  rtcpTrailerBytes: 20,
  rtcpIndexFromEnd: 4,
};

/** RFC 3711 s3.4, s8.2; RFC 5764 s4.1.2. */
export const AES_CM_128_HMAC_SHA1_80: SrtpProfile = {
  name: 'AES_CM_128_HMAC_SHA1_80',
  opensslName: 'SRTP_AES128_CM_SHA1_80',
  id: 0x0001,
  keyBytes: 16,
  saltBytes: 14,
  authKeyBytes: 20,
  tagBytes: 10,
  rtcpTrailerBytes: 14,
  rtcpIndexFromEnd: 14,
};

/** The order in which we like them. */
const PROFILES: readonly SrtpProfile[] = [AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80];

/** What to offer or accept in DTLS, as OpenSSL takes it. */
export const SRTP_PROFILE_NAMES = PROFILES.map(({ opensslName }) => opensslName).join(':');

/** The profile of that number; undefined for one that we do not speak. */
export function srtpProfile(id: number): SrtpProfile | undefined {
  return PROFILES.find((profile) => profile.id === id);
}

/** What one side sends with (RFC 3711 s3.2.1). */
export interface MasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** What a DTLS association gives to SRTP. */
export interface SrtpKeys {
  readonly profile: SrtpProfile;
  /** What this server protects with. */
  readonly local: MasterKey;
  /** What the peer protects with. */
  readonly remote: MasterKey;
}

/** How many bytes to export from DTLS for a profile (RFC 5764 s4.2). */
export function keyingMaterialBytes(profile: SrtpProfile): number {
  return 2 * (profile.keyBytes + profile.saltBytes);
}

/**
 * Views on exported keying material: the client's key, the server's, the client's salt, the server's (RFC 5764 s4.2).
 * @param isClient whether this server is the DTLS client
 */
export function splitKeyingMaterial(
  profile: SrtpProfile,
  material: Uint8Array,
  isClient: boolean,
): SrtpKeys {
  if (material.length !== keyingMaterialBytes(profile)) {
    throw new Error(`${profile.name} wants ${keyingMaterialBytes(profile)} bytes of keys`);
  }
  const { keyBytes, saltBytes } = profile;
  const salts = 2 * keyBytes;
  const client = {
    key: material.subarray(0, keyBytes),
    salt: material.subarray(salts, salts + saltBytes),
  };
  const server = {
    key: material.subarray(keyBytes, salts),
    salt: material.subarray(salts + saltBytes),
  };
  return isClient
    ? { profile, local: client, remote: server }
    : { profile, local: server, remote: client };
}

/** SRTP has taken them in. */
export function wipeSrtpKeys({ local, remote }: SrtpKeys): void {
  for (const { key, salt } of [local, remote]) {
    key.fill(0);
    salt.fill(0);
  }
}
