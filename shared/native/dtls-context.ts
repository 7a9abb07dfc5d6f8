// What the DTLS sessions of one thread have in common: an SSL_CTX of OpenSSL for DTLS 1.2 (RFC 6347), in either role.
// Owns the SSL_CTX, the retransmission timer's callback and the memory that datagrams pass through; freed after
// its sessions. One a thread: a callback runs only in the thread that registered it.

import { strict as assert } from 'node:assert';
import koffi from 'koffi';
import { Arena, type Pointer } from './arena.ts';
import { openssl, type Openssl } from './openssl.ts';

// Commands and options of openssl/ssl.h; the same numbers in OpenSSL 3.0 and 3.5.
const SSL_CTRL_EXTRA_CHAIN_CERT = 14;
const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
const SSL_CTRL_SET_MAX_CERT_LIST = 51;
const SSL_CTRL_SET_MAX_SEND_FRAGMENT = 52;
const SSL_CTRL_SET_GROUPS_LIST = 92;
const SSL_CTRL_SET_SIGALGS_LIST = 98;
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
const SSL_SESS_CACHE_OFF = 0;
const SSL_OP_NO_QUERY_MTU = 2 ** 12;
const SSL_OP_NO_TICKET = 2 ** 14;
const SSL_OP_NO_COMPRESSION = 2 ** 17;
const SSL_OP_CIPHER_SERVER_PREFERENCE = 2 ** 22;
const SSL_OP_NO_RENEGOTIATION = 2 ** 30;
const SSL_VERIFY_PEER = 1;
const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;
const EVP_PKEY = { rsa: 6, ec: 408 } as const;
const DTLS1_2_VERSION = 0xfefd;

/** ECDHE with an AEAD alone (RFC 8827 s6.5, RFC 8489 s6.2.3), for either kind of key. */
const CIPHERS = ['ECDSA', 'RSA']
  .flatMap((key) =>
    ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].map(
      (cipher) => `ECDHE-${key}-${cipher}`,
    ),
  )
  .join(':');
const GROUPS = 'X25519:P-256:P-384';
/** No SHA-1 (RFC 9155). */
const SIGNATURE_ALGORITHMS =
  'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512';

/** A peer's certificates in all; with it OpenSSL bounds every handshake message that it reassembles. */
const CERTIFICATES_BYTES_MAX = 16_384;
/** The least that OpenSSL takes for the length of what a record carries. */
const FRAGMENT_BYTES_MIN = 512;
/** The longest record there is, with its header (RFC 6347 s4.1, RFC 5246 s6.2.3): 13 + 2^14 + 2048. */
export const INPUT_BYTES_MAX = 18_445;
/** Holds any record that can be written, whatever the length in its header: 13 + 2^16 - 1. */
const OUTPUT_BYTES = 65_552;
/** The longest application data of a record (RFC 6347 s4.1 and RFC 5246 s6.2.1: 2^14). */
export const PLAINTEXT_BYTES_MAX = 16_384;
/** RFC 6347 s4.2.4.1. */
const RETRANSMIT_US_MAX = 60_000_000;

export interface DtlsContextOptions {
  /** X.509, DER. */
  readonly certificate: Uint8Array;
  /** What stands between the certificate and a root that peers know: X.509, DER, in order; none by default. */
  readonly chain?: readonly Uint8Array[];
  /** The certificate's key, as PKCS #8, or as SEC 1 where it is an EC one; DER. */
  readonly privateKey: Uint8Array;
  /** EC where it is not said. */
  readonly keyType?: 'ec' | 'rsa';
  /**
   * For media: protection profiles to offer or accept (RFC 5764), by OpenSSL's names, the best first, with colons
   * between. Peers must show a certificate. Without it sessions carry data of the application, and clients show none.
   */
  readonly srtpProfiles?: string;
  /** The longest datagram to send of a handshake. */
  readonly datagramBytesMax: number;
  /** The first retransmission of a flight comes after so long; the time doubles from there. 20 at least. */
  readonly retransmitMs: number;
}

export class DtlsContext {
  readonly f: Openssl;
  readonly pointer: Pointer;
  readonly timerCallback: Pointer;
  readonly datagramBytesMax: number;
  /** Where a datagram lies while OpenSSL takes it in, and other answers of OpenSSL. */
  readonly input = new Arena(INPUT_BYTES_MAX);
  /** Where a datagram is put together from what OpenSSL wrote. */
  readonly output = new Arena(OUTPUT_BYTES);
  /** Where application data is put together that OpenSSL shall write. */
  readonly plaintext = new Arena(PLAINTEXT_BYTES_MAX);
  /** A BIO_ADDR, where DTLSv1_listen says who the peer is; a memory BIO does not know. */
  readonly peerAddress: Pointer;
  readonly #callbacks: readonly bigint[];
  #sessions = 0;
  #freed = false;

  /** Throws an Error where OpenSSL cannot be called or refuses the certificate, the key or a profile. */
  constructor(options: DtlsContextOptions) {
    assert(options.retransmitMs >= 20, 'OpenSSL takes less than 15 ms for none');
    this.f = openssl();
    this.datagramBytesMax = options.datagramBytesMax;
    this.pointer = this.f.SSL_CTX_new(this.f.DTLS_method());
    this.peerAddress = this.f.BIO_ADDR_new();
    try {
      this.#configure(options);
    } catch (error) {
      this.#freeMemory();
      throw error;
    }
    const firstUs = options.retransmitMs * 1000;
    const next = (_ssl: Pointer, lastUs: number): number =>
      lastUs === 0 ? firstUs : Math.min(2 * lastUs, RETRANSMIT_US_MAX);
    const timer = koffi.register(next, koffi.pointer(koffi.proto('uint', ['uint64', 'uint'])));
    // Whoever calls `DtlsSession.listen` has looked at the cookie.
    const verify = koffi.register(
      () => 1,
      koffi.pointer(koffi.proto('int', ['uint64', 'uint64', 'uint'])),
    );
    this.#callbacks = [timer, verify];
    this.timerCallback = Number(timer);
    this.f.SSL_CTX_set_cookie_verify_cb(this.pointer, Number(verify));
  }

