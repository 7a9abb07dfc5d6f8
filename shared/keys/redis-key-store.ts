// API keys in Redis, for all nodes of a cluster: a hash of them, and a channel on which each change is told, so that a
// key that is revoked on one node ends on all. What Redis has is read anew whenever messages may have been missed.
// Called by: the key ring, as its store.

import { parseJson } from '../parse-json.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { storedKey } from './key-store.ts';
import type { KeyStore, StoredKey } from './key-store.ts';

const HASH = 'keys';
const CHANNEL = 'keys';

export class RedisKeyStore implements KeyStore {
  readonly #link: RedisLink;
  readonly #hash: string;

  constructor(link: RedisLink) {
    this.#link = link;
    this.#hash = link.prefix + HASH;
  }

  /** Entries that are no keys are left alone: a later version may have made them. */
  async load(): Promise<readonly StoredKey[]> {
    const entries = await this.#link.run((redis) => redis.hgetall(this.#hash));
    return Object.entries(entries).flatMap(([name, text]) => {
      const parsed = storedKey.safeParse(parseJson(text));
      return parsed.success && parsed.data.key === name ? [parsed.data] : [];
    });
  }

  async put(key: StoredKey): Promise<void> {
    await this.#link.run((redis) => redis.hset(this.#hash, key.key, JSON.stringify(key)));
    await this.#link.publish(CHANNEL, key.key);
  }

  async remove(key: string): Promise<void> {
    await this.#link.run((redis) => redis.hdel(this.#hash, key));
    await this.#link.publish(CHANNEL, key);
  }

  watch(onChange: () => void): void {
    this.#link.subscribe(CHANNEL, onChange);
    this.#link.listen({ onUp: onChange });
  }
}
