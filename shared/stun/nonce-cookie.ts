// The nonce cookie (RFC 8489 s9.2, s18.1): how a server says in its NONCE which security features it has,
// so that nobody on the path can take them out unseen. Called by: TURN nonces. Allocates:
// `securityFeatures` a string.

/** RFC 8489 s9.2: what the cookie begins with; four characters of base64 follow. */
const NONCE_COOKIE = 'obMatJos2';
export const NONCE_COOKIE_BYTES = 13;

/** Bit 0: PASSWORD-ALGORITHMS is sent and must come back (RFC 8489 s9.2.4). */
export const SECURITY_FEATURE_PASSWORD_ALGORITHMS = 1 << 0;
/** Bit 1: USERHASH is understood (RFC 8489 s9.2.5). */
export const SECURITY_FEATURE_USERNAME_ANONYMITY = 1 << 1;

// s18.1 counts the 24 bits from the left, so that "gAAA" is Password algorithms. The vector of appendix B.1
// means Username anonymity by "AAAC", 0x000002, which counts from the right; so does the verified erratum
// 6290, and so does libjuice, which sets "AAAD" and tests 0x01 and 0x02. Clients of both kinds exist, so a
// feature is set at both ends: the end a client does not read holds bits that are unassigned to it. A
// feature is understood from either end.
const ASSIGNED = 2;
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The 13 characters to put before a nonce, for a sum of SECURITY_FEATURE_* constants. */
export function securityFeatures(bits: number): string {
  let set = 0;
  for (let bit = 0; bit < ASSIGNED; bit++) {
    if (bits & (1 << bit)) set |= (1 << bit) | (1 << (23 - bit));
  }
  let text = NONCE_COOKIE;
  for (let shift = 18; shift >= 0; shift -= 6) text += BASE64.charAt((set >>> shift) & 63);
  return text;
}

/**
 * The SECURITY_FEATURE_* constants that a NONCE value announces, or -1 when it has no cookie. Allocates
 * nothing.
 */
export function parseNonceCookie(bytes: Uint8Array, offset: number, length: number): number {
  if (length < NONCE_COOKIE_BYTES || offset < 0 || offset + length > bytes.length) return -1;
  for (let i = 0; i < NONCE_COOKIE.length; i++) {
    if (bytes[offset + i] !== NONCE_COOKIE.charCodeAt(i)) return -1;
  }
  let set = 0;
  for (let i = NONCE_COOKIE.length; i < NONCE_COOKIE_BYTES; i++) {
    const sextet = BASE64.indexOf(String.fromCharCode(bytes[offset + i]!));
    if (sextet < 0) return -1;
    set = (set << 6) | sextet;
  }
  let features = 0;
  for (let bit = 0; bit < ASSIGNED; bit++) {
    if (set & ((1 << bit) | (1 << (23 - bit)))) features |= 1 << bit;
  }
  return features;
}
