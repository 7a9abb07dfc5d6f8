// The ciphers of OpenSSL that SRTP needs, by FFI: the node executable exports its own OpenSSL's symbols.
// A context has its key set once; a packet changes the IV alone. All bytes lie in arenas, whose addresses are
// numbers, so a call costs 30 ns beside the cipher. Callers check lengths: what is outside an arena is not ours.
// Allocates: nothing per packet.

import koffi from 'koffi';
import { Arena, type Pointer } from './arena.ts';

export const AES_128_KEY_BYTES = 16;
/** The IV that AES-GCM takes here (NIST SP 800-38D s8.2). */
export const GCM_IV_BYTES = 12;
export const GCM_TAG_BYTES = 16;
/** The initial counter block of AES-CTR. */
export const CTR_IV_BYTES = 16;
export const SHA1_BYTES = 20;

const HMAC_KEY_BYTES_MAX = 64;

interface Functions {
  EVP_CIPHER_CTX_new(): Pointer;
  EVP_CIPHER_CTX_free(context: Pointer): void;
  EVP_aes_128_gcm(): Pointer;
  EVP_aes_128_ctr(): Pointer;
  EVP_EncryptInit_ex(
    context: Pointer,
    cipher: Pointer,
    engine: Pointer,
    key: Pointer,
    iv: Pointer,
  ): number;
  EVP_DecryptInit_ex2(
    context: Pointer,
    cipher: Pointer,
    key: Pointer,
    iv: Pointer,
    params: Pointer,
  ): number;
  EVP_EncryptUpdate(
    context: Pointer,
    out: Pointer,
    outLength: Pointer,
    input: Pointer,
    length: number,
  ): number;
  EVP_DecryptUpdate(
    context: Pointer,
    out: Pointer,
    outLength: Pointer,
    input: Pointer,
    length: number,
  ): number;
  EVP_EncryptFinal_ex(context: Pointer, out: Pointer, outLength: Pointer): number;
  EVP_DecryptFinal_ex(context: Pointer, out: Pointer, outLength: Pointer): number;
  EVP_CIPHER_CTX_get_params(context: Pointer, params: Pointer): number;
  EVP_MAC_fetch(library: Pointer, algorithm: string, properties: null): Pointer;
  EVP_MAC_CTX_new(mac: Pointer): Pointer;
  EVP_MAC_CTX_free(context: Pointer): void;
  EVP_MAC_init(context: Pointer, key: Pointer, keyLength: number, params: Pointer): number;
  EVP_MAC_update(context: Pointer, input: Pointer, length: number): number;
  EVP_MAC_final(context: Pointer, out: Pointer, outLength: Pointer, room: number): number;
  CRYPTO_memcmp(one: Pointer, other: Pointer, length: number): number;
}

// Where things lie in the scratch arena of a thread.
const IV = 0;
const KEY = 16;
const DIGEST = KEY + HMAC_KEY_BYTES_MAX;
const OUT_LENGTH = DIGEST + 24;
const LAST_BLOCK = OUT_LENGTH + 8;
const TAG_NAME = LAST_BLOCK + 16;
const DIGEST_NAME = TAG_NAME + 8;
const SHA1_NAME = DIGEST_NAME + 8;
const TAG_PARAMS = SHA1_NAME + 8;
/** struct OSSL_PARAM: key, data_type (4, padded to 8), data, data_size, return_size. */
const PARAM_BYTES = 40;
const DIGEST_PARAMS = TAG_PARAMS + 2 * PARAM_BYTES;
const SCRATCH_BYTES = DIGEST_PARAMS + 2 * PARAM_BYTES;

/** OSSL_PARAM_UTF8_STRING and OSSL_PARAM_OCTET_STRING (openssl/core.h). */
const PARAM_UTF8_STRING = 4;
const PARAM_OCTET_STRING = 5;
const PARAM_DATA = 16;

