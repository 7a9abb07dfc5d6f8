// Every bound and pause of the Node client that the browser SDK does not have, each with what it is for.

/** Bytes of a payload: with headers, SRTP and a relay's headers it stays below the 1280 of IPv6 (RFC 8200 s5). */
export const PAYLOAD_BYTES_MAX = 1150;
/** Sent packets that can be asked for again, a power of two: most of a second of a camera. */
export const HISTORY_PACKETS = 128;
/** Feedback that no packet has set off is looked at so often; reports go out each second. */
export const TICK_MS = 50;
export const TICKS_PER_REPORT = 20;
/** How far behind the highest number a packet is still told from one that came already. */
export const WINDOW_PACKETS = 1024;
/** NACKs in one datagram. */
export const NACKS_MAX = 250;
/** A player that is asked for a key frame more often answers once. */
export const KEY_FRAME_EVERY_MS = 500;
/** A player that is later than this goes on from now, instead of sending all at once. */
export const BEHIND_MS_MAX = 500;
/** Media files are read whole. */
export const FILE_BYTES_MAX = 512 * 1024 * 1024;
export const FRAMES_MAX = 2_000_000;
/** One message of the server's: a room of thousands fits. */
export const SIGNAL_BYTES_MAX = 16 * 1024 * 1024;
