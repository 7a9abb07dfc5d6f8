// Every bound of a DTLS transport, with the abuse it stops.

/** Datagrams taken in until the peer has proved who it is: OpenSSL may hold 17 KiB for each that comes too early. */
export const HANDSHAKE_DATAGRAMS_MAX = 128;

/** Bytes taken in until then: nobody fills memory with fragments that never become a message. */
export const HANDSHAKE_BYTES_MAX = 65_536;

/** A handshake that has not proved who the peer is after so long is given up, and its memory with it. */
export const HANDSHAKE_MS_MAX = 30_000;

/** Fingerprints of one peer: an SDP cannot make every comparison long. */
export const FINGERPRINTS_MAX = 16;

/** What any path to a browser takes, under IPv6 and TURN's headers; Chromium's own flights are as long. */
export const DATAGRAM_BYTES_MAX = 1200;

/** RFC 6347 s4.2.4.1 has a second, which a lost flight would add to a join. Double the round trip that we hope for. */
export const RETRANSMIT_MS = 100;
