// Tokens that are revoked at one node are revoked at all: told at once, and kept in Redis for who was away.
// Called by: cluster.ts, which makes it and has it load what it may have missed.

import { z } from 'zod';
import type { Logger } from '../../shared/log.ts';
import type { RedisLink } from '../../shared/redis/redis-link.ts';
import type { SignalingServer } from '../../signaling/index.ts';
import type { ClusterStore } from './store.ts';

const CHANNEL = 'revoked';
const UNSAID_MAX = 1000;

/** Without `exp`: for ever. */
const revocation = z.object({ id: z.string().min(1).max(256), exp: z.number().optional() });

export class RevocationFeed {
  readonly #link: RedisLink;
  readonly #store: ClusterStore;
  readonly #tokens: SignalingServer['tokens'];
  readonly #log: Logger;
  /** Of which Redis does not know yet; the oldest are forgotten first. */
  readonly #unsaid = new Map<string, number>();

  constructor(
    link: RedisLink,
    store: ClusterStore,
    tokens: SignalingServer['tokens'],
    log: Logger,
  ) {
    this.#store = store;
    this.#tokens = tokens;
    this.#log = log;
    this.#link = link;
    tokens.onRevoked = (id, expiresAt) => {
      this.#unsaid.set(id, expiresAt);
      const [oldest] = this.#unsaid.keys();
      if (this.#unsaid.size > UNSAID_MAX && oldest !== undefined) this.#unsaid.delete(oldest);
      // What Redis cannot be told now it is told when it is back.
      this.#say(id, expiresAt).catch((error: unknown) => {
        log.warn('cluster.not_revoked', { err: error });
      });
    };
    link.subscribe(CHANNEL, (message) => {
      const { id, exp } = revocation.parse(JSON.parse(message));
      this.#adopt(id, exp ?? Infinity);
    });
  }

  /** What was revoked while we did not listen, and what nobody has heard of from us. Never rejects. */
  async load(): Promise<void> {
    try {
      for (const [id, expiresAt] of this.#unsaid) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await this.#say(id, expiresAt);
      }
      for (const [id, expiresAt] of await this.#store.revoked(Date.now())) {
        this.#adopt(id, expiresAt);
      }
    } catch (error) {
      this.#log.warn('cluster.revocations.not_loaded', { err: error });
    }
  }

  async #say(id: string, expiresAt: number): Promise<void> {
    await this.#store.revoke(id, expiresAt);
    const exp = expiresAt === Infinity ? {} : { exp: expiresAt };
    await this.#link.publish(CHANNEL, JSON.stringify({ id, ...exp }));
    this.#unsaid.delete(id);
  }

  #adopt(id: string, expiresAt: number): void {
    try {
      this.#tokens.adoptRevocation(id, expiresAt);
    } catch (error) {
      // There is no room for more of them.
      this.#log.warn('token.not_revoked', { err: error });
    }
  }
}
