// What workers of the process tell each other of the publications of a room that several of them have: one kind of
// record for each thing that is told, in words of the machine. Called by: PipeOut, PipeIn. Pure.

/** A packet as its publisher sent it, without SRTP and RTX: behind the head, from its first byte on. */
export const PIPED_RTP = 1;
/** A sender report of one stream (RFC 3550 s6.4.1), and its sender's clock. */
export const PIPED_REPORT = 2;
/** Somebody in the other worker cannot go on without a key frame. */
export const PIPED_WISH = 3;

/** Bytes of a head: the kind, the encoding and whether a packet was repaired; then the number of the publication. */
export const KIND_AT = 0;
export const ENCODING_AT = 1;
export const REPAIRED_AT = 2;
/** A number has more than 32 bits when a process gets old. */
export const NUMBER_AT = 4;
export const HEAD_BYTES = 12;

/** Words of a report, behind its head: the SSRC, the timestamp, then two numbers of 64 bits. */
export const REPORT_SSRC_AT = 12;
export const REPORT_TIMESTAMP_AT = 16;
export const REPORT_MS_AT = 20;
export const REPORT_CLOCK_AT = 28;
export const REPORT_BYTES = 36;

export const WORD = 2 ** 32;
