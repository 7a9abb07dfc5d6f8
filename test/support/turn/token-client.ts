// A TURN client with an access token in place of a password (RFC 7635), and the authorization server behind it. Tokens
// are put together by hand with node:crypto, so a mistake in the codec cannot hide one in the server.

import { createCipheriv, randomBytes } from 'node:crypto';
import type { ReceivedMessage } from './received.ts';
import { ALLOCATE, type ClientOptions, REFRESH, TurnClient } from './client.ts';
import { type AttributeSource, concat, type Hash } from './message.ts';
import type { World, WorldOptions } from './world.ts';

export const ACCESS_TOKEN = 0x001b;
export const THIRD_PARTY_AUTHORIZATION = 0x802e;

export const SERVER_NAME = 'turn.example.org';
export const KEYS: Readonly<Record<string, Uint8Array>> = {
  north: Buffer.from('0123456789abcdef0123456789abcdef'),
  union: Buffer.from('0123456789abcdef'),
};

/** Worlds that take tokens. */
export const WITH_TOKENS: WorldOptions = { thirdParty: { serverName: SERVER_NAME, keys: KEYS } };

/** What an authorization server puts into a token; what is left out is what a good one has. */
export interface TokenContent {
  readonly macKey?: Uint8Array;
  /** What key_length says, whatever the key is. */
  readonly keyLength?: number;
  /** Unix seconds, and 64000ths. */
  readonly issuedAt: number;
  readonly fraction?: number;
  readonly lifetime?: number;
  readonly serverName?: string;
  readonly key?: Uint8Array;
  readonly nonce?: Uint8Array;
}

/** RFC 7635 s6.2. */
export function sealToken(content: TokenContent): Buffer {
  const macKey = content.macKey ?? randomBytes(20);
  const block = Buffer.alloc(2 + macKey.length + 12);
  block.writeUInt16BE(content.keyLength ?? macKey.length, 0);
  block.set(macKey, 2);
  block.writeBigUInt64BE(
    (BigInt(content.issuedAt) << 16n) | BigInt(content.fraction ?? 0),
    2 + macKey.length,
  );
  block.writeUInt32BE(content.lifetime ?? 3600, 2 + macKey.length + 8);
  const nonce = content.nonce ?? randomBytes(12);
  const key = content.key ?? KEYS['north']!;
  const cipher = createCipheriv(key.length === 32 ? 'aes-256-gcm' : 'aes-128-gcm', key, nonce);
  cipher.setAAD(Buffer.from(content.serverName ?? SERVER_NAME));
  const sealed = concat(cipher.update(block), cipher.final(), cipher.getAuthTag());
  return Buffer.concat([Buffer.of(nonce.length >> 8, nonce.length & 0xff), nonce, sealed]);
}

/** What a client got with its token, and what it makes of it. */
export interface Presented extends Omit<TokenContent, 'issuedAt'> {
  readonly kid?: string;
  /** Seconds before now that the token is from. */
  readonly age?: number;
  /** Instead of the hash that belongs to the key. */
  readonly hash?: Hash;
}

export class TokenClient extends TurnClient {
  /** Sent in Allocate and Refresh (RFC 7635 s9). */
  token: Uint8Array = new Uint8Array(0);
  #world: World | undefined;
  #macKey: Uint8Array = new Uint8Array(0);
  #hash: Hash = 'sha1';

  /** A client that has its nonce and a token. */
  static async with(
    world: World,
    presented: Presented = {},
    options: ClientOptions = {},
  ): Promise<TokenClient> {
    const family = options.family ?? 4;
    const server = family === 4 ? world.listener4 : world.listener6;
    const endpoint = await world.endpoint(family);
    const client = new TokenClient(endpoint, server, { flavour: 'legacy', ...options });
    client.#world = world;
    await client.challenge();
    client.present(presented);
    return client;
  }

  /** Goes on with another token. */
  present({ kid = 'north', age = 0, hash, ...content }: Presented): void {
    const macKey = content.macKey ?? randomBytes(20);
    const now = Math.floor(this.#world!.options.clock.wall() / 1000);
    const key = content.key ?? KEYS[kid] ?? KEYS['north']!;
    this.username = kid;
    this.#macKey = macKey;
    this.#hash = hash ?? (macKey.length === 32 ? 'sha256' : 'sha1');
    this.token = sealToken({ ...content, macKey, key, issuedAt: now - age });
  }

  /** Signs with another key from now on, without telling the server. */
  signWith(key: Uint8Array): void {
    this.#macKey = key;
  }

  override get key(): Uint8Array {
    return this.#macKey;
  }

  override get hash(): Hash {
    return this.#hash;
  }

  override build(
    method: number,
    attributes: readonly AttributeSource[],
    transaction: Uint8Array = randomBytes(12),
  ): Uint8Array {
    const sends = this.token.length > 0 && (method === ALLOCATE || method === REFRESH);
    const token: AttributeSource[] = sends ? [[ACCESS_TOKEN, this.token]] : [];
    return super.build(method, [...attributes, ...token], transaction);
  }

  /** What became of an Allocate, in short. */
  async outcome(...attributes: readonly AttributeSource[]): Promise<string> {
    return (await this.tryAllocate(...attributes)).outcome;
  }

  tryAllocate(...attributes: readonly AttributeSource[]): Promise<ReceivedMessage> {
    return this.request(ALLOCATE, [0x0019, [17, 0, 0, 0]], ...attributes);
  }
}
