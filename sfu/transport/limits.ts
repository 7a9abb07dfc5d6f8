// Every bound of the media transports, with the abuse it stops.

/** Of one worker, unless its owner says otherwise: each has buffers of OpenSSL, contexts of SRTP and a timer. */
export const TRANSPORTS_MAX = 2000;

/** Of these, not connected yet: in a handshake OpenSSL may hold a hundred times what it holds afterwards. */
export const CONNECTING_MAX = 1000;

/** Without a nominated pair for so long, at the beginning or later, a transport is closed: nobody comes any more. */
export const ICE_TIMEOUT_MS = 30_000;

/** What comes in and is longer is no packet of a browser's: those fit into the MTU of a path. */
export const PACKET_BYTES_MAX = 2048;

/**
 * Packets of one participant, of DTLS and media together: fifty megabits a second, and a key frame of a large screen at
 * once. Whoever sends more is forwarded no more of it, since every packet is sent to everybody who watches.
 */
export const PACKETS_PER_SECOND_MAX = 5000;
export const PACKETS_AT_ONCE_MAX = 2500;

/** What a datagram of DTLS counts for once the handshake is done: OpenSSL takes each of its records by itself. */
export const DTLS_COST = 25;

/** What goes out has other header extensions than what came in, and a tag. */
export const OUTGOING_BYTES_MAX = 4096;

/** SSRCs that one participant may send from, over all of a call: state of 130 bytes each, twice. */
export const SSRCS_RECEIVED_MAX = 256;

/** SSRCs that one participant is sent: two for each of OFFER_LIMITS' sections, and as many to spare. */
export const SSRCS_SENT_MAX = 1024;

/** A network is made bad for so long at most: nobody stays impaired because somebody has forgotten it. */
export const IMPAIRED_MS_MAX = 300_000;

/** What a bottleneck lets wait where nothing else is said: a home router's, more or less. */
export const IMPAIRED_QUEUE_MS = 200;

/** What one direction of an impaired participant keeps: three seconds at ten megabits a second. */
export const IMPAIRED_LINK_BYTES_MAX = 4_194_304;
export const IMPAIRED_LINK_PACKETS_MAX = 8192;

/** And all of a worker together: who impairs many at once loses packets, not the worker. */
export const IMPAIRED_BYTES_MAX = 67_108_864;

/** TCP connections to one worker: a participant needs one, and two while it changes. */
export const STREAMS_MAX = 4000;

/** Own addresses that relays send to: those of the configuration. */
export const RELAY_ADDRESSES_MAX = 64;
