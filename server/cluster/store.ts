// What nodes know in common, in Redis: who lives, who has which room since when, how rooms were made, which tokens are
// revoked. Answers are checked as all that comes from outside.
// Called by: the cluster. Every method rejects with REDIS_UNAVAILABLE while Redis is away.

import { z } from 'zod';
import type { RedisLink } from '../../shared/redis/redis-link.ts';
import { CLAIM, DESCRIBE, JOIN, NODES, RELEASE, RENEW, TIDY } from './scripts.ts';

/** Rooms in one step, so that none keeps Redis busy for long. */
const ROOMS_A_STEP = 500;
/** Rooms of which nobody hears for so long are forgotten: a day; owners say it anew sooner. */
const INFO_KEPT_MS = 86_400_000;
/** Rooms that nobody has any more: participants who lost them come back sooner. */
const INFO_ORPHANED_MS = 600_000;
/** As many as signaling remembers. */
const REVOKED_MAX = 100_000;

const count = z.coerce.number().int().min(0);
const joined = z.tuple([count, z.array(z.string())]);
const claimed = z.union([
  z.tuple([z.literal('here'), count, z.string(), z.union([z.literal(0), z.literal(1)])]),
  z.tuple([z.literal('there'), z.string(), count]),
  z.tuple([z.literal('wait'), count]),
  z.tuple([z.literal('none')]),
]);
const pairs = z.array(z.string());

export type Claimed = z.output<typeof claimed>;
export type Want = 'find' | 'free' | 'any';

export class ClusterStore {
  readonly node: string;
  readonly #link: RedisLink;
  readonly #leaseMs: string;

  constructor(link: RedisLink, node: string, leaseMs: number) {
    this.#link = link;
    this.node = node;
    this.#leaseMs = String(leaseMs);
  }

  /**
   * Begins or renews the lease, and has every room confirmed: those that Redis has forgotten are put on the list again.
   * Resolves with the time of Redis and the rooms that others have by now.
   */
  async join(
    info: string,
    rooms: readonly (readonly [name: string, epoch: number])[],
  ): Promise<{ at: number; lost: string[] }> {
    const lost: string[] = [];
    let at = 0;
    for (let i = 0; i === 0 || i < rooms.length; i += ROOMS_A_STEP) {
      const some = rooms.slice(i, i + ROOMS_A_STEP).flatMap(([name, epoch]) => [name, `${epoch}`]);
      // oxlint-disable-next-line no-await-in-loop -- one step after the other
      const answer = await this.#run(JOIN, [this.node, this.#leaseMs, info, ...some]);
      const [time, gone] = joined.parse(answer);
      at = time;
      lost.push(...gone);
    }
    return { at, lost };
  }

  /** The time of Redis; 0 when the lease is over. */
  async renew(info: string): Promise<number> {
    return count.parse(await this.#run(RENEW, [this.node, this.#leaseMs, info]));
  }

  async claim(room: string, want: Want): Promise<Claimed> {
    return claimed.parse(await this.#run(CLAIM, [this.node, this.#leaseMs, room, want]));
  }

  /** `over`: how it was made is forgotten, too. */
  async release(rooms: Iterable<readonly [string, number]>, over: boolean): Promise<void> {
    const all = [...rooms].flatMap(([name, epoch]) => [name, this.#mine(epoch)]);
    for (let i = 0; i < all.length; i += 2 * ROOMS_A_STEP) {
      const some = all.slice(i, i + 2 * ROOMS_A_STEP);
      // oxlint-disable-next-line no-await-in-loop -- one step after the other
      await this.#run(RELEASE, [over ? '0' : `${INFO_ORPHANED_MS}`, ...some]);
    }
  }

  async describe(room: string, epoch: number, info: string): Promise<void> {
    await this.#run(DESCRIBE, [room, this.#mine(epoch), info, `${INFO_KEPT_MS}`]);
  }

  /** Takes rooms of dead nodes off the list; resolves with those on it as ours. */
  async tidy(): Promise<[name: string, epoch: number][]> {
    return twoByTwo(await this.#run(TIDY, [this.node, `${INFO_ORPHANED_MS}`])).map(
      ([name, epoch]) => [name, count.parse(epoch)],
    );
  }

  /** Id and what it says of itself of each node. */
  async nodes(): Promise<[id: string, info: string][]> {
    return twoByTwo(await this.#run(NODES, []));
  }

  async lives(node: string): Promise<boolean> {
    const key = `${this.#link.prefix}node:${node}`;
    return (await this.#link.run((redis) => redis.exists(key))) === 1;
  }

  /** Others may take our rooms from now on. */
  async leave(): Promise<void> {
    const { prefix } = this.#link;
    await this.#link.run((redis) =>
      redis.multi().del(`${prefix}node:${this.node}`).srem(`${prefix}nodes`, this.node).exec(),
    );
  }

  async revoke(id: string, expiresAt: number): Promise<void> {
    const key = `${this.#link.prefix}revoked`;
    const score = expiresAt === Infinity ? '+inf' : String(expiresAt);
    await this.#link.run((redis) => redis.zadd(key, score, id));
  }

  /** Ids and ends of what is revoked; forgets what has expired. */
  async revoked(wallNow: number): Promise<[id: string, expiresAt: number][]> {
    const key = `${this.#link.prefix}revoked`;
    await this.#link.run((redis) => redis.zremrangebyscore(key, '-inf', `${wallNow}`));
    const list = await this.#link.run((redis) =>
      redis.zrange(key, 0, `${REVOKED_MAX - 1}`, 'WITHSCORES'),
    );
    return twoByTwo(list).map(([id, end]) => [
      id,
      end === 'inf' ? Infinity : z.coerce.number().parse(end),
    ]);
  }

  #mine(epoch: number): string {
    return `${this.node} ${epoch}`;
  }

  #run(script: string, args: readonly string[]): Promise<unknown> {
    return this.#link.run((redis) => redis.eval(script, 1, this.#link.prefix, ...args));
  }
}

function twoByTwo(answer: unknown): [string, string][] {
  const list = pairs.parse(answer);
  const out: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) out.push([list[i]!, list[i + 1]!]);
  return out;
}
