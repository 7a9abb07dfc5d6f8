// Bounds of the HTTP server, each with the abuse that it stops.

/** Bytes of a request body: a room with its metadata fits many times over. */
export const BODY_BYTES_MAX = 64 * 1024;

/**
 * Milliseconds for the header of a request: stops clients that send a byte now and then to hold a connection.
 */
export const HEADERS_TIMEOUT_MS = 10_000;

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

/** Keys and addresses whose requests are counted at once, about 200 bytes each. */
export const RATE_KEYS_MAX = 16_384;
