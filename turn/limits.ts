// Every bound of the TURN server that configuration does not set, with the abuse it stops.

/** Peers that one allocation may have permissions for: a client cannot fill memory with XOR-PEER-ADDRESS. */
export const PERMISSIONS_PER_ALLOCATION_MAX = 1024;

/** Channels that one allocation may bind, below the 4096 that exist (RFC 8656 s12). */
export const CHANNELS_PER_ALLOCATION_MAX = 1024;

/** A reserved port is held at least 30 s (RFC 8656 s7.2); not longer, so EVEN-PORT cannot drain the range. */
export const RESERVATION_LIFETIME_MS = 30_000;

/** Ports tried when others hold them: a stranger's sockets cannot make one Allocate spin through the range. */
export const OPEN_ATTEMPTS_MAX = 16;

/** Username bytes (RFC 8489 s14.3: fewer than 509). */
export const USERNAME_BYTES_MAX = 508;

/** The largest UDP payload; a reply or an indication never exceeds it. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** Source networks that the cap on unauthenticated replies tracks: constant memory, whoever floods. */
export const UNAUTHENTICATED_SOURCES = 65_536;

/** How long a cookie is made with one secret, and how much longer it is good: what was once shown ends (RFC 6347 s4.2.1). */
export const COOKIE_SECRET_MS = 60_000;

/** DTLS sessions of one worker, some 40 KB of OpenSSL each. */
export const DTLS_SESSIONS_MAX = 10_000;

/** Of those the ones of one IPv4 address or IPv6 /64: nobody takes them all. */
export const DTLS_SESSIONS_PER_SOURCE_MAX = 512;

/** Handshakes at the same time; beyond it the oldest gives way. OpenSSL keeps what comes early, so these weigh more. */
export const DTLS_HANDSHAKES_MAX = 256;

/** Of those the ones of one IPv4 address or IPv6 /64: nobody drives the others out alone. */
export const DTLS_HANDSHAKES_PER_SOURCE_MAX = 64;

/** A handshake that is not done after so long is given up, and its memory with it. */
export const DTLS_HANDSHAKE_MS_MAX = 10_000;

/** Records and bytes taken in until the handshake is done: no client without a certificate needs a tenth of it. */
export const DTLS_HANDSHAKE_RECORDS_MAX = 64;
export const DTLS_HANDSHAKE_BYTES_MAX = 32_768;

/** Encrypted records taken in until then; OpenSSL may hold 17 KiB for each that comes too early. */
export const DTLS_EARLY_RECORDS_MAX = 8;

/** A session that is silent for so long and has no allocation is closed. */
export const DTLS_IDLE_MS_MAX = 60_000;

/** What any path takes, under IPv6 and its tunnels: the flights of a handshake are cut to it (RFC 6347 s4.1.1). */
export const DTLS_FLIGHT_BYTES_MAX = 1200;

/** RFC 6347 s4.2.4.1. */
export const DTLS_RETRANSMIT_MS = 1000;
