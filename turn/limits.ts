// Every bound of the TURN server that configuration does not set, with the abuse it stops.

/** A reserved port is held at least 30 s (RFC 8656 s7.2); not longer, so EVEN-PORT cannot drain the range. */
export const RESERVATION_LIFETIME_MS = 30_000;

/** Ports tried when others hold them: a stranger's sockets cannot make one Allocate spin through the range. */
export const OPEN_ATTEMPTS_MAX = 16;

/** Username bytes (RFC 8489 s14.3: fewer than 509). */
export const USERNAME_BYTES_MAX = 508;

/** The largest UDP payload; a reply or an indication never exceeds it. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** Source networks that a cap tracks: constant memory, whoever floods. */
export const CAPPED_SOURCES = 65_536;
