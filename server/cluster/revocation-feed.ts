// Tokens that are revoked at one node are revoked at all: told at once, and kept in Redis for who was away.
// Called by: cluster.ts, which makes it and has it load what it may have missed.

import { z } from 'zod';
import type { Logger } from '../../shared/log.ts';
import type { RedisLink } from '../../shared/redis/redis-link.ts';
import type { SignalingServer } from '../../signaling/index.ts';
import type { ClusterStore } from './store.ts';

const CHANNEL = 'revoked';

/** Without `exp`: for ever. */
const revocation = z.object({ id: z.string().min(1).max(256), exp: z.number().optional() });

export class RevocationFeed {
  readonly #store: ClusterStore;
  readonly #tokens: SignalingServer['tokens'];
  readonly #log: Logger;

  constructor(
    link: RedisLink,
    store: ClusterStore,
    tokens: SignalingServer['tokens'],
    log: Logger,
  ) {
    this.#store = store;
    this.#tokens = tokens;
    this.#log = log;
    tokens.onRevoked = (id, expiresAt) => {
      const exp = expiresAt === Infinity ? {} : { exp: expiresAt };
      const told = link.publish(CHANNEL, JSON.stringify({ id, ...exp }));
      Promise.all([told, store.revoke(id, expiresAt)]).catch((error: unknown) => {
        log.warn('cluster.not_revoked', { err: error });
      });
    };
    link.subscribe(CHANNEL, (message) => {
      const { id, exp } = revocation.parse(JSON.parse(message));
      this.#adopt(id, exp ?? Infinity);
    });
  }

  /** What was revoked while we did not listen. Never rejects. */
  async load(): Promise<void> {
    try {
      for (const [id, expiresAt] of await this.#store.revoked(Date.now())) {
        this.#adopt(id, expiresAt);
      }
    } catch (error) {
      this.#log.warn('cluster.revocations.not_loaded', { err: error });
    }
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
