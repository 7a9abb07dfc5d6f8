// Who may use the server: static users and REST secrets (draft-uberti-behave-turn-rest-00), as long-term keys.
// Called by: authentication, and by whoever mints credentials for clients. Keys are cached, bounded, never logged.

import { createHmac } from 'node:crypto';
import { LocalTier } from '../shared/cache/local-tier.ts';
import type { Clock } from '../shared/clock.ts';
import { longTermKey, userHash } from '../shared/stun/credentials.ts';
import { PASSWORD_ALGORITHM_MD5 } from '../shared/stun/registry.ts';
import {
  type KnownUser,
  OutsideUsers,
  type UserAnswer,
  type WaitingRequest,
} from './outside-users.ts';
import type { TokenGrant } from './third-party.ts';

/** Derived keys kept, so that a re-allocating client costs no hashing. Bounded against made-up usernames. */
const KEY_CACHE_MAX = 4096;

const KEY_CACHE_TTL_MS = 3_600_000;

export interface CredentialOptions {
  readonly realm: string;
  /** Static long-term credentials: username to password. */
  readonly users: Readonly<Record<string, string>>;
  /** Shared secrets of REST credentials; several, for rollover. */
  readonly secrets: readonly string[];
  /** Asks for a user who is none of these. */
  readonly askForUser?: ((username: string) => void) | undefined;
  /** What another worker has asked for. */
  readonly knownUser?: ((username: string) => KnownUser | undefined) | undefined;
}

interface DerivedKeys {
  /** What they were derived from; undefined of a REST credential. */
  readonly password: string | undefined;
  readonly keys: readonly CandidateKey[];
}

/** One candidate to check a MESSAGE-INTEGRITY against. */
export interface CandidateKey {
  readonly key: Uint8Array;
  /** Whose quota it counts against. */
  readonly user: string;
  /** Of a token; undefined for a long-term key. */
  readonly grant?: TokenGrant;
}

/** A username and password that a TURN client can use until the given time. */
export interface RestCredential {
  readonly username: string;
  readonly credential: string;
}

/**
 * Mints a REST credential: the username is `expiry:user`, the password base64 of HMAC-SHA1 over it.
 * @param expiresAt Unix seconds
 */
export function mintRestCredential(
  secret: string,
  user: string,
  expiresAt: number,
): RestCredential {
  const username = `${Math.floor(expiresAt)}:${user}`;
  return { username, credential: restPassword(secret, username) };
}

function restPassword(secret: string, username: string): string {
  return createHmac('sha1', secret).update(username).digest('base64');
}

export class CredentialStore {
  readonly #options: CredentialOptions;
  readonly #users: ReadonlyMap<string, string>;
  readonly #byHash: ReadonlyMap<string, string>;
  readonly #keys: LocalTier<DerivedKeys>;
  /** Undefined where nobody can be asked. */
  readonly outside: OutsideUsers | undefined;

  /**
   * Throws TypeError for a realm, user name or password that OpaqueString refuses (RFC 8265 s4.2).
   * @param before what is known of users outside, and who waits for it: that goes on
   */
  constructor(options: CredentialOptions, clock: Clock, before?: OutsideUsers) {
    this.#options = options;
    this.#users = new Map(Object.entries(options.users));
    this.#byHash = new Map(
      [...this.#users.keys()].map((name) => [hex(userHash(name, options.realm)), name]),
    );
    this.#keys = new LocalTier(KEY_CACHE_MAX, clock);
    const { askForUser, knownUser } = options;
    this.outside =
      askForUser === undefined
        ? undefined
        : (before ?? new OutsideUsers(askForUser, clock, knownUser));
    for (const [name, password] of Object.entries(options.users)) {
      longTermKey(PASSWORD_ALGORITHM_MD5, name, options.realm, password);
    }
    longTermKey(PASSWORD_ALGORITHM_MD5, '', options.realm, 'any');
  }

  /** USERHASH works only for names that the server can list, so not beside REST usernames (RFC 8489 s9.2.4). */
  get supportsUserHash(): boolean {
    const { secrets } = this.#options;
    return this.#users.size > 0 && secrets.length === 0 && this.outside === undefined;
  }

  /** What is known of a user who has to be asked for; `ours` of one who has not, `asked` where nothing is known yet. */
  standing(username: string): 'ours' | 'asked' | UserAnswer {
    if (this.outside === undefined || this.#users.has(username)) return 'ours';
    if (this.#options.secrets.length > 0 && restExpiry(username) !== undefined) return 'ours';
    return this.outside.find(username) ?? 'asked';
  }

  /** Notes what was said of a user; returns the requests that waited for it. */
  answer(username: string, answer: UserAnswer, ttlMs: number): readonly WaitingRequest[] {
    return this.outside?.answer(username, answer, ttlMs) ?? [];
  }

  /** The static user behind a USERHASH value. */
  nameOf(hash: Uint8Array): string | undefined {
    return this.#byHash.get(hex(hash));
  }

  /**
   * The keys that a request of this username may be signed with: one of a static user, one for each REST secret.
   * Empty for an unknown name. An expired REST name has keys only with `allowExpired`.
   * @param wall Unix milliseconds
   */
  candidates(
    username: string,
    algorithm: number,
    wall: number,
    allowExpired: boolean,
  ): readonly CandidateKey[] {
    const password = this.#passwordOf(username);
    const expiresAt = restExpiry(username);
    if (password === undefined && expiresAt === undefined) return [];
    if (password === undefined && !allowExpired && (expiresAt ?? 0) * 1000 <= wall) return [];
    const id = `${algorithm}:${username}`;
    const derived = this.#keys.get(id);
    // A user outside may have another password by now.
    if (derived !== undefined && derived.password === password) return derived.keys;
    const keys = this.#derive(username, algorithm, password);
    this.#keys.set(id, { password, keys }, KEY_CACHE_TTL_MS);
    return keys;
  }

  /** Of a static user, or of one whom somebody outside knows. */
  #passwordOf(username: string): string | undefined {
    const password = this.#users.get(username);
    if (password !== undefined) return password;
    const standing = this.standing(username);
    return typeof standing === 'object' ? standing.password : undefined;
  }

  #derive(username: string, algorithm: number, password: string | undefined): CandidateKey[] {
    const { realm, secrets } = this.#options;
    if (password !== undefined) {
      return [{ key: longTermKey(algorithm, username, realm, password), user: username }];
    }
    const user = username.slice(username.indexOf(':') + 1) || username;
    return secrets.map((secret) => ({
      key: longTermKey(algorithm, username, realm, restPassword(secret, username)),
      user,
    }));
  }
}

/** The expiry (Unix seconds) in a REST username, `expiry` or `expiry:user`; undefined if it is none. */
function restExpiry(username: string): number | undefined {
  const colon = username.indexOf(':');
  const digits = colon < 0 ? username : username.slice(0, colon);
  return /^[0-9]{1,12}$/.test(digits) ? Number(digits) : undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
