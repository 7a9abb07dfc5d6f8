// One DTLS association (RFC 6347) in OpenSSL, between two memory BIOs: datagrams go in and come out, without a socket.
// Owns the SSL, and with it the BIOs. OpenSSL reads the machine's clock for its retransmission timer by itself.
// Called by: the DTLS transport of the SFU, the DTLS clients of TURN. Allocates: in OpenSSL, during the handshake.

import { strict as assert } from 'node:assert';
import koffi from 'koffi';
import type { Pointer } from './arena.ts';
import { copyBytes } from '../net/copy-bytes.ts';
import {
  INPUT_BYTES_MAX,
  PLAINTEXT_BYTES_MAX,
  takeError,
  type DtlsContext,
} from './dtls-context.ts';
import type { Openssl } from './openssl.ts';

// openssl/ssl.h
const SSL_CTRL_SET_MTU = 17;
const DTLS_CTRL_GET_TIMEOUT = 73;
const DTLS_CTRL_HANDLE_TIMEOUT = 74;
const SSL_ERROR_NONE = 0;
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;

/** content type, version, epoch, sequence number, length (RFC 6347 s4.1). */
export const RECORD_HEADER_BYTES = 13;
/** Where a record has its length. */
export const RECORD_LENGTH = 11;

/** SRTP_PROTECTION_PROFILE of openssl/srtp.h: a string, then the number. */
const PROFILE_ID = koffi.sizeof('void *');
/** struct timeval: its microseconds. On Windows both are 32-bit longs. */
const TIMEVAL_USEC = koffi.sizeof('long');

/** EVP_MAX_MD_SIZE. */
const DIGEST_BYTES_MAX = 64;

/** As Arena writes one. */
const POINTER_BYTES = 8;

/** RFC 5764 s4.2. */
const SRTP_EXPORTER_LABEL = 'EXTRACTOR-dtls_srtp';

export type DtlsRole = 'client' | 'server';

/** `again`: a datagram is missing; `closed`: the peer has sent close_notify; `failed`: see `failure`. */
export type DtlsStep = 'done' | 'again' | 'closed' | 'failed';

/** Hash functions that a certificate may be known by. */
export type DtlsHash = 'sha-256' | 'sha-384' | 'sha-512';

const EVP_OF = {
  'sha-256': 'EVP_sha256',
  'sha-384': 'EVP_sha384',
  'sha-512': 'EVP_sha512',
} as const satisfies Record<DtlsHash, keyof Openssl>;

export interface DatagramSink {
  /** The bytes are valid during the call alone. */
  send(bytes: Uint8Array, offset: number, length: number): void;
}

export class DtlsSession {
  readonly #context: DtlsContext;
  readonly #f: Openssl;
  #ssl: Pointer;
  /** What OpenSSL reads, and what it writes. The SSL frees them. */
  readonly #incoming: Pointer;
  readonly #outgoing: Pointer;
  /** Why the last step has failed, in OpenSSL's words. */
  failure = '';
  /** How the last `read` ended. */
  step: DtlsStep = 'again';

