// The messages of the key agreement, byte by byte: docs/e2ee.md has them as a table. Lengths are exact, so that whatever
// comes is one of them or nothing. Called by: key-agreement.ts.

import { concat, copied, readUint32, uint32 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { IDENTITY_BYTES, SIGNATURE_BYTES } from './identity.ts';
import { CHAIN_RECORD_BYTES } from './media-key.ts';

const VERSION = 1;
const HELLO = 1;
const SEAL = 2;
const KEY = 3;
const HEAD_BYTES = 2;

export const X25519_BYTES = 32;
/** FIPS 203 s8, table 3. */
export const KEM_KEY_BYTES = 1184;
export const KEM_CIPHERTEXT_BYTES = 1088;
const TAG_BYTES = 16;
const SEQUENCE_BYTES = 4;
export const RECORD_BYTES = SEQUENCE_BYTES + CHAIN_RECORD_BYTES + TAG_BYTES;

/** What a participant says of itself, to everybody. */
export interface Hello {
  /** The sender wants to have ours. */
  readonly asks: boolean;
  readonly identityKey: Bytes;
  readonly x25519: Bytes;
  readonly kem: Bytes;
  readonly signature: Bytes;
}

/** A key for one other participant, and how it is found. */
export interface Seal {
  /** Rises from one to the next of a sender. */
  readonly number: number;
  readonly ciphertext: Bytes;
  readonly record: Bytes;
  readonly signature: Bytes;
}

export type Message =
  | ({ readonly type: 'hello' } & Hello)
  | ({ readonly type: 'seal' } & Seal)
  | { readonly type: 'key'; readonly record: Bytes };

export function writeHello({ asks, identityKey, x25519, kem, signature }: Hello): Bytes {
  const head = new Uint8Array([VERSION, HELLO, asks ? 1 : 0]);
  return concat(head, identityKey, x25519, kem, signature);
}

export function writeSeal({ number, ciphertext, record, signature }: Seal): Bytes {
  const head = new Uint8Array([VERSION, SEAL]);
  return concat(head, uint32(number), ciphertext, record, signature);
}

export function writeKey(record: Bytes): Bytes {
  return concat(new Uint8Array([VERSION, KEY]), record);
}

/** Null for what is none of them. */
export function readMessage(bytes: Uint8Array): Message | null {
  const [version, type] = bytes;
  if (version !== VERSION) return null;
  if (type === HELLO) return readHello(bytes);
  if (type === SEAL) return readSeal(bytes);
  const record = type === KEY ? cut(bytes, HEAD_BYTES, RECORD_BYTES) : null;
  return record && { type: 'key', record: record[0] };
}

function readHello(bytes: Uint8Array): Message | null {
  const at = HEAD_BYTES + 1;
  const parts = cut(bytes, at, IDENTITY_BYTES, X25519_BYTES, KEM_KEY_BYTES, SIGNATURE_BYTES);
  if (!parts) return null;
  const [identityKey, x25519, kem, signature] = parts;
  return { type: 'hello', asks: bytes[HEAD_BYTES] === 1, identityKey, x25519, kem, signature };
}

function readSeal(bytes: Uint8Array): Message | null {
  const at = HEAD_BYTES + SEQUENCE_BYTES;
  const parts = cut(bytes, at, KEM_CIPHERTEXT_BYTES, RECORD_BYTES, SIGNATURE_BYTES);
  if (!parts) return null;
  const [ciphertext, record, signature] = parts;
  return { type: 'seal', number: readUint32(bytes, HEAD_BYTES), ciphertext, record, signature };
}

/** Parts of these lengths from `at` on; null when that is not all that there is. */
function cut<const N extends readonly number[]>(
  bytes: Uint8Array,
  at: number,
  ...lengths: N
): { [K in keyof N]: Bytes } | null {
  if (bytes.length !== lengths.reduce((sum, length) => sum + length, at)) return null;
  let next = at;
  const parts = lengths.map((length) => {
    next += length;
    return copied(bytes.subarray(next - length, next));
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as many as there are lengths
  return parts as { [K in keyof N]: Bytes };
}
