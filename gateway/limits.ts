// Bounds of the HTTP server, each with the abuse that it stops.

/** Bytes of a request body: a room with its metadata fits many times over. */
export const BODY_BYTES_MAX = 64 * 1024;

/**
 * Milliseconds for the header of a request: stops clients that send a byte now and then to hold a connection.
 */
export const HEADERS_TIMEOUT_MS = 10_000;

/** Milliseconds between two looks at the time-outs around this. */
export const CHECK_MS = 2000;

/** Milliseconds for a whole request, as above. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** Milliseconds that an idle connection is kept for its next request. */
export const KEEP_ALIVE_MS = 10_000;

/** Bytes of all header fields of a request. */
export const HEADER_BYTES_MAX = 16 * 1024;

/** Open connections, WebSockets included: below the 16 Ki file descriptors of a common hard limit. */
export const CONNECTIONS_MAX = 12_000;

/** UTF-16 units of a room's name, an identity or a display name. */
export const NAME_MAX = 128;

/** UTF-16 units of a room's metadata. */
export const METADATA_MAX = 16_384;

/** Allocations in one answer: media workers make it between packets. */
export const LISTED_MAX = 200;

/** Seconds that a TURN credential is good for, a week: it cannot be taken back but with its secret. */
export const CREDENTIAL_SECONDS_MAX = 7 * 86_400;

/** Characters of one segment of a path, decoded or not: a room's name with every character percent-encoded. */
export const PATH_SEGMENT_MAX = NAME_MAX * 4 * 3;

/** Proxies between a client and us. */
export const PROXIES_MAX = 16;

/** Characters of what proxies say of a client: of more, only the end is read, or nothing. */
export const FORWARDED_CHARACTERS_MAX = 2048;

/** Milliseconds for a TLS handshake: stops clients that hold a connection without one. */
export const HANDSHAKE_MS = 10_000;

/** HTTP/2 streams of a session at the same time: no fewer than RFC 9113 s6.5.2 recommends. */
export const STREAMS_MAX = 100;

/** Megabytes that a session may take, of headers, queues and streams. */
export const SESSION_MEGABYTES_MAX = 4;

/** Fields of a request's header over HTTP/2, pseudo-header fields included. */
export const HEADER_PAIRS_MAX = 100;

/** Invalid frames of a session. */
export const INVALID_FRAMES_MAX = 50;

/**
 * Frames of a session that cost their sender nothing, at once and a second: streams taken back (CVE-2023-44487), PING
 * and SETTINGS (CVE-2019-9512, -9515). A browser that leaves a page takes back what it waits for, below a hundred.
 */
export const FREE_FRAMES_BURST = 200;
export const FREE_FRAMES_PER_SECOND = 20;
/** Keys and addresses whose requests are counted at once, 160 bytes each. */
export const RATE_KEYS_MAX = 16_384;
