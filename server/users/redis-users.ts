// Users in Redis: one hash, whose fields are user names and whose values are passwords (HSET key user password).

import type { Redis } from 'ioredis';
import type { Logger } from '../../shared/log.ts';
import { openConnection } from '../../shared/redis/connection.ts';
import type { UserSource } from './user-source.ts';

const COMMAND_TIMEOUT_MS = 2000;

export class RedisUsers implements UserSource {
  readonly name = 'redis';
  readonly #redis: Redis;
  readonly #key: string;

  constructor(url: string, key: string, log: Logger) {
    this.#key = key;
    this.#redis = openConnection(url, {
      name: 'sterna-users',
      commandTimeoutMs: COMMAND_TIMEOUT_MS,
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
