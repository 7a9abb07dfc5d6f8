// Users in Redis: one hash, whose fields are user names and whose values are passwords (HSET key user password).

import { Redis } from 'ioredis';
import type { Logger } from '../../shared/log.ts';
import type { UserSource } from './user-source.ts';

const COMMAND_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 3000;
const RECONNECT_MS_MAX = 2000;

export class RedisUsers implements UserSource {
  readonly name = 'redis';
  readonly #redis: Redis;
  readonly #key: string;

  constructor(url: string, key: string, log: Logger) {
    this.#key = key;
    this.#redis = new Redis(url, {
      // Nobody waits for a Redis that is away: the answer is that it cannot be asked.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: (attempt) => Math.min(RECONNECT_MS_MAX, 50 * 2 ** Math.min(attempt, 10)),
      connectionName: 'sterna-users',
    });
    let down = false;
    this.#redis.on('error', (error: Error) => {
      if (!down) log.warn('users.redis.down', { error: error.message });
      down = true;
    });
    this.#redis.on('ready', () => {
      if (down) log.info('users.redis.up');
      down = false;
    });
  }

  async passwordOf(username: string): Promise<string | undefined> {
    return (await this.#redis.hget(this.#key, username)) ?? undefined;
  }

  close(): void {
    this.#redis.disconnect();
  }
}
