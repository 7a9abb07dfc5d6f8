// A ClientHello as it comes in a DTLS record, up to its cookie (RFC 6347 s4.2.1, s4.2.2), and the HelloVerifyRequest
// that answers it: without OpenSSL and without state. Called by: the DTLS clients.
// Allocates: nothing.

/** RFC 6347 s4.1: content type, version, epoch, sequence number, length. */
export const RECORD_HEADER_BYTES = 13;
export const CONTENT_CHANGE_CIPHER_SPEC = 20;
export const CONTENT_APPLICATION_DATA = 23;
const CONTENT_HANDSHAKE = 22;
const RECORD_VERSION = 1;
const RECORD_EPOCH = 3;
const RECORD_SEQUENCE = 5;
const RECORD_LENGTH = 11;
/** Numbers of an epoch. */
export const SEQUENCES = 2 ** 48;
/** DTLS 1.0 and 1.2 are {254, 255} and {254, 253}. */
const VERSION_MAJOR = 0xfe;
const DTLS_1_0_MINOR = 0xff;

// RFC 6347 s4.2.2: type, length, message sequence, fragment offset and fragment length.
const MESSAGE_HEADER_BYTES = 12;
const MESSAGE_LENGTH = RECORD_HEADER_BYTES + 1;
const MESSAGE_SEQUENCE = RECORD_HEADER_BYTES + 4;
const FRAGMENT_OFFSET = RECORD_HEADER_BYTES + 6;
const FRAGMENT_LENGTH = RECORD_HEADER_BYTES + 9;
const CLIENT_HELLO = 1;
const HELLO_VERIFY_REQUEST = 3;

/** RFC 5246 s7.4.1.2: what stands in front of the cookie. */
const BODY = RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES;
const VERSION_AND_RANDOM_BYTES = 2 + 32;
const SESSION_ID_BYTES_MAX = 32;

/** Of SHA-256. */
export const COOKIE_BYTES = 32;

/** The version and the cookie, which has its length in front. */
const VERIFY_BODY_BYTES = 2 + 1 + COOKIE_BYTES;

/** 60: one less than the shortest ClientHello that `ClientHello.read` takes. */
export const HELLO_VERIFY_BYTES = BODY + VERIFY_BODY_BYTES;

/** The length of the record there with its header, or 0 when it does not lie within `length` whole. */
export function recordBytes(bytes: Uint8Array, offset: number, length: number): number {
  if (length < RECORD_HEADER_BYTES) return 0;
  const total = RECORD_HEADER_BYTES + read16(bytes, offset + RECORD_LENGTH);
  return total <= length ? total : 0;
}

export function recordEpoch(bytes: Uint8Array, offset: number): number {
  return read16(bytes, offset + RECORD_EPOCH);
}

/** The number of the record in its epoch: 48 bits. */
export function recordSequence(bytes: Uint8Array, offset: number): number {
  const high = read16(bytes, offset + RECORD_SEQUENCE);
  const middle = read16(bytes, offset + RECORD_SEQUENCE + 2);
  return (high * 0x1_0000 + middle) * 0x1_0000 + read16(bytes, offset + RECORD_SEQUENCE + 4);
}

/** Adds to the numbers of all records that are in the clear, which nothing authenticates. */
export function renumberRecords(
  bytes: Uint8Array,
  offset: number,
  length: number,
  shift: number,
): void {
  const end = offset + length;
  for (let at = offset, record = 0; at < end; at += record) {
    record = recordBytes(bytes, at, end - at);
    if (record === 0) return;
    if (recordEpoch(bytes, at) !== 0) continue;
    let sequence = (recordSequence(bytes, at) + shift) % SEQUENCES;
    for (let i = 5; i >= 0; i--) {
      bytes[at + RECORD_SEQUENCE + i] = sequence;
      sequence = Math.floor(sequence / 256);
    }
  }
}

