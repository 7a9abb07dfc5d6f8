// Why a DTLS handshake of a TURN client did not come to be, or not to its end: one counter a reason, exported as
// metrics.

export const DTLS_FAILURES = [
  /** A ClientHello that no session could begin with. */
  'malformed',
  /** The reply to it would be over the cap of its source network. */
  'unauthenticated-cap',
  /** Sessions or handshakes, in all or of the source network. */
  'too-many',
  /** It was the oldest of too many handshakes. */
  'evicted',
  /** OpenSSL has given up: an alert of either side, no cipher in common. */
  'failed',
  /** More came before it was done than any handshake takes. */
  'flooded',
  /** The client has begun another one from the same address. */
  'replaced',
  'timeout',
] as const;

export type DtlsFailure = (typeof DTLS_FAILURES)[number];
