// Every bound of the ICE agent, with the abuse it stops.

/**
 * A longer check is not looked at: nobody makes us compute an HMAC over 64 KiB. A path's MTU is no larger.
 */
export const CHECK_BYTES_MAX = 1500;

/**
 * Transport addresses that one session may have validated: a peer cannot fill memory by checking from many
 * ports.
 */
export const TUPLES_PER_SESSION_MAX = 8;

/**
 * Credentials of one session that are valid at once: a peer cannot fill memory by restarting without an end.
 */
export const GENERATIONS_PER_SESSION_MAX = 3;

/**
 * Checks of one session whose integrity is looked at, which takes two HMACs. A browser sends one every 50 ms (RFC 8445
 * s14.2), and repeats those that got no answer.
 */
export const CHECKS_PER_SECOND_MAX = 200;
export const CHECKS_AT_ONCE_MAX = 400;

/** Unknown attributes that a 420 response names: it stays smaller than the check. */
export const UNKNOWN_ATTRIBUTES_MAX = 8;

/** Sessions of one agent, unless its owner says otherwise. */
export const SESSIONS_MAX = 10_000;

/**
 * Who uses a pair checks it every 6 s at least (RFC 7675 s5.1): one that is silent for longer was left for another.
 */
export const PATH_QUIET_MS = 8000;

/** RFC 7675 s5.1: sending stops when the peer has not agreed to it for so long. */
export const CONSENT_MS = 30_000;