/** Whether the record, whole and in the clear, begins a ClientHello. */
export function isClientHello(bytes: Uint8Array, offset: number, record: number): boolean {
  return (
    record >= BODY &&
    bytes[offset] === CONTENT_HANDSHAKE &&
    recordEpoch(bytes, offset) === 0 &&
    bytes[offset + RECORD_HEADER_BYTES] === CLIENT_HELLO &&
    read24(bytes, offset + FRAGMENT_OFFSET) === 0
  );
}

/** A reader that is used again and again. Its values are good until the next `read`. */
export class ClientHello {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the record begins, and how long it is. */
  offset = 0;
  record = 0;
  /** Of version, random and session id: what a cookie stands for beside the address. */
  parametersAt = 0;
  parametersLength = 0;
  cookieAt = 0;
  cookieLength = 0;
  messageSequence = 0;

  /**
   * Reads a record that `isClientHello`. A message in fragments will do if the first has all of the cookie. False:
   * it is none, or not one that a session could begin with.
   */
  read(bytes: Uint8Array, offset: number, record: number): boolean {
    if (bytes[offset + RECORD_VERSION] !== VERSION_MAJOR) return false;
    const fragment = read24(bytes, offset + FRAGMENT_LENGTH);
    // One message a record, as every client has it here; OpenSSL takes no other.
    if (fragment !== record - BODY) return false;
    if (fragment > read24(bytes, offset + MESSAGE_LENGTH)) return false;
    const end = offset + record;
    const body = offset + BODY;
    const sessionIdAt = body + VERSION_AND_RANDOM_BYTES;
    if (sessionIdAt >= end || bytes[body] !== VERSION_MAJOR) return false;
    const sessionId = bytes[sessionIdAt]!;
    const cookieLengthAt = sessionIdAt + 1 + sessionId;
    if (sessionId > SESSION_ID_BYTES_MAX || cookieLengthAt >= end) return false;
    const cookie = bytes[cookieLengthAt]!;
    if (cookieLengthAt + 1 + cookie > end) return false;
    this.bytes = bytes;
    this.offset = offset;
    this.record = record;
    this.parametersAt = body;
    this.parametersLength = VERSION_AND_RANDOM_BYTES + 1 + sessionId;
    this.cookieAt = cookieLengthAt + 1;
    this.cookieLength = cookie;
    this.messageSequence = read16(bytes, offset + MESSAGE_SEQUENCE);
    return true;
  }
}

/**
 * Writes a HelloVerifyRequest of HELLO_VERIFY_BYTES for that ClientHello, with the record's sequence number of the
 * question and the version of DTLS 1.0, as RFC 6347 s4.2.1 wants both; the message is the first of the server.
 */
export function writeHelloVerify(out: Uint8Array, hello: ClientHello, cookie: Uint8Array): void {
  out.fill(0, 0, BODY);
  out[0] = CONTENT_HANDSHAKE;
  out[RECORD_VERSION] = VERSION_MAJOR;
  out[RECORD_VERSION + 1] = DTLS_1_0_MINOR;
  // Epoch and sequence number.
  for (let i = RECORD_EPOCH; i < RECORD_LENGTH; i++) out[i] = hello.bytes[hello.offset + i]!;
  out[RECORD_LENGTH + 1] = MESSAGE_HEADER_BYTES + VERIFY_BODY_BYTES;
  out[RECORD_HEADER_BYTES] = HELLO_VERIFY_REQUEST;
  out[MESSAGE_LENGTH + 2] = VERIFY_BODY_BYTES;
  out[FRAGMENT_LENGTH + 2] = VERIFY_BODY_BYTES;
  out[BODY] = VERSION_MAJOR;
  out[BODY + 1] = DTLS_1_0_MINOR;
  out[BODY + 2] = COOKIE_BYTES;
  out.set(cookie, BODY + 3);
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function read24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | read16(bytes, at + 1);
}
