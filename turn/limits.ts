// Every bound of the TURN server that configuration does not set, with the abuse it stops.

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

/** How long no further shared relay socket is tried once none could be had: what others hold costs one try, not each. */
export const SHARED_REOPEN_MS = 10_000;

/** Username bytes (RFC 8489 s14.3: fewer than 509). */
export const USERNAME_BYTES_MAX = 508;

/** The largest UDP payload; a reply or an indication never exceeds it. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** Source networks that a cap tracks: constant memory, whoever floods. */
export const CAPPED_SOURCES = 65_536;

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

/** Connections of clients that one worker takes: each is an entry in two tables, and a message that is not whole yet. */
export const STREAMS_MAX = 16_384;

/**
 * Addresses of ours that clients connect to, each with its transport: every one is compared with where data is sent
 * to, and a host may have a whole network of addresses.
 */
export const STREAM_LISTENERS_MAX = 64;

/**
 * A message of a client that never had an allocation, on a stream: strangers cannot make us hold more. With user name,
 * realm, nonce and software as long as they may be (RFC 8489 s14) a request has less.
 */
export const STRANGER_MESSAGE_BYTES_MAX = 4096;

/** Any message on a stream: what 16 bits can say, with the header of STUN. */
export const STREAM_MESSAGE_BYTES_MAX = 20 + 0xfffc;

/** Waiting for a client that does not read its stream: data on top is dropped, as a full queue of a router does. */
export const UNREAD_DATA_BYTES_MAX = 256 * 1024;

/**
 * Responses are not dropped but kept so far beyond the data; a client that asks on and on and never reads is put out.
 * One that never had an allocation has no data, and only this.
 */
export const UNREAD_RESPONSES_BYTES_MAX = 64 * 1024;

/** What was written in one turn is gathered in buffers that are used again: so many of them, none longer than this. */
export const SPARE_BUFFERS_MAX = 64;
export const SPARE_BUFFER_BYTES_MAX = 64 * 1024;

/** RFC 6062 s5.2: how long a peer may take to be connected to, and s5.2 and s5.3: a connection waits for its client. */
export const TCP_CONNECT_MS = 30_000;
export const TCP_UNBOUND_MS = 30_000;

/** TCP connections of one relay, descriptors of the process each. */
export const TCP_CONNECTIONS_MAX = 64;

/** Of those the ones that are being made or that no client has bound yet. */
export const TCP_UNBOUND_MAX = 16;
