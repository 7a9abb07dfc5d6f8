// Access tokens: JWT (RFC 7519) signed with HS256 and nothing else; minting and verification.
// RFC 8725 s3.1: the algorithm is ours, the header's `alg` only has to agree with it.
// Called by: joining, the `token` command, development mode. Results are cached by SHA-256 of the token.

import { createSecretKey, hash, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import type { JwtPayload } from 'jsonwebtoken';
import { LocalTier } from '../shared/cache/local-tier.ts';
import type { CacheStats, CacheTier } from '../shared/cache/local-tier.ts';
import { systemClock } from '../shared/clock.ts';
import type { Clock } from '../shared/clock.ts';
import { SternaError } from '../shared/errors.ts';
import { fixedKeys } from '../shared/keys/key-source.ts';
import type { KeySource } from '../shared/keys/key-source.ts';
import { claims, videoClaims } from './claims.ts';
import type { Claims, Grants, GrantsInput } from './claims.ts';
import type { Reason } from './codes.ts';
import { tokenId } from './ids.ts';
import { refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { Revocations } from './revocations.ts';

/** RFC 7518 s3.2: a key of at least the hash's size. */
const SECRET_CHARS_MIN = 32;
const TOKEN_CHARS_MAX = 8192;
/** How far clocks of a token's maker and this server may differ for `nbf`. */
const SKEW_MS = 60_000;
/** Longest that a good result is kept; the token's `exp` bounds it too. */
const ACCEPTED_MS = 600_000;
/** Shorter: `nbf` may come, and a flood of bad tokens should not stay. */
const REFUSED_MS = 5000;
const ACCEPTED_MAX = 4096;
/** Apart from the good ones, so that bad tokens cannot push good ones out. */
const REFUSED_MAX = 512;

export interface MintOptions {
  /** Name of the API key: the `iss` claim. */
  key: string;
  secret: string;
  identity: string;
  name?: string;
  grants: GrantsInput;
  ttlSeconds: number;
  metadata?: string;
  attributes?: Record<string, string>;
  clock?: Clock;
}

export interface VerifiedToken {
  /** `jti`, or the token's digest where it has none; what `revoke` takes and `isRevoked` asks for. */
  readonly id: string;
  readonly key: string;
  readonly identity: string;
  readonly name: string;
  readonly grants: Grants;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Unix time, milliseconds. */
  readonly expiresAt: number;
}

/** What may be said of a token again and again. */
interface Dated {
  readonly id: string;
  readonly key: string;
  readonly expiresAt: number;
}

/** Who asks the API, and for what. */
export interface ApiToken extends Dated {
  readonly identity: string | undefined;
  readonly grants: {
    readonly room: string | undefined;
    readonly roomAdmin: boolean;
    readonly roomCreate: boolean;
    readonly roomList: boolean;
  };
}

/** A signed token with a fresh `jti`. Throws SternaError `TOKEN_INVALID` when no server would accept it. */
export function mintToken(options: MintOptions): string {
  const { key, secret, ttlSeconds } = options;
  const signingKey = secretKey(key, secret);
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1) {
    throw new SternaError('TOKEN_INVALID', `ttlSeconds: expected an integer above 0`);
  }
  const iat = Math.floor((options.clock ?? systemClock).wall() / 1000);
  const payload = {
    iss: key,
    sub: options.identity,
    iat,
    exp: iat + ttlSeconds,
    jti: tokenId(),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
    grants: options.grants,
  };
  const parsed = claims.safeParse(payload);
  if (!parsed.success) throw new SternaError('TOKEN_INVALID', explain(parsed.error.issues));
  const token = jsonwebtoken.sign(payload, signingKey, { algorithm: 'HS256' });
  if (token.length > TOKEN_CHARS_MAX) {
    throw new SternaError('TOKEN_INVALID', `The token would exceed ${TOKEN_CHARS_MAX} characters`);
  }
  return token;
}

/** Long enough for the clocks of both ends to differ. */
const BODY_TTL_SECONDS = 300;

/**
 * A token that vouches for the body of a request: `sha256` is the base64 of its digest. It grants nothing, so whoever
 * gets it cannot come back with it.
 */
export function signBody(key: string, secret: string, body: Buffer, nowMs: number): string {
  const iat = Math.floor(nowMs / 1000);
  const sha256 = hash('sha256', body, 'base64');
  const payload = { iss: key, iat, nbf: iat - 60, exp: iat + BODY_TTL_SECONDS, sha256 };
  return jsonwebtoken.sign(payload, secretKey(key, secret), { algorithm: 'HS256' });
}

export interface TokenVerifierOptions {
  clock: Clock;
  /** Where accepted tokens are remembered. Default: an own LocalTier. */
  cache?: CacheTier<VerifiedToken>;
}

export class TokenVerifier {
  readonly keys: KeySource;
  /** Of secrets that have verified something, until keys change. */
  readonly #keyObjects = new Map<string, KeyObject>();
  /** Stands in for the key of an unknown issuer, so that both failures do the same work. */
  readonly #noKey: KeyObject = createSecretKey(randomBytes(SECRET_CHARS_MIN));
  readonly #clock: Clock;
  readonly #accepted: CacheTier<VerifiedToken>;
  readonly #refused: LocalTier<Refusal>;
  readonly #revocations = new Revocations();
  /** Told of every token that is revoked here. */
  onRevoked: ((id: string, expiresAt: number) => void) | null = null;

  /**
   * `keys`: API key names and their secrets, or where they come from. Throws SternaError `CONFIG_INVALID` for a short
   * one of the former.
   */
  constructor(keys: Readonly<Record<string, string>> | KeySource, options: TokenVerifierOptions) {
    this.keys = keySourceOf(keys);
    this.keys.onChange(() => {
      this.#keyObjects.clear();
      this.#accepted.clear();
      this.#refused.clear();
    });
    this.#clock = options.clock;
    this.#accepted = options.cache ?? new LocalTier(ACCEPTED_MAX, options.clock);
    this.#refused = new LocalTier(REFUSED_MAX, options.clock);
  }

  verify(token: string): VerifiedToken | Reason {
    const result = this.check(token);
    return 'reason' in result ? result.reason : result;
  }

  /** As `verify`, with words for whoever made the token; only a good signature buys details. */
  check(token: string): VerifiedToken | Refusal {
    if (token.length > TOKEN_CHARS_MAX) return INVALID;
    const digest = digestOf(token);
    const known = this.#accepted.get(digest);
    if (known !== undefined) return this.#current(known);
    const refused = this.#refused.get(digest);
    if (refused !== undefined) return refused;
    const payload = this.#signedClaims(token);
    const result =
      'reason' in payload ? payload : this.#current(verified(payload, digest), payload.nbf);
    if ('reason' in result) {
      this.#refused.set(digest, result, REFUSED_MS);
    } else {
      const leftMs = result.expiresAt - this.#clock.wall();
      this.#accepted.set(digest, result, Math.min(leftMs, ACCEPTED_MS));
    }
    return result;
  }

  /**
   * As `check`, of a bearer that asks the API: also what server SDKs of LiveKit send, whose grants are in `video` and
   * which may name nobody. The caller remembers the result.
   */
  checkApi(token: string): ApiToken | Refusal {
    if (token.length > TOKEN_CHARS_MAX) return INVALID;
    const payload = this.#signedPayload(token);
    if (payload === null) return INVALID;
    if (!('video' in payload)) {
      const own = this.check(token);
      if ('reason' in own) return own;
      const { room, roomAdmin } = own.grants;
      return { ...own, grants: { room, roomAdmin, roomCreate: false, roomList: false } };
    }
    const parsed = videoClaims.safeParse(payload);
    if (!parsed.success) return wrongClaims(parsed.error.issues);
    const { iss, sub, jti, exp, nbf, video } = parsed.data;
    const { room, roomAdmin, roomCreate, roomList } = video;
    const found: ApiToken = {
      id: jti ?? `sha256:${digestOf(token)}`,
      key: iss,
      identity: sub,
      grants: { room, roomAdmin, roomCreate, roomList },
      expiresAt: exp * 1000,
    };
    return this.#current(found, nbf);
  }

  /**
   * Takes a token's `jti` (or `VerifiedToken.id`), or the token itself; from then on it is refused. It is
   * remembered for ever unless `expiresAt` (Unix time, milliseconds) is known, as it is of a token.
   * Throws SternaError `REVOCATIONS_FULL` when too many tokens that have not expired are revoked.
   */
  revoke(tokenOrId: string, expiresAt = Infinity): void {
    if (tokenOrId.split('.').length !== 3) {
      this.adoptRevocation(tokenOrId, expiresAt);
      this.onRevoked?.(tokenOrId, expiresAt);
      return;
    }
    const digest = digestOf(tokenOrId);
    const payload = this.#signedClaims(tokenOrId);
    if ('reason' in payload) return;
    const { id, expiresAt: end } = verified(payload, digest);
    this.adoptRevocation(id, end);
    this.#accepted.delete(digest);
    this.onRevoked?.(id, end);
  }

  /** As `revoke`, of a token's id that was revoked elsewhere. */
  adoptRevocation(id: string, expiresAt: number): void {
    this.#revocations.add(id, expiresAt, this.#clock.wall());
  }

  isRevoked(id: string): boolean {
    return this.#revocations.has(id);
  }

  stats(): { accepted: CacheStats; refused: CacheStats; revoked: number } {
    return {
      accepted: this.#accepted.stats(),
      refused: this.#refused.stats(),
      revoked: this.#revocations.size,
    };
  }

  /** What may change after verification: dates and revocation. */
  #current<Token extends Dated>(token: Token, nbf?: number): Token | Refusal {
    if (this.#revocations.has(token.id)) return INVALID;
    // The key may have expired since.
    if (this.keys.secretOf(token.key) === undefined) return INVALID;
    const now = this.#clock.wall();
    if (now >= token.expiresAt) return refusal('TOKEN_EXPIRED', 'The token is past its exp');
    if (nbf !== undefined && nbf * 1000 > now + SKEW_MS) {
      return refusal('TOKEN_INVALID', 'The token is not valid yet: its nbf lies ahead');
    }
    return token;
  }

  #signedClaims(token: string): Claims | Refusal {
    const payload = this.#signedPayload(token);
    if (payload === null) return INVALID;
    const parsed = claims.safeParse(payload);
    return parsed.success ? parsed.data : wrongClaims(parsed.error.issues);
  }

  /** Of a token whose header and signature hold. Never throws. */
  #signedPayload(token: string): JwtPayload | null {
    try {
      const decoded = jsonwebtoken.decode(token, { complete: true });
      if (decoded === null || typeof decoded.payload === 'string') return null;
      const { header, payload } = decoded;
      // RFC 7515 s4.1.11: a critical extension that is not understood voids the token; none is understood
      // here.
      if (header.alg !== 'HS256' || header.crit !== undefined) return null;
      jsonwebtoken.verify(token, this.#keyOf(String(payload.iss)), {
        algorithms: ['HS256'],
        ignoreExpiration: true,
        ignoreNotBefore: true,
      });
      return payload;
    } catch {
      return null;
    }
  }

  #keyOf(name: string): KeyObject {
    const secret = this.keys.secretOf(name);
    if (secret === undefined) return this.#noKey;
    const known = this.#keyObjects.get(name);
    if (known !== undefined) return known;
    const made = secretKey(name, secret);
    this.#keyObjects.set(name, made);
    return made;
  }
}

