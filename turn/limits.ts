// Every bound of the TURN server that configuration does not set, with the abuse it stops.

/** Peers that one allocation may have permissions for: a client cannot fill memory with XOR-PEER-ADDRESS. */
export const PERMISSIONS_PER_ALLOCATION_MAX = 1024;

/** Channels that one allocation may bind, below the 4096 that exist (RFC 8656 s12). */
export const CHANNELS_PER_ALLOCATION_MAX = 1024;

/** A reserved port is held at least 30 s (RFC 8656 s7.2); not longer, so EVEN-PORT cannot drain the range. */
export const RESERVATION_LIFETIME_MS = 30_000;

/** RFC 8016 s3.2.2: how long a ticket that has been used is still recognised in a retransmission, at least. */
export const OLD_TICKET_LIFETIME_MS = 30_000;

/** 5-tuples that this worker forwards to others: constant memory, however many tickets a client makes up moves with. */
export const DETOURS_MAX = 16_384;

/** Those of one allocation: the 5-tuple that it has, and the one that it moves to. */
export const DETOURS_PER_ALLOCATION_MAX = 2;

/** Ports tried when others hold them: a stranger's sockets cannot make one Allocate spin through the range. */
export const OPEN_ATTEMPTS_MAX = 16;

/** Username bytes (RFC 8489 s14.3: fewer than 509). */
export const USERNAME_BYTES_MAX = 508;

/** The largest UDP payload; a reply or an indication never exceeds it. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** Source networks that the cap on unauthenticated replies tracks: constant memory, whoever floods. */
export const UNAUTHENTICATED_SOURCES = 65_536;
