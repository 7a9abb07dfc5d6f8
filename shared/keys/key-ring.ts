// The API keys that count on this server: those of the configuration, and those that the API has made, which a store
// keeps. A revoked or expired one counts for nothing from that moment on, and neither does what it has signed.
// Called by: the server entry, which makes it; signaling and the gateway ask it. Bounded by KEYS_MAX.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { SternaError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { isSecret } from './key-source.ts';
import type { KeySource } from './key-source.ts';
import type { KeyGrants, KeyStore, StoredKey } from './key-store.ts';

const KEYS_MAX = 1000;

export interface ApiKey extends Omit<StoredKey, 'createdAt'> {
  /** Undefined of the configuration's. */
  readonly createdAt?: number;
  readonly isConfigured: boolean;
}

export interface NewKey {
  readonly name?: string | undefined;
  readonly grants?: KeyGrants | undefined;
  /** Unix time, milliseconds. */
  readonly expiresAt?: number | undefined;
}

export interface KeyRingOptions {
  readonly keys: Readonly<Record<string, string>>;
  /** Without one no keys are made here. */
  readonly store?: KeyStore | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export class KeyRing implements KeySource {
  readonly #configured = new Map<string, ApiKey>();
  readonly #store: KeyStore | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Set<() => void>();
  #made = new Map<string, ApiKey>();
  /** Whose revocation is not kept yet: they do not come back with what the store still has. */
  readonly #revoked = new Set<string>();
  #loads = 0;

  private constructor({ keys, store, clock, log }: KeyRingOptions) {
    for (const [key, secret] of Object.entries(keys)) {
      this.#configured.set(key, { key, secret, isConfigured: true });
    }
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Rejects with a SternaError of one line when its store cannot be read and does not come by itself. */
  static async open(options: KeyRingOptions): Promise<KeyRing> {
    const ring = new KeyRing(options);
    const { store } = options;
    if (store === undefined) return ring;
    store.watch(() => void ring.#reload());
    try {
      ring.#adopt(await store.load());
    } catch (error) {
      // Redis comes when it comes, and then tells.
      if (!(error instanceof SternaError) || error.code !== 'REDIS_UNAVAILABLE') throw error;
    }
    return ring;
  }

  /** Whether keys can be made here. */
  get isWritable(): boolean {
    return this.#store !== undefined;
  }

  secretOf(key: string): string | undefined {
    const found = this.#find(key);
    return found?.grants === undefined ? found?.secret : undefined;
  }

  /** The key, for who shows its secret. In constant time, whether or not there is such a key. */
  holder(key: string, secret: string): ApiKey | undefined {
    const found = this.#find(key);
    return isSecret(secret, found?.secret) ? found : undefined;
  }

  /** Expired ones, too, until they are revoked. */
  list(): ApiKey[] {
    return [...this.#configured.values(), ...this.#made.values()];
  }

  /** Resolves when it is kept. @throws SternaError */
  async add({ name, grants, expiresAt }: NewKey): Promise<ApiKey> {
    if (this.#made.size >= KEYS_MAX) {
      throw new SternaError('KEYS_FULL', `There are ${KEYS_MAX} API keys already`);
    }
    const stored: StoredKey = {
      key: `AK${randomBytes(8).toString('hex')}`,
      secret: randomBytes(32).toString('base64url'),
      ...(name === undefined ? {} : { name }),
      ...(grants === undefined ? {} : { grants }),
      createdAt: this.#clock.wall(),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    await this.#writable().put(stored);
    const made = { ...stored, isConfigured: false };
    this.#made.set(made.key, made);
    return made;
  }

  /** From this moment on it counts for nothing here; resolves when that is kept. @throws SternaError */
  async revoke(key: string): Promise<'revoked' | 'no-key' | 'configured'> {
    if (this.#configured.has(key)) return 'configured';
    if (!this.#made.delete(key) && !this.#revoked.has(key)) return 'no-key';
    this.#revoked.add(key);
    this.#tell();
    await this.#writable().remove(key);
    this.#revoked.delete(key);
    return 'revoked';
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #find(key: string): ApiKey | undefined {
    const found = this.#configured.get(key) ?? this.#made.get(key);
    const isOver = found?.expiresAt !== undefined && found.expiresAt <= this.#clock.wall();
    return isOver ? undefined : found;
  }

  #writable(): KeyStore {
    if (this.#store !== undefined) return this.#store;
    throw new SternaError('NO_KEY_STORE', 'No place is configured where API keys could be kept');
  }

  /** The last one that was begun is the one that counts. */
  async #reload(): Promise<void> {
    const load = ++this.#loads;
    try {
      const keys = await this.#writable().load();
      if (load === this.#loads) this.#adopt(keys);
    } catch (error) {
      this.#log.warn('keys.load_failed', { err: error });
    }
  }

  /** A name of the configuration's is the configuration's. */
  #adopt(keys: readonly StoredKey[]): void {
    const entries = keys
      .slice(0, KEYS_MAX)
      .filter(({ key }) => !this.#configured.has(key) && !this.#revoked.has(key))
      .map((stored): [string, ApiKey] => [stored.key, { ...stored, isConfigured: false }]);
    this.#made = new Map(entries);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