  #configure(options: DtlsContextOptions): void {
    const { f, pointer, datagramBytesMax } = this;
    const { srtpProfiles } = options;
    this.#require(pointer !== 0 && this.peerAddress !== 0, 'no DTLS');
    f.SSL_CTX_set_options(
      pointer,
      SSL_OP_NO_QUERY_MTU +
        SSL_OP_NO_TICKET +
        SSL_OP_NO_COMPRESSION +
        SSL_OP_CIPHER_SERVER_PREFERENCE +
        SSL_OP_NO_RENEGOTIATION,
    );
    // No session of media needs a buffer for records of 16 KiB: 15 KB less for each, with OpenSSL 3.0. Others do:
    // OpenSSL looks at no length when it copies application data there.
    const fragment =
      srtpProfiles === undefined
        ? PLAINTEXT_BYTES_MAX
        : Math.max(FRAGMENT_BYTES_MIN, datagramBytesMax);
    f.SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_SEND_FRAGMENT, fragment, 0);
    f.SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, 0);
    f.SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_CERT_LIST, CERTIFICATES_BYTES_MAX, 0);
    for (const command of [SSL_CTRL_SET_MIN_PROTO_VERSION, SSL_CTRL_SET_MAX_PROTO_VERSION]) {
      this.#require(f.SSL_CTX_ctrl(pointer, command, DTLS1_2_VERSION, 0) === 1, 'no DTLS 1.2');
    }
    this.#require(f.SSL_CTX_set_cipher_list(pointer, CIPHERS) === 1, 'no cipher');
    for (const [command, list] of [
      [SSL_CTRL_SET_GROUPS_LIST, GROUPS],
      [SSL_CTRL_SET_SIGALGS_LIST, SIGNATURE_ALGORITHMS],
    ] as const) {
      this.#require(f.SSL_CTX_ctrl_text(pointer, command, 0, list) === 1, `no ${list}`);
    }
    this.#identify(options);
    if (srtpProfiles === undefined) return;
    // A self-signed certificate is known by its fingerprint (RFC 8827 s6.5), which the owner of the session compares:
    // the peer must show one, and no chain is looked for. To look at none takes a callback; X509_STORE_CTX_set_trust
    // with a trust of 0 (the null pointer that comes with the chain) changes nothing and returns 1.
    f.SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER + SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
    f.SSL_CTX_set_cert_verify_callback(pointer, f.acceptAnyChain, 0);
    // The one function of OpenSSL that returns 0 for success.
    this.#require(f.SSL_CTX_set_tlsext_use_srtp(pointer, srtpProfiles) === 0, 'no SRTP profile');
  }

  #identify({ certificate, chain = [], privateKey, keyType = 'ec' }: DtlsContextOptions): void {
    const { f, pointer } = this;
    const type = EVP_PKEY[keyType];
    this.#require(
      f.SSL_CTX_use_certificate_ASN1(pointer, certificate.length, certificate) === 1 &&
        f.SSL_CTX_use_PrivateKey_ASN1(type, pointer, privateKey, privateKey.length) === 1 &&
        f.SSL_CTX_check_private_key(pointer) === 1,
      'certificate or key refused',
    );
    for (const der of chain) {
      const arena = new Arena(8 + der.length);
      arena.bytes.set(der, 8);
      arena.writePointer(0, arena, 8);
      const issuer = f.d2i_X509(0, arena.base, der.length);
      arena.free();
      // The context owns it from here.
      const taken =
        issuer !== 0 && f.SSL_CTX_ctrl(pointer, SSL_CTRL_EXTRA_CHAIN_CERT, 0, issuer) === 1;
      if (!taken && issuer !== 0) f.X509_free(issuer);
      this.#require(taken, 'a certificate of the chain refused');
    }
  }

  #require(holds: boolean, what: string): void {
    if (!holds) throw new Error(`OpenSSL: ${what}: ${takeError(this.f)}`);
  }

  /** For sessions alone: a context outlives those that use it. */
  retain(): void {
    assert(!this.#freed, 'the DTLS context has been freed');
    this.#sessions++;
  }

  release(): void {
    this.#sessions--;
  }

  /** Sessions that have not been freed. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Idempotent. Its sessions must have been freed. */
  free(): void {
    if (this.#freed) return;
    assert.equal(this.#sessions, 0, 'DTLS sessions outlive their context');
    this.#freed = true;
    this.#freeMemory();
    for (const callback of this.#callbacks) koffi.unregister(callback);
  }

  #freeMemory(): void {
    this.f.SSL_CTX_free(this.pointer);
    this.f.BIO_ADDR_free(this.peerAddress);
    this.input.free();
    this.output.free();
    this.plaintext.free();
  }
}

/** What OpenSSL has to say about the last failure in this thread; empties its queue. */
export function takeError(f: Openssl): string {
  const code = f.ERR_peek_error();
  const reason = code === 0 ? null : f.ERR_reason_error_string(code);
  f.ERR_clear_error();
  return reason ?? `error ${code}`;
}
