// Why what looked like STUN got no answer: one counter a reason, exported as metrics, never logged.

export const DROP_NOT_STUN = 0;
/** A response, or a method other than Binding. */
export const DROP_UNEXPECTED = 1;
/** A Binding indication, which keeps a NAT binding alive and asks for nothing (RFC 8445 s11). */
export const DROP_KEEPALIVE = 2;
export const DROP_TOO_LARGE = 3;
/** Not with a username fragment of ours that is valid. */
export const DROP_UNKNOWN_USERNAME = 4;
/** FINGERPRINT missing or wrong (RFC 8445 s7.2.4). */
export const DROP_BAD_FINGERPRINT = 5;
/** Neither MESSAGE-INTEGRITY nor MESSAGE-INTEGRITY-SHA256, or a wrong one. */
export const DROP_BAD_INTEGRITY = 6;
/** From a transport address that another session is using. */
export const DROP_TUPLE_TAKEN = 7;
/** From a transport address whose consent was lost under these credentials (RFC 7675 s5.1). */
export const DROP_CONSENT_LOST = 8;
/** More than one session may have. */
export const DROP_TOO_FAST = 9;

export const ICE_DROP_REASONS = [
  'not-stun',
  'unexpected',
  'keepalive',
  'too-large',
  'unknown-username',
  'bad-fingerprint',
  'bad-integrity',
  'tuple-taken',
  'consent-lost',
  'too-fast',
] as const;

export type IceDropReason = (typeof ICE_DROP_REASONS)[number];
