// What DTLS needs of OpenSSL, by FFI: the node executable exports the symbols of the OpenSSL that it was built with.
// Pointers are numbers; every object that a function returns is owned, and freed once, by a class beside this file.
// OpenSSL keeps its errors in a queue per thread, which Node's own crypto shares: callers leave it empty.
// Loaded on first use, so where the symbols are missing nothing but DTLS is.

import koffi, { type LibraryHandle } from 'koffi';
import type { Pointer } from './arena.ts';

/** Functions by their names in C; man pages of section 3 say what they return. */
export interface Openssl {
  OpenSSL_version_num(): number;
  OpenSSL_version(what: number): string;
  DTLS_method(): Pointer;
  SSL_CTX_new(method: Pointer): Pointer;
  SSL_CTX_free(context: Pointer): void;
  SSL_CTX_ctrl(context: Pointer, command: number, value: number, argument: Pointer): number;
  /** SSL_CTX_ctrl(3) with a string for its last argument. */
  SSL_CTX_ctrl_text(context: Pointer, command: number, value: number, text: string): number;
  SSL_CTX_set_options(context: Pointer, options: number): number;
  SSL_CTX_set_cipher_list(context: Pointer, list: string): number;
  SSL_CTX_use_certificate_ASN1(context: Pointer, length: number, der: Uint8Array): number;
  SSL_CTX_use_PrivateKey_ASN1(
    type: number,
    context: Pointer,
    der: Uint8Array,
    length: number,
  ): number;
  SSL_CTX_check_private_key(context: Pointer): number;
  SSL_CTX_set_verify(context: Pointer, mode: number, callback: Pointer): void;
  SSL_CTX_set_cookie_verify_cb(context: Pointer, callback: Pointer): void;
  SSL_CTX_set_cert_verify_callback(context: Pointer, callback: Pointer, argument: Pointer): void;
  SSL_CTX_set_tlsext_use_srtp(context: Pointer, profiles: string): number;
  SSL_new(context: Pointer): Pointer;
  SSL_free(ssl: Pointer): void;
  SSL_ctrl(ssl: Pointer, command: number, value: number, argument: Pointer): number;
  SSL_set_bio(ssl: Pointer, read: Pointer, write: Pointer): void;
  SSL_set_accept_state(ssl: Pointer): void;
  SSL_set_connect_state(ssl: Pointer): void;
  DTLS_set_timer_cb(ssl: Pointer, callback: Pointer): void;
  DTLSv1_listen(ssl: Pointer, peer: Pointer): number;
  SSL_do_handshake(ssl: Pointer): number;
  SSL_read(ssl: Pointer, bytes: Pointer, length: number): number;
  SSL_write(ssl: Pointer, bytes: Pointer, length: number): number;
  SSL_shutdown(ssl: Pointer): number;
  SSL_get_error(ssl: Pointer, result: number): number;
  SSL_get1_peer_certificate(ssl: Pointer): Pointer;
  SSL_get_selected_srtp_profile(ssl: Pointer): Pointer;
  SSL_get_current_cipher(ssl: Pointer): Pointer;
  /** `(NONE)` for no cipher. */
  SSL_CIPHER_get_name(cipher: Pointer): string;
  SSL_export_keying_material(
    ssl: Pointer,
    out: Pointer,
    length: number,
    label: string,
    labelLength: number,
    context: Pointer,
    contextLength: number,
    useContext: number,
  ): number;
  BIO_s_mem(): Pointer;
  BIO_new(method: Pointer): Pointer;
  BIO_free(bio: Pointer): number;
  BIO_read(bio: Pointer, bytes: Pointer, length: number): number;
  BIO_write(bio: Pointer, bytes: Pointer, length: number): number;
  BIO_ADDR_new(): Pointer;
  BIO_ADDR_free(address: Pointer): void;
  /** @param at the address of a pointer to the DER; @returns the certificate, or 0 */
  d2i_X509(into: Pointer, at: Pointer, length: number): Pointer;
  /** @param at the address of a pointer to where the DER goes, which is moved behind it; 0 asks for its length alone */
  i2d_X509(certificate: Pointer, at: Pointer): number;
  X509_digest(certificate: Pointer, hash: Pointer, out: Pointer, length: Pointer): number;
  X509_free(certificate: Pointer): void;
  EVP_sha256(): Pointer;
  EVP_sha384(): Pointer;
  EVP_sha512(): Pointer;
  ERR_clear_error(): void;
  ERR_peek_error(): number;
  ERR_reason_error_string(code: number): string | null;
  /** The address of a function that takes an X509_STORE_CTX and returns 1: see `DtlsContext`. */
  readonly acceptAnyChain: Pointer;
  /** The 32-bit word at an address that OpenSSL has returned. */
  wordAt(address: Pointer): number;
}

/** SSL_get1_peer_certificate and the provider API came with it. */
const OLDEST_MAJOR = 3;

let loaded: Openssl | undefined;

/** Throws an Error that says what is missing where Node's OpenSSL cannot be called. */
export function openssl(): Openssl {
  loaded ??= load();
  return loaded;
}

export type OpensslProbe = { usable: true; version: string } | { usable: false; reason: string };