/** What one thread needs of OpenSSL. Lives as long as the thread. */
class Evp {
  readonly f: Functions;
  readonly scratch: Arena;
  readonly gcm: Pointer;
  readonly ctr: Pointer;
  readonly hmac: Pointer;
  readonly iv: Pointer;
  readonly digest: Pointer;
  readonly outLength: Pointer;
  readonly lastBlock: Pointer;
  readonly tagParams: Pointer;
  readonly digestParams: Pointer;

  constructor() {
    this.f = load();
    const scratch = new Arena(SCRATCH_BYTES);
    this.scratch = scratch;
    this.iv = scratch.at(IV);
    this.digest = scratch.at(DIGEST);
    this.outLength = scratch.at(OUT_LENGTH);
    this.lastBlock = scratch.at(LAST_BLOCK);
    this.tagParams = scratch.at(TAG_PARAMS);
    this.digestParams = scratch.at(DIGEST_PARAMS);
    // OSSL_CIPHER_PARAM_AEAD_TAG; OSSL_MAC_PARAM_DIGEST. A parameter of no key ends each list.
    writeParam(scratch, TAG_PARAMS, TAG_NAME, 'tag', PARAM_OCTET_STRING, 0, GCM_TAG_BYTES);
    writeText(scratch, SHA1_NAME, 'SHA1');
    writeParam(scratch, DIGEST_PARAMS, DIGEST_NAME, 'digest', PARAM_UTF8_STRING, SHA1_NAME, 4);
    this.gcm = this.f.EVP_aes_128_gcm();
    this.ctr = this.f.EVP_aes_128_ctr();
    this.hmac = present(this.f.EVP_MAC_fetch(0, 'HMAC', null));
  }

  cipherContext(cipher: Pointer, key: Uint8Array, encrypts: boolean): Pointer {
    if (key.length !== AES_128_KEY_BYTES) throw new Error('an AES-128 key has 16 bytes');
    const context = present(this.f.EVP_CIPHER_CTX_new());
    const at = this.#putKey(key);
    const set = encrypts
      ? this.f.EVP_EncryptInit_ex(context, cipher, 0, at, 0)
      : this.f.EVP_DecryptInit_ex2(context, cipher, at, 0, 0);
    this.#wipeKey();
    done(set);
    return context;
  }

  macContext(key: Uint8Array): Pointer {
    if (key.length === 0 || key.length > HMAC_KEY_BYTES_MAX) throw new Error('no such HMAC key');
    const context = present(this.f.EVP_MAC_CTX_new(this.hmac));
    const set = this.f.EVP_MAC_init(context, this.#putKey(key), key.length, this.digestParams);
    this.#wipeKey();
    done(set);
    return context;
  }

  /** Where the tag of the next GCM operation lies. */
  pointTag(arena: Arena, offset: number): void {
    this.scratch.writePointer(TAG_PARAMS + PARAM_DATA, arena, offset);
  }

  #putKey(key: Uint8Array): Pointer {
    this.scratch.bytes.set(key, KEY);
    return this.scratch.at(KEY);
  }

  #wipeKey(): void {
    this.scratch.bytes.fill(0, KEY, KEY + HMAC_KEY_BYTES_MAX);
  }
}

let loaded: Evp | undefined;

function evp(): Evp {
  loaded ??= new Evp();
  return loaded;
}

/** 16 bytes, written before each operation of this thread: the IV of a packet (12 bytes for GCM). */
export function packetIv(): Uint8Array {
  return evp().scratch.bytes.subarray(IV, IV + CTR_IV_BYTES);
}

/** AES-128-GCM with one key (NIST SP 800-38D), either to seal or to open. */
export class AesGcm {
  readonly #evp = evp();
  /** Undefined at first keeps it an object of the heap, as in `Arena.addresses`: OpenSSL's own memory lies high. */
  #context: Pointer | undefined = undefined;

