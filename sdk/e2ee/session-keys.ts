// The keys of one participant in one session: its identity, and a hybrid of X25519 (Web Crypto) and ML-KEM-768
// (FIPS 203) made for this session alone. Makes and checks what it says of itself, and what it and another one share.
// Called by: key-agreement.ts.

import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { bytesOf, concat, copied, measured, sha256 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { isSigned } from './identity.ts';
import type { Identity } from './identity.ts';
import { hkdf } from './media-key.ts';
import type { Hello } from './wire.ts';

const HELLO = 'sterna.e2ee hello 1';
const SEAL = 'sterna.e2ee seal 1';
const PAIR_KEY_BYTES = 32;

/** Where, and by which names. */
export interface Place {
  readonly room: string;
  readonly sid: string;
  readonly identity: string;
}

/** What is signed in a hello: the place and all keys. */
export function helloTranscript(
  { room, sid, identity }: Place,
  { identityKey, x25519, kem }: Pick<Hello, 'identityKey' | 'x25519' | 'kem'>,
): Bytes {
  return concat(measured(room), measured(sid), measured(identity), identityKey, x25519, kem);
}

export function isHelloSigned(place: Place, hello: Hello): boolean {
  return isSigned(HELLO, helloTranscript(place, hello), hello.signature, hello.identityKey);
}

/** Stands for a hello, and with it for whoever made it, in what two agree about. */
export async function helloHash(place: Place, hello: Hello): Promise<Bytes> {
  return sha256(concat(bytesOf(HELLO), helloTranscript(place, hello)));
}

/** Binds both ends, in their order, and how they found their secret. */
export async function sealTranscript(
  from: Bytes,
  to: Bytes,
  number: Bytes,
  ciphertext: Bytes,
): Promise<Bytes> {
  return sha256(concat(bytesOf(SEAL), from, to, number, ciphertext));
}

export function signSeal(identity: Identity, transcript: Bytes, record: Bytes): Bytes {
  return identity.sign(SEAL, concat(transcript, record));
}

export function isSealSigned(
  transcript: Bytes,
  record: Bytes,
  signature: Bytes,
  identityKey: Bytes,
): boolean {
  return isSigned(SEAL, concat(transcript, record), signature, identityKey);
}

export class SessionKeys {
  readonly hello: Hello;
  readonly hash: Bytes;
  readonly #x25519: CryptoKey;
  readonly #kem: Uint8Array;

  private constructor(hello: Hello, hash: Bytes, x25519: CryptoKey, kem: Uint8Array) {
    this.hello = hello;
    this.hash = hash;
    this.#x25519 = x25519;
    this.#kem = kem;
  }

  static async make(identity: Identity, place: Place): Promise<SessionKeys> {
    const pair = await crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']);
    const kem = ml_kem768.keygen();
    const keys = {
      identityKey: identity.publicKey,
      x25519: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
      kem: copied(kem.publicKey),
    };
    const signature = identity.sign(HELLO, helloTranscript(place, keys));
    const hello = { asks: false, ...keys, signature };
    return new SessionKeys(hello, await helloHash(place, hello), pair.privateKey, kem.secretKey);
  }

  /** A secret for whoever made that hello, and what it needs to find it. Throws for keys that are none. */
  encapsulate({ kem }: Hello): { ciphertext: Bytes; secret: Bytes } {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(kem);
    return { ciphertext: copied(cipherText), secret: copied(sharedSecret) };
  }

  /** Of what was not made for us it makes a secret that nobody else has (FIPS 203 s6.3). */
  decapsulate(ciphertext: Bytes): Bytes {
    return copied(ml_kem768.decapsulate(ciphertext, this.#kem));
  }

  /** As long as one of the two secrets is one, so is the key. Throws for keys that are none. */
  async pairKey({ x25519 }: Hello, secret: Bytes, transcript: Bytes): Promise<CryptoKey> {
    const publicKey = await crypto.subtle.importKey('raw', x25519, { name: 'X25519' }, false, []);
    // All zero, which low-order points give, is refused (RFC 7748 s6.1) by Web Crypto itself.
    const algorithm = { name: 'X25519', public: publicKey };
    const shared = await crypto.subtle.deriveBits(algorithm, this.#x25519, 256);
    const both = concat(new Uint8Array(shared), secret);
    const raw = await hkdf(both, transcript, 'sterna.e2ee pair 1', PAIR_KEY_BYTES);
    return crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  }
}
