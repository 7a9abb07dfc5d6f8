// Why a packet was not taken, or not forwarded: one counter a reason, exported as metrics, never logged.

export const DROP_RTP_MALFORMED = 0;
export const DROP_RTCP_MALFORMED = 1;
/** Nothing tells whose it is: no SSRC that is known, no MID, no payload type of one section alone (RFC 9143 s9.2). */
export const DROP_UNKNOWN_SSRC = 2;
/** Of a section that nobody publishes in. */
export const DROP_UNKNOWN_MID = 3;
export const DROP_UNKNOWN_RID = 4;
/** Not negotiated for the section. */
export const DROP_PAYLOAD_TYPE = 5;
export const DROP_TOO_MANY_SSRCS = 6;
/** Of an SSRC that another one has replaced. */
export const DROP_REPLACED_SSRC = 7;
export const DROP_MUTED = 8;
/** There already: a retransmission that was not needed, or a probe. */
export const DROP_DUPLICATE = 9;
/** A sequence number far from all others. */
export const DROP_STRAY = 10;
/** Too late, too long, or no memory. */
export const DROP_NOT_STORED = 11;
/** The subscriber does not decode what the publisher sends. */
export const DROP_CODEC = 12;
/** The subscriber's transport could not send. */
export const DROP_NOT_SENT = 13;
/** RTCP that asks for more than one datagram may: the rest of it is passed over. */
export const DROP_TOO_MUCH_FEEDBACK = 14;
/** From another worker, of what is not published here any more, or not by whom that worker has. */
export const DROP_UNPUBLISHED = 15;

export const ROUTER_DROP_REASONS = [
  'rtp-malformed',
  'rtcp-malformed',
  'unknown-ssrc',
  'unknown-mid',
  'unknown-rid',
  'payload-type',
  'too-many-ssrcs',
  'replaced-ssrc',
  'muted',
  'duplicate',
  'stray',
  'not-stored',
  'codec',
  'not-sent',
  'too-much-feedback',
  'unpublished',
] as const;

export type RouterDropReason = (typeof ROUTER_DROP_REASONS)[number];
