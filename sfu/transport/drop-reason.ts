// Why a datagram that is not STUN was dropped: one counter a reason, exported as metrics, never logged per packet.
// The ICE agent counts what it drops itself.

import {
  SRTP_FORGED,
  SRTP_MALFORMED,
  SRTP_REPLAYED,
  SRTP_TOO_MANY_SSRCS,
  SRTP_UNENCRYPTED,
} from '../srtp/outcome.ts';

/** Its first byte is none of STUN, DTLS and RTP (RFC 7983 s7). */
export const DROP_UNKNOWN_KIND = 0;
/** From a transport address that no connectivity check has validated, or whose consent is lost. */
export const DROP_NOT_VALIDATED = 1;
export const DROP_TOO_LARGE = 2;
/** SRTP before the DTLS handshake is done. */
export const DROP_NO_KEYS = 3;
export const DROP_SRTP_MALFORMED = 4;
export const DROP_SRTP_TOO_MANY_SSRCS = 5;
export const DROP_SRTP_REPLAYED = 6;
export const DROP_SRTP_FORGED = 7;
export const DROP_SRTP_UNENCRYPTED = 8;
/** The key has seen all the packets it may, or is gone. */
export const DROP_SRTP_ENDED = 9;
/** A frame of a TCP connection that is closed here already. */
export const DROP_UNKNOWN_STREAM = 10;
/** From a relay, to one address more than we have. */
export const DROP_UNKNOWN_ADDRESS = 11;
/** More than one participant may send. */
export const DROP_TOO_FAST = 12;
/** Of a participant whose network is made bad on purpose: lost, too much for its queue, for its memory, or its path. */
export const DROP_IMPAIRED_LOSS = 13;
export const DROP_IMPAIRED_QUEUE = 14;
export const DROP_IMPAIRED_MEMORY = 15;
export const DROP_IMPAIRED_PATH = 16;

export const MEDIA_DROP_REASONS = [
  'unknown-kind',
  'not-validated',
  'too-large',
  'no-keys',
  'srtp-malformed',
  'srtp-too-many-ssrcs',
  'srtp-replayed',
  'srtp-forged',
  'srtp-unencrypted',
  'srtp-ended',
  'unknown-stream',
  'unknown-address',
  'too-fast',
  'impaired-loss',
  'impaired-queue',
  'impaired-memory',
  'impaired-path',
] as const;

export type MediaDropReason = (typeof MEDIA_DROP_REASONS)[number];

/** For what unprotecting a packet came to. */
export function dropReasonOf(outcome: number): number {
  switch (outcome) {
    case SRTP_MALFORMED:
      return DROP_SRTP_MALFORMED;
    case SRTP_TOO_MANY_SSRCS:
      return DROP_SRTP_TOO_MANY_SSRCS;
    case SRTP_REPLAYED:
      return DROP_SRTP_REPLAYED;
    case SRTP_FORGED:
      return DROP_SRTP_FORGED;
    case SRTP_UNENCRYPTED:
      return DROP_SRTP_UNENCRYPTED;
    default:
      return DROP_SRTP_ENDED;
  }
}