/** Whether DTLS can work in this process, or why not. Never throws. */
export function probeOpenssl(): OpensslProbe {
  try {
    const f = openssl();
    return { usable: true, version: f.OpenSSL_version(0) };
  } catch (error) {
    return { usable: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function load(): Openssl {
  const library = koffi.load(null);
  const f = (prototype: string): ReturnType<LibraryHandle['func']> => {
    try {
      return library.func(prototype);
    } catch (error) {
      const name = /(\w+)\(/.exec(prototype)?.[1] ?? prototype;
      throw new Error(`this node executable exports no ${name} of OpenSSL`, { cause: error });
    }
  };
  const versionNumber: Openssl['OpenSSL_version_num'] = f('ulong OpenSSL_version_num()');
  const major = Math.floor(versionNumber() / 0x1000_0000);
  if (major < OLDEST_MAJOR) {
    throw new Error(`this node executable has OpenSSL ${major}; ${OLDEST_MAJOR} is the oldest`);
  }
  return {
    OpenSSL_version_num: versionNumber,
    OpenSSL_version: f('str OpenSSL_version(int)'),
    DTLS_method: f('uint64 DTLS_method()'),
    SSL_CTX_new: f('uint64 SSL_CTX_new(uint64)'),
    SSL_CTX_free: f('void SSL_CTX_free(uint64)'),
    SSL_CTX_ctrl: f('long SSL_CTX_ctrl(uint64, int, long, uint64)'),
    SSL_CTX_ctrl_text: f('long SSL_CTX_ctrl(uint64, int, long, str)'),
    SSL_CTX_set_options: f('uint64 SSL_CTX_set_options(uint64, uint64)'),
    SSL_CTX_set_cipher_list: f('int SSL_CTX_set_cipher_list(uint64, str)'),
    SSL_CTX_use_certificate_ASN1: f('int SSL_CTX_use_certificate_ASN1(uint64, int, uint8_t *)'),
    SSL_CTX_use_PrivateKey_ASN1: f('int SSL_CTX_use_PrivateKey_ASN1(int, uint64, uint8_t *, long)'),
    SSL_CTX_check_private_key: f('int SSL_CTX_check_private_key(uint64)'),
    SSL_CTX_set_verify: f('void SSL_CTX_set_verify(uint64, int, uint64)'),
    SSL_CTX_set_cookie_verify_cb: f('void SSL_CTX_set_cookie_verify_cb(uint64, uint64)'),
    SSL_CTX_set_cert_verify_callback: f(
      'void SSL_CTX_set_cert_verify_callback(uint64, uint64, uint64)',
    ),
    SSL_CTX_set_tlsext_use_srtp: f('int SSL_CTX_set_tlsext_use_srtp(uint64, str)'),
    SSL_new: f('uint64 SSL_new(uint64)'),
    SSL_free: f('void SSL_free(uint64)'),
    SSL_ctrl: f('long SSL_ctrl(uint64, int, long, uint64)'),
    SSL_set_bio: f('void SSL_set_bio(uint64, uint64, uint64)'),
    SSL_set_accept_state: f('void SSL_set_accept_state(uint64)'),
    SSL_set_connect_state: f('void SSL_set_connect_state(uint64)'),
    DTLS_set_timer_cb: f('void DTLS_set_timer_cb(uint64, uint64)'),
    DTLSv1_listen: f('int DTLSv1_listen(uint64, uint64)'),
    SSL_do_handshake: f('int SSL_do_handshake(uint64)'),
    SSL_read: f('int SSL_read(uint64, uint64, int)'),
    SSL_write: f('int SSL_write(uint64, uint64, int)'),
    SSL_shutdown: f('int SSL_shutdown(uint64)'),
    SSL_get_error: f('int SSL_get_error(uint64, int)'),
    SSL_get1_peer_certificate: f('uint64 SSL_get1_peer_certificate(uint64)'),
    SSL_get_selected_srtp_profile: f('uint64 SSL_get_selected_srtp_profile(uint64)'),
    SSL_get_current_cipher: f('uint64 SSL_get_current_cipher(uint64)'),
    SSL_CIPHER_get_name: f('str SSL_CIPHER_get_name(uint64)'),
    SSL_export_keying_material: f(
      'int SSL_export_keying_material(uint64, uint64, size_t, str, size_t, uint64, size_t, int)',
    ),
    BIO_s_mem: f('uint64 BIO_s_mem()'),
    BIO_new: f('uint64 BIO_new(uint64)'),
    BIO_free: f('int BIO_free(uint64)'),
    BIO_read: f('int BIO_read(uint64, uint64, int)'),
    BIO_write: f('int BIO_write(uint64, uint64, int)'),
    BIO_ADDR_new: f('uint64 BIO_ADDR_new()'),
    BIO_ADDR_free: f('void BIO_ADDR_free(uint64)'),
    d2i_X509: f('uint64 d2i_X509(uint64, uint64, long)'),
    i2d_X509: f('int i2d_X509(uint64, uint64)'),
    X509_digest: f('int X509_digest(uint64, uint64, uint64, uint64)'),
    X509_free: f('void X509_free(uint64)'),
    EVP_sha256: f('uint64 EVP_sha256()'),
    EVP_sha384: f('uint64 EVP_sha384()'),
    EVP_sha512: f('uint64 EVP_sha512()'),
    ERR_clear_error: f('void ERR_clear_error()'),
    ERR_peek_error: f('ulong ERR_peek_error()'),
    ERR_reason_error_string: f('str ERR_reason_error_string(ulong)'),
    acceptAnyChain: addressOf(library, 'X509_STORE_CTX_set_trust'),
    wordAt: (address) => koffi.decode.uint32(address),
  };
}

function addressOf(library: LibraryHandle, name: string): Pointer {
  const address: unknown = library.symbol(name);
  if (typeof address !== 'bigint') throw new Error(`this node executable exports no ${name}`);
  return Number(address);
}