/** One answer for an unknown key, a bad signature, a foreign algorithm and plain garbage. */
const INVALID: Refusal = refusal(
  'TOKEN_INVALID',
  'The token is malformed, revoked or not signed with HS256 by a key of this server',
);

function wrongClaims(issues: Parameters<typeof explain>[0]): Refusal {
  return refusal('TOKEN_INVALID', `The token's claims: ${explain(issues)}`);
}

function keySourceOf(keys: Readonly<Record<string, string>> | KeySource): KeySource {
  if (isKeySource(keys)) return keys;
  for (const [name, secret] of Object.entries(keys)) secretKey(name, secret);
  return fixedKeys(keys);
}

function isKeySource(keys: Readonly<Record<string, string>> | KeySource): keys is KeySource {
  return typeof keys.secretOf === 'function';
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64url');
}

function verified(payload: Claims, digest: string): VerifiedToken {
  return {
    id: payload.jti ?? `sha256:${digest}`,
    key: payload.iss,
    identity: payload.sub,
    name: payload.name ?? payload.sub,
    grants: payload.grants,
    metadata: payload.metadata ?? '',
    attributes: payload.attributes ?? {},
    expiresAt: payload.exp * 1000,
  };
}

function secretKey(name: string, secret: string): KeyObject {
  if (secret.length < SECRET_CHARS_MIN) {
    throw new SternaError(
      'CONFIG_INVALID',
      `keys.${name}: expected a secret of at least ${SECRET_CHARS_MIN} characters`,
    );
  }
  return createSecretKey(Buffer.from(secret, 'utf8'));
}

function explain(issues: readonly { path: readonly PropertyKey[]; message: string }[]): string {
  const [issue] = issues;
  if (issue === undefined) return 'they break their schema';
  const path = issue.path.map(String).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