  constructor(key: Uint8Array, seals: boolean) {
    this.#context = this.#evp.cipherContext(this.#evp.gcm, key, seals);
  }

  /** Encrypts `length` bytes with `packetIv`, to the same place or to one that does not overlap; writes the tag at `tagAt` of `tagIn`. */
  seal(
    aad: Pointer,
    aadLength: number,
    from: Pointer,
    to: Pointer,
    length: number,
    tagIn: Arena,
    tagAt: number,
  ): void {
    const { f, iv, outLength, lastBlock, tagParams } = this.#evp;
    const context = present(this.#context);
    this.#evp.pointTag(tagIn, tagAt);
    done(
      f.EVP_EncryptInit_ex(context, 0, 0, 0, iv) &
        f.EVP_EncryptUpdate(context, 0, outLength, aad, aadLength) &
        f.EVP_EncryptUpdate(context, to, outLength, from, length) &
        f.EVP_EncryptFinal_ex(context, lastBlock, outLength) &
        f.EVP_CIPHER_CTX_get_params(context, tagParams),
    );
  }

  /** Decrypts as `seal` encrypts; false when the tag is wrong, and then what was written means nothing. */
  open(
    aad: Pointer,
    aadLength: number,
    from: Pointer,
    to: Pointer,
    length: number,
    tagIn: Arena,
    tagAt: number,
  ): boolean {
    const { f, iv, outLength, lastBlock, tagParams } = this.#evp;
    const context = present(this.#context);
    this.#evp.pointTag(tagIn, tagAt);
    return (
      (f.EVP_DecryptInit_ex2(context, 0, 0, iv, tagParams) &
        f.EVP_DecryptUpdate(context, 0, outLength, aad, aadLength) &
        f.EVP_DecryptUpdate(context, to, outLength, from, length) &
        f.EVP_DecryptFinal_ex(context, lastBlock, outLength)) ===
      1
    );
  }

  /** Forgets the key. Idempotent; nothing may be called afterwards. */
  close(): void {
    this.#evp.f.EVP_CIPHER_CTX_free(this.#context ?? 0);
    this.#context = 0;
  }
}

/** AES-128 in counter mode with one key (NIST SP 800-38A s6.5): encrypting and decrypting are the same. */
export class AesCtr {
  readonly #evp = evp();
  #context: Pointer | undefined = undefined;

  constructor(key: Uint8Array) {
    this.#context = this.#evp.cipherContext(this.#evp.ctr, key, true);
  }

  /** Applies the key stream that begins at `packetIv`, to the same place or to one that does not overlap. */
  apply(from: Pointer, to: Pointer, length: number): void {
    const { f, iv, outLength } = this.#evp;
    const context = present(this.#context);
    done(
      f.EVP_EncryptInit_ex(context, 0, 0, 0, iv) &
        f.EVP_EncryptUpdate(context, to, outLength, from, length),
    );
  }

  /** Forgets the key. Idempotent; nothing may be called afterwards. */
  close(): void {
    this.#evp.f.EVP_CIPHER_CTX_free(this.#context ?? 0);
    this.#context = 0;
  }
}

/** HMAC-SHA1 with one key (RFC 2104). */
export class HmacSha1 {
  readonly #evp = evp();
  #context: Pointer | undefined = undefined;

  constructor(key: Uint8Array) {
    this.#context = this.#evp.macContext(key);
  }

  /** Writes the first `tagLength` bytes of the HMAC of `length` bytes to `out`. */
  sign(from: Pointer, length: number, out: Uint8Array, offset: number, tagLength: number): void {
    this.#sum(from, length);
    const { bytes } = this.#evp.scratch;
    for (let i = 0; i < tagLength; i++) out[offset + i] = bytes[DIGEST + i]!;
  }

  /** Whether the HMAC of `length` bytes begins with those of `tag`, compared in constant time. */
  verify(from: Pointer, length: number, tag: Pointer, tagLength: number): boolean {
    this.#sum(from, length);
    return this.#evp.f.CRYPTO_memcmp(this.#evp.digest, tag, tagLength) === 0;
  }

  #sum(from: Pointer, length: number): void {
    const { f, digest, outLength } = this.#evp;
    const context = present(this.#context);
    done(
      f.EVP_MAC_init(context, 0, 0, 0) &
        f.EVP_MAC_update(context, from, length) &
        f.EVP_MAC_final(context, digest, outLength, SHA1_BYTES),
    );
  }

  /** Forgets the key. Idempotent; nothing may be called afterwards. */
  close(): void {
    this.#evp.f.EVP_MAC_CTX_free(this.#context ?? 0);
    this.#context = 0;
  }
}

/** No byte of a packet can make these calls fail: only a lack of memory can. */
function done(result: number): void {
  if (result !== 1) throw new Error('OpenSSL refused an operation');
}

/** OpenSSL would read from address 0: a context that could not be made, or one that is closed. */
function present(pointer: Pointer | undefined): Pointer {
  if (pointer === undefined || pointer === 0) throw new Error('no OpenSSL context');
  return pointer;
}

function writeText(arena: Arena, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) arena.bytes[at + i] = text.charCodeAt(i);
}

function writeParam(
  arena: Arena,
  at: number,
  nameAt: number,
  name: string,
  type: number,
  data: number,
  size: number,
): void {
  writeText(arena, nameAt, name);
  arena.writePointer(at, arena, nameAt);
  arena.u32[(at + 8) >> 2] = type;
  arena.writePointer(at + PARAM_DATA, arena, data);
  arena.u32[(at + 24) >> 2] = size;
}

function load(): Functions {
  const library = koffi.load(null);
  const f = (prototype: string) => library.func(prototype);
  const cipherUpdate = '(uint64, uint64, uint64, uint64, int)';
  const cipherFinal = '(uint64, uint64, uint64)';
  return {
    EVP_CIPHER_CTX_new: f('uint64 EVP_CIPHER_CTX_new()'),
    EVP_CIPHER_CTX_free: f('void EVP_CIPHER_CTX_free(uint64)'),
    EVP_aes_128_gcm: f('uint64 EVP_aes_128_gcm()'),
    EVP_aes_128_ctr: f('uint64 EVP_aes_128_ctr()'),
    EVP_EncryptInit_ex: f('int EVP_EncryptInit_ex(uint64, uint64, uint64, uint64, uint64)'),
    EVP_DecryptInit_ex2: f('int EVP_DecryptInit_ex2(uint64, uint64, uint64, uint64, uint64)'),
    EVP_EncryptUpdate: f(`int EVP_EncryptUpdate${cipherUpdate}`),
    EVP_DecryptUpdate: f(`int EVP_DecryptUpdate${cipherUpdate}`),
    EVP_EncryptFinal_ex: f(`int EVP_EncryptFinal_ex${cipherFinal}`),
    EVP_DecryptFinal_ex: f(`int EVP_DecryptFinal_ex${cipherFinal}`),
    EVP_CIPHER_CTX_get_params: f('int EVP_CIPHER_CTX_get_params(uint64, uint64)'),
    EVP_MAC_fetch: f('uint64 EVP_MAC_fetch(uint64, str, str)'),
    EVP_MAC_CTX_new: f('uint64 EVP_MAC_CTX_new(uint64)'),
    EVP_MAC_CTX_free: f('void EVP_MAC_CTX_free(uint64)'),
    EVP_MAC_init: f('int EVP_MAC_init(uint64, uint64, size_t, uint64)'),
    EVP_MAC_update: f('int EVP_MAC_update(uint64, uint64, size_t)'),
    EVP_MAC_final: f('int EVP_MAC_final(uint64, uint64, uint64, size_t)'),
    CRYPTO_memcmp: f('int CRYPTO_memcmp(uint64, uint64, size_t)'),
  };
}
