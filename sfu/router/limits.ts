// Every bound of the router, with the abuse it stops.

/** A longer payload is not forwarded: with its header, extensions and tag it fits no path's MTU. */
export const PAYLOAD_BYTES_MAX = 1500;

/** Packets of one incoming stream that are kept for retransmissions. Powers of two. */
export const HISTORY_VIDEO = 512;
export const HISTORY_AUDIO = 256;

/** And no longer than this, but for the newest: so late nobody asks. A slow stream would keep half a minute else. */
export const HISTORY_MS = 2000;

/** Memory for the payloads of all streams of a worker, which grows as it is used and is given back. */
export const PAYLOAD_POOL_BYTES_MAX = 2 ** 30;

/**
 * How long packets of a frame wait for its last one; the timer adds up to 4 ms. A sender that paces takes longer, and
 * then nothing is gained by waiting on.
 */
export const HOLD_MS = 1;

/** Packets of one publication that wait for the end of a turn; then they are forwarded at once. */
export const PENDING_MAX = 64;

/** SSRCs that one participant is heard from, retransmissions included: each has state and, with media, a history. */
export const SSRCS_PER_PARTICIPANT_MAX = 128;

/** Publications of one participant: nobody has more cameras, microphones and screens. */
export const PUBLICATIONS_PER_PARTICIPANT_MAX = 64;

/** Encodings of one publication; as many as are negotiated (RIDS_MAX), which all have histories. */
export const ENCODINGS_MAX = 3;

/**
 * A sequence number that is further ahead is a new beginning: nobody asks for so many packets, and no subscriber's
 * number ever goes far enough to confuse SRTP (RFC 3711 s3.3.1).
 */
export const SEQUENCE_AHEAD_MAX = 1000;

/** An SSRC that another one has replaced is not heard while that one is: late packets do not take the place back. */
export const REPLACED_SSRC_QUIET_MS = 1000;

/** Nobody begins anew more often: each time costs memory for a history. */
export const REPLACED_SSRC_AGE_MS = 200;

/** An encoding that has sent nothing for so long is not live: another one is forwarded. */
export const ENCODING_QUIET_MS = 1000;

/** Padding that is left out of an incoming stream's numbers, in runs: a probe of many packets is one of them. */
export const PADDING_RUNS = 32;

/** Of what a subscriber is not sent of a stream with layers: up to a run a picture, for two seconds and more. */
export const FILTER_RUNS = 128;

/** A spatial layer inside of a stream is not sent any more when nothing of it has come for so long. */
export const SPATIAL_QUIET_MS = 500;

/**
 * One that has sent nothing for so long while another one has is no choice for who adapts. Encoders leave frames out
 * where the rate is low, and whoever has little is not to be given more because the lowest encoding rests.
 */
export const LAYER_QUIET_MS = 1000;
export const LOWEST_QUIET_MS = 5000;

/** An encoding that is wanted again and does not come in so long is not sent. */
export const WAKE_MS = 3000;

/**
 * What one datagram of RTCP may ask for: more packets than a stream's history has, and key frames of all that anybody
 * can look at. Two kilobytes could name thousands, over and over.
 */
export const NACKED_PER_DATAGRAM_MAX = 1024;
export const KEY_FRAMES_PER_DATAGRAM_MAX = 64;
/** Of transport-wide feedback; a receiver sends one each. */
export const ARRIVALS_PER_DATAGRAM_MAX = 8;

/** How often one packet is sent again to one subscriber. */
export const RESENDS_MAX = 3;

/**
 * What one subscriber may be sent again, of the bytes that it was sent: more loss than that no retransmission heals.
 */
export const RESENT_SHARE = 1 / 4;
/** What it may be sent again at once. */
export const RESENT_BYTES_AT_ONCE = 131_072;
/** And of what its network is known to carry, in time. */
export const RESENT_MS_AT_ONCE = 500;

/** A key frame that began so lately is what a slot begins with; and what it may then be sent at once, in packets. */
export const CATCH_UP_MS = 1000;
export const CATCH_UP_MAX = 128;

/** Packets that wait because a subscriber's network is congested; then all leave at once. */
export const PACED_MAX = 256;

/** How often a slot that shows nothing repeats its wish for a key frame. */
export const KEY_FRAME_WISH_MS = 1000;

/** A payload with redundancy is no longer, so that it fits any path's MTU. */
export const REDUNDANT_BYTES_MAX = 1100;

/** Microphones of a room that count as heard where all are forwarded. */
export const AUDIBLE = 3;

/** How often it is told who speaks, at most, and how many of those who do: a loud room is no flood of messages. */
export const SPEAKERS_INTERVAL_MS = 300;
export const SPEAKERS_MAX = 32;
