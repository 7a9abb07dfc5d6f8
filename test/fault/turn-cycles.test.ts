// Allocations that are made and expire, over and over: memory, descriptors and ports stay as they were. With
// STERNA_CYCLES=100000 it is a hundred thousand of them.

import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { held } from '../support/fault/held.ts';
import { inParallel } from '../support/fault/in-parallel.ts';
import { PASSWORD, TurnSocket, USER } from '../support/fault/turn-socket.ts';
import { liveBytes } from '../support/turn/heap.ts';
import { UdpWorld } from '../support/turn/udp-world.ts';

const CYCLES = Number(process.env['STERNA_CYCLES'] ?? 15_000);
const CLIENTS = 200;
const LIFETIME_MS = 40;
/** A busy turn of the engine goes by the time when it began. */
const LATE_MS = 40;
const ROUNDS = 5;
/** A hundred bytes for each allocation of the last three rounds would be seen. */
const GROWTH_BYTES_MAX = 100 * CYCLES * (3 / ROUNDS);
const MIB = 1024 * 1024;

const descriptors = (): number => readdirSync('/proc/self/fd').length;

it.skipIf(process.platform !== 'linux')(
  `${CYCLES} allocations expire and leave nothing behind`,
  { timeout: 600_000 },
  async () => {
    const world = await UdpWorld.open('linux', {
      users: { [USER]: PASSWORD },
      quota: { perUser: 2 * CLIENTS, total: 2 * CLIENTS },
      // Four times over if every cycle kept its port.
      ports: { first: 20_000, last: 20_000 + CYCLES / 4 },
      lifetimes: {
        allocation: LIFETIME_MS,
        allocationMax: LIFETIME_MS,
        permission: 300_000,
        channel: 600_000,
        nonce: 3_600_000,
      },
    });
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => TurnSocket.open()));
    onTestFinished(async () => {
      for (const client of clients) client.close();
      await world.close();
    });
    const sockets = world.counters.sockets;
    const open = descriptors();
    const live: number[] = [];
    let made = 0;
    let most = 0;
    const cycles = async (count: number): Promise<void> => {
      await inParallel(clients, CLIENTS, async (client) => {
        for (let n = 0; n < count / CLIENTS; n++) {
          await client.allocate(world.listener4);
          made++;
          most = Math.max(most, world.server.stats().allocations);
          await sleep(LIFETIME_MS + LATE_MS);
        }
      });
      await expect.poll(() => world.server.stats().allocations).toBe(0);
      expect(world.counters.sockets).toBe(sockets);
      expect(descriptors()).toBe(open);
      expect(world.server.stats().users).toBe(0);
      world.events.created.length = 0;
      const ended = world.events.deleted.splice(0);
      expect(ended.filter(({ reason }) => reason !== 'expired')).toEqual([]);
      expect(ended).toHaveLength(count);
      live.push(liveBytes());
    };
    for (let round = 0; round < ROUNDS; round++) await cycles(CYCLES / ROUNDS);
    expect(made).toBe(CYCLES);
    // What is made once, and what the compiler keeps, is there after the second round.
    expect(live.at(-1)! - live[1]!).toBeLessThan(GROWTH_BYTES_MAX);
    held(
      `${made} allocations, ${most} at a time, ${open} descriptors before and after, ` +
        `heap ${live.map((bytes) => (bytes / MIB).toFixed(1)).join(' -> ')} MiB`,
    );
  },
);
