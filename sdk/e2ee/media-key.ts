// Keys of frames. A sender has a chain key, from which the AES-256 key and the salt of its frames are derived
// (RFC 5869); the next generation of a chain is one step of HKDF further, which nobody can take back. Another epoch
// begins with random bytes. Called by: frame-vault.ts, receive-keys.ts, key-agreement.ts.

import { bytesOf, concat, copied } from './bytes.ts';
import type { Bytes } from './bytes.ts';

export const CHAIN_BYTES = 32;
const KEY_BYTES = 32;
export const SALT_BYTES = 12;

export interface ChainKey {
  readonly epoch: number;
  readonly generation: number;
  readonly chain: Bytes;
}

/** Of one generation. */
export interface FrameKey {
  readonly epoch: number;
  readonly generation: number;
  readonly key: CryptoKey;
  readonly salt: Bytes;
}

export async function hkdf(
  secret: Bytes,
  salt: Bytes,
  info: string,
  bytes: number,
): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt, info: bytesOf(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, bytes * 8));
}

export function newChain(epoch: number): ChainKey {
  return { epoch, generation: 0, chain: crypto.getRandomValues(new Uint8Array(CHAIN_BYTES)) };
}

export async function nextGeneration({ epoch, generation, chain }: ChainKey): Promise<ChainKey> {
  const next = await hkdf(chain, new Uint8Array(0), 'sterna.e2ee ratchet 1', CHAIN_BYTES);
  return { epoch, generation: generation + 1, chain: next };
}

export async function frameKeyOf({ epoch, generation, chain }: ChainKey): Promise<FrameKey> {
  const info = 'sterna.e2ee frame 1';
  const derived = await hkdf(chain, new Uint8Array(0), info, KEY_BYTES + SALT_BYTES);
  const raw = derived.slice(0, KEY_BYTES);
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  return { epoch, generation, key, salt: derived.slice(KEY_BYTES) };
}

/** Whether `one` came after `other`. */
export function isNewer(
  one: Pick<ChainKey, 'epoch' | 'generation'>,
  other: Pick<ChainKey, 'epoch' | 'generation'> | null,
): boolean {
  if (!other) return true;
  return (
    one.epoch > other.epoch || (one.epoch === other.epoch && one.generation > other.generation)
  );
}

const EPOCH_BYTES = 4;
export const CHAIN_RECORD_BYTES = EPOCH_BYTES + 1 + CHAIN_BYTES;

/** As it is told to others, inside of what only they can open. */
export function writeChain({ epoch, generation, chain }: ChainKey): Bytes {
  const head = new Uint8Array(EPOCH_BYTES + 1);
  new DataView(head.buffer).setUint32(0, epoch);
  head[EPOCH_BYTES] = generation;
  return concat(head, chain);
}

/** Null for any other length. */
export function readChain(bytes: Bytes): ChainKey | null {
  if (bytes.length !== CHAIN_RECORD_BYTES) return null;
  const epoch = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return {
    epoch,
    generation: bytes[EPOCH_BYTES] ?? 0,
    chain: copied(bytes.subarray(EPOCH_BYTES + 1)),
  };
}