  /** Throws where OpenSSL has no memory. */
  constructor(context: DtlsContext, role: DtlsRole) {
    const { f } = context;
    context.retain();
    this.#context = context;
    this.#f = f;
    this.#ssl = f.SSL_new(context.pointer);
    this.#incoming = f.BIO_new(f.BIO_s_mem());
    this.#outgoing = f.BIO_new(f.BIO_s_mem());
    if (this.#ssl === 0 || this.#incoming === 0 || this.#outgoing === 0) {
      f.SSL_free(this.#ssl);
      f.BIO_free(this.#incoming);
      f.BIO_free(this.#outgoing);
      context.release();
      throw new Error(`OpenSSL: no DTLS session: ${takeError(f)}`);
    }
    f.SSL_set_bio(this.#ssl, this.#incoming, this.#outgoing);
    f.SSL_ctrl(this.#ssl, SSL_CTRL_SET_MTU, context.datagramBytesMax, 0);
    f.DTLS_set_timer_cb(this.#ssl, context.timerCallback);
    if (role === 'server') f.SSL_set_accept_state(this.#ssl);
    else f.SSL_set_connect_state(this.#ssl);
  }

  /** OpenSSL would read at address 0. */
  get #live(): Pointer {
    assert(this.#ssl !== 0, 'the DTLS session has been freed');
    return this.#ssl;
  }

  /** A datagram from the peer, of INPUT_BYTES_MAX at most. A memory BIO keeps no borders: step after each. */
  put(bytes: Uint8Array, offset: number, length: number): void {
    assert(this.#live > 0);
    assert(length <= INPUT_BYTES_MAX, 'the datagram is too long');
    const { input } = this.#context;
    copyBytes(input.bytes, 0, bytes, offset, length);
    this.#f.BIO_write(this.#incoming, input.base, length);
  }

  /**
   * Takes the ClientHello that was put as the answer to a HelloVerifyRequest (RFC 6347 s4.2.1) which the caller has
   * sent, and whose cookie it has found good. A server's first step, then; `done` and the handshake may go on.
   */
  listen(): DtlsStep {
    this.#f.ERR_clear_error();
    const taken = this.#f.DTLSv1_listen(this.#live, this.#context.peerAddress);
    this.failure = takeError(this.#f);
    return taken === 1 ? 'done' : 'failed';
  }

  /** Goes on with the handshake; `done` when it is finished. */
  handshake(): DtlsStep {
    this.#f.ERR_clear_error();
    return this.#step(this.#f.SSL_do_handshake(this.#live));
  }

  /** Reads a record once the handshake is done; `done` when it was application data, which is thrown away. */
  skip(): DtlsStep {
    const { input } = this.#context;
    this.#f.ERR_clear_error();
    return this.#step(this.#f.SSL_read(this.#live, input.base, INPUT_BYTES_MAX));
  }

  /**
   * Reads a record once the handshake is done: the application data that lies in the context's `input` then; 0 when
   * there is none, and `step` says why.
   */
  read(): number {
    const { input } = this.#context;
    this.#f.ERR_clear_error();
    const length = this.#f.SSL_read(this.#live, input.base, INPUT_BYTES_MAX);
    this.step = this.#step(length);
    return Math.max(0, length);
  }

  /** Writes a record of what lies in the context's `plaintext`, once the handshake is done. False: the session is over. */
  write(length: number): boolean {
    assert(length <= PLAINTEXT_BYTES_MAX, 'the record is too long');
    return this.#f.SSL_write(this.#live, this.#context.plaintext.base, length) === length;
  }

  /** Sends close_notify (RFC 5246 s7.2.1), if the handshake is done. */
  shutdown(): void {
    this.#f.ERR_clear_error();
    this.#f.SSL_shutdown(this.#live);
    this.#f.ERR_clear_error();
  }

  #step(result: number): DtlsStep {
    const error = result > 0 ? SSL_ERROR_NONE : this.#f.SSL_get_error(this.#live, result);
    if (error === SSL_ERROR_NONE || error === SSL_ERROR_WANT_READ) {
      this.#f.ERR_clear_error();
      return error === SSL_ERROR_NONE ? 'done' : 'again';
    }
    this.failure = takeError(this.#f);
    return error === SSL_ERROR_ZERO_RETURN ? 'closed' : 'failed';
  }

  /** Milliseconds until `handleTimeout` has something to do; Infinity when nothing waits for an answer. */
  timeoutMs(): number {
    const { input } = this.#context;
    input.u32.fill(0, 0, 4);
    if (this.#f.SSL_ctrl(this.#live, DTLS_CTRL_GET_TIMEOUT, 0, input.base) !== 1) return Infinity;
    const seconds = input.u32[0] ?? 0;
    const microseconds = input.u32[TIMEVAL_USEC >> 2] ?? 0;
    return Math.ceil(seconds * 1000 + microseconds / 1000);
  }

  /** Sends the last flight again if it is time, by the clock of the machine (RFC 6347 s4.2.4). */
  handleTimeout(): DtlsStep {
    this.#f.ERR_clear_error();
    const handled = this.#f.SSL_ctrl(this.#live, DTLS_CTRL_HANDLE_TIMEOUT, 0, 0);
    this.failure = takeError(this.#f);
    return handled < 0 ? 'failed' : 'again';
  }

  /**
   * Sends what OpenSSL has written: records, put together into datagrams (RFC 6347 s4.1.1 allows any number of
   * records in one). Stops when the sink frees the session.
   */
  flush(sink: DatagramSink): void {
    const { output, datagramBytesMax } = this.#context;
    const { bytes } = output;
    let used = 0;
    while (this.#ssl !== 0) {
      if (this.#take(used, RECORD_HEADER_BYTES) < RECORD_HEADER_BYTES) break;
      const length =
        ((bytes[used + RECORD_LENGTH] ?? 0) << 8) | (bytes[used + RECORD_LENGTH + 1] ?? 0);
      if (used > 0 && used + RECORD_HEADER_BYTES + length > datagramBytesMax) {
        sink.send(bytes, 0, used);
        if (this.#ssl === 0) return;
        bytes.copyWithin(0, used, used + RECORD_HEADER_BYTES);
        used = 0;
      }
      this.#take(used + RECORD_HEADER_BYTES, length);
      used += RECORD_HEADER_BYTES + length;
    }
    if (used > 0) sink.send(bytes, 0, used);
  }

  #take(offset: number, length: number): number {
    return this.#f.BIO_read(this.#outgoing, this.#context.output.at(offset), length);
  }

  /** The hash of the peer's certificate, or undefined if it has shown none. */
  peerCertificateDigest(hash: DtlsHash): Uint8Array | undefined {
    const f = this.#f;
    const { input } = this.#context;
    const certificate = f.SSL_get1_peer_certificate(this.#live);
    if (certificate === 0) return undefined;
    const made = f.X509_digest(
      certificate,
      f[EVP_OF[hash]](),
      input.base,
      input.at(DIGEST_BYTES_MAX),
    );
    f.X509_free(certificate);
    f.ERR_clear_error();
    return made === 1 ? input.bytes.slice(0, input.u32[DIGEST_BYTES_MAX >> 2]) : undefined;
  }

  /** The peer's certificate, DER, or undefined if it has shown none. */
  peerCertificate(): Uint8Array | undefined {
    const f = this.#f;
    const { input } = this.#context;
    const certificate = f.SSL_get1_peer_certificate(this.#live);
    if (certificate === 0) return undefined;
    const length = f.i2d_X509(certificate, 0);
    const fits = length > 0 && length <= input.bytes.length - POINTER_BYTES;
    if (fits) {
      input.writePointer(0, input, POINTER_BYTES);
      f.i2d_X509(certificate, input.base);
    }
    f.X509_free(certificate);
    f.ERR_clear_error();
    return fits ? input.bytes.slice(POINTER_BYTES, POINTER_BYTES + length) : undefined;
  }

  /** The number of the SRTP protection profile that was agreed on (RFC 5764 s4.1.2), or 0. */
  srtpProfile(): number {
    const profile = this.#f.SSL_get_selected_srtp_profile(this.#live);
    return profile === 0 ? 0 : this.#f.wordAt(profile + PROFILE_ID);
  }

  /** The cipher suite, by OpenSSL's name. */
  cipher(): string {
    return this.#f.SSL_CIPHER_get_name(this.#f.SSL_get_current_cipher(this.#live));
  }

  /** Keying material for SRTP (RFC 5764 s4.2), of 256 bytes at most. The caller wipes it. */
  exportSrtpKeys(length: number): Uint8Array {
    const { input } = this.#context;
    const made = this.#f.SSL_export_keying_material(
      this.#live,
      input.base,
      length,
      SRTP_EXPORTER_LABEL,
      SRTP_EXPORTER_LABEL.length,
      0,
      0,
      0,
    );
    const material = input.bytes.slice(0, length);
    input.bytes.fill(0, 0, length);
    this.#f.ERR_clear_error();
    assert.equal(made, 1, 'the handshake is done, so OpenSSL has keys');
    return material;
  }

  /** Without a word to the peer. Idempotent. */
  free(): void {
    if (this.#ssl === 0) return;
    this.#f.SSL_free(this.#ssl);
    this.#f.ERR_clear_error();
    this.#ssl = 0;
    this.#context.release();
  }
}
