// The cap on replies to unauthenticated requests: alone, and as the server uses it.

import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { SourceCap } from '../../../turn/source-cap.ts';
import { ALLOCATE, BINDING, TurnClient } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { bytesPerTurn } from '../../support/turn/heap.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { message } from '../../support/turn/message.ts';
import { address } from '../../support/turn/world.ts';

function capOf(perSecond: number): SourceCap {
  return new SourceCap(SourceCap.memory(perSecond));
}

function allowed(cap: SourceCap, host: string, times: number, now: number): number {
  return upTo(times).filter((port) => cap.allow(address(host, port), now)).length;
}

describe('the cap alone', () => {
  it('allows that many replies at once to one IPv4 address, whatever the port', () => {
    const cap = capOf(10);
    expect(allowed(cap, '192.0.2.1', 100, 0)).toBe(10);
  });

  it('counts IPv4 by address: the neighbours are not affected', () => {
    const cap = capOf(10);
    allowed(cap, '192.0.2.4', 100, 0);
    const neighbours = ['192.0.2.5', '192.0.2.3', '192.0.3.4', '193.0.2.4'];
    expect(neighbours.map((host) => allowed(cap, host, 100, 0))).toEqual([10, 10, 10, 10]);
  });

  it('counts IPv6 by /64: addresses in one share, the networks on both sides are not affected', () => {
    const cap = capOf(10);
    const inside = ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::'];
    expect(inside.map((host) => allowed(cap, host, 6, 0))).toEqual([6, 4, 0]);
    const outside = ['2001:db8:1:1::1', '2001:db8:1:3::1', '2001:db8:1:0::1', '2001:db8:2:2::1'];
    expect(outside.map((host) => allowed(cap, host, 100, 0))).toEqual([10, 10, 10, 10]);
  });

  it('keeps IPv4 and IPv6 apart, though their words be the same', () => {
    const cap = capOf(10);
    const six = upTo(40).filter((w1) => {
      const client = new TransportAddress().setV6(0xc0000201, w1 >> 3, 0, 0, 1);
      return cap.allow(client, 0);
    });
    expect(six).toHaveLength(40);
    expect(allowed(cap, '192.0.2.1', 100, 0)).toBe(10);
    expect(allowed(cap, '0.0.0.0', 100, 0)).toBe(10);
    expect(allowed(cap, '::', 100, 0)).toBe(10);
    expect(allowed(cap, '0.0.0.1', 100, 0)).toBe(10);
  });

  it('gives back one reply every tenth of a second, and never more than a second of them', () => {
    const cap = capOf(10);
    allowed(cap, '192.0.2.1', 100, 1000);
    expect(allowed(cap, '192.0.2.1', 100, 1099)).toBe(0);
    expect(allowed(cap, '192.0.2.1', 100, 1101)).toBe(1);
    expect(allowed(cap, '192.0.2.1', 100, 1401)).toBe(3);
    expect(allowed(cap, '192.0.2.1', 100, 900_000)).toBe(10);
  });

  it('over a minute of steady asking allows ten a second', () => {
    const cap = capOf(10);
    const times = upTo(60_000).filter((ms) => cap.allow(address('192.0.2.1', 1), ms));
    expect(times.length).toBeGreaterThanOrEqual(600);
    expect(times.length).toBeLessThanOrEqual(610);
  });

  it('is off at 0', () => {
    const cap = capOf(0);
    expect(allowed(cap, '192.0.2.1', 10_000, 0)).toBe(10_000);
  });

  it('keeps capping a busy network while 100,000 others come and go', () => {
    const cap = capOf(10);
    const busy = address('192.0.2.1', 1);
    const other = new TransportAddress();
    let count = 0;
    for (let i = 0; i < 100_000; i++) {
      if (cap.allow(busy, i / 1000)) count++;
      cap.allow(other.setV4((i * 2_654_435_761) >>> 0, 1), i / 1000);
    }
    // 100 ms at ten a second: the ten of the start and one more.
    expect(count).toBeLessThanOrEqual(12);
  });
});

async function replies(world: CoreWorld, host: string, bytes: () => Uint8Array, times: number) {
  const listener = host.includes(':') ? world.listener6 : world.listener4;
  const counts = await inTurn(upTo(times), async () => {
    const endpoint = world.endpointAt(host);
    endpoint.send(bytes(), listener);
    return (await endpoint.rest()).length;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

const allocate = (): Uint8Array => message(ALLOCATE, randomBytes(12));
const bad = (): Uint8Array => message(ALLOCATE, randomBytes(12), [[8, randomBytes(20)]]);
const binding = (): Uint8Array => message(BINDING, randomBytes(12));
const unknown = (): Uint8Array => message(BINDING, randomBytes(12), [[0x7abc, []]]);

describe('the clocks of the cap', () => {
  /** Where the 32 bits of a slot come round, half-way there, and at length. */
  const TURNS_MS = [16_000, 32_000, 64_000, 320_000, 32_000 * 2700, 32_000 * 1_000_000];
  const OFFSETS_MS = [-1000, -999, -500, -100, -1, 0, 1, 99, 100, 500, 999, 1000, 1001];

  it.each([0, 5000, 31_999, 1_234_567_890])(
    'never take what is long over for something to come, from %i ms on',
    (start) => {
      const gaps = TURNS_MS.flatMap((turn) => OFFSETS_MS.map((offset) => turn + offset));
      const left = gaps.map((gap) => {
        const cap = capOf(10);
        allowed(cap, '192.0.2.1', 100, start);
        return allowed(cap, '192.0.2.1', 100, start + gap);
      });
      expect(left).toEqual(gaps.map(() => 10));
    },
  );

  it('agree with a bucket of tokens through any course of asking and waiting', () => {
    const wait = fc.oneof(
      fc.integer({ min: 0, max: 3000 }),
      fc.constantFrom(...TURNS_MS),
      fc.integer({ min: 0, max: 100_000_000 }),
    );
    const course = fc.array(fc.tuple(wait, fc.integer({ min: 1, max: 30 })), { maxLength: 40 });
    const start = fc.integer({ min: 0, max: 1_000_000_000 });
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 7, 10, 16), start, course, (perSecond, from, steps) => {
        const cap = capOf(perSecond);
        let now = from;
        let tokens: number = perSecond;
        let least = 0;
        let most = 0;
        let got = 0;
        for (const [waited, times] of steps) {
          now += waited;
          tokens = Math.min(perSecond, tokens + (waited * perSecond) / 1000);
          // A token that is complete but for rounding may be there or not.
          least += Math.min(times, Math.floor(tokens - 1e-3));
          most += Math.min(times, Math.floor(tokens + 1e-3));
          const before = got;
          got += allowed(cap, '192.0.2.1', times, now);
          tokens -= got - before;
        }
        expect(got).toBeGreaterThanOrEqual(least);
        expect(got).toBeLessThanOrEqual(most);
      }),
      { numRuns: 300 },
    );
  });

  it('are fine enough for a million replies a second', () => {
    const cap = capOf(1_000_000);
    const from = address('192.0.2.1', 1);
    const burst = (now: number): number => {
      let count = 0;
      while (cap.allow(from, now)) count++;
      return count;
    };
    expect(burst(1000)).toBe(1_000_000);
    expect(Math.abs(burst(1500) / 500_000 - 1)).toBeLessThan(0.01);
    expect(burst(60_000)).toBe(1_000_000);
  });

  it('are the same in every thread, and move without allocating', () => {
    const memory = SourceCap.memory(10);
    const caps = upTo(3).map(() => new SourceCap(memory));
    expect(caps.map((cap) => allowed(cap, '192.0.2.1', 6, 0))).toEqual([6, 4, 0]);
    const from = new TransportAddress();
    const perCall = bytesPerTurn((turns) => {
      for (let i = 0; i < turns; i++) {
        caps[i % 3]!.allow(from.setV4(0xc6336400 + (i & 0x1fff), 1), 1_000_000_000 + (i >> 3));
      }
    }, 100_000);
    expect(perCall).toBeLessThan(4);
  });
});

describe('the cap in the server', () => {
  it('answers ten 401s a second to one address, counts the rest, and answers others', async () => {
    const world = new CoreWorld({ unauthorizedPerSecond: 10 });
    expect(await replies(world, '198.51.100.1', allocate, 50)).toBe(10);
    expect(world.server.stats().drops['unauthenticated-cap']).toBe(40);
    expect(await replies(world, '198.51.100.2', allocate, 5)).toBe(5);
    expect(await replies(world, '2001:db8::1', allocate, 50)).toBe(10);
    world.advance(1000);
    expect(await replies(world, '198.51.100.1', allocate, 50)).toBe(10);
  });

  it('is over 400, 401, 438 and the 420 of Binding together', async () => {
    const world = new CoreWorld({ unauthorizedPerSecond: 10 });
    const host = '198.51.100.1';
    const client = new TurnClient(world.endpointAt(host, 777), world.listener4);
    await client.challenge();
    const stale = (): Uint8Array => client.build(ALLOCATE, []);
    const counts = await inTurn([allocate, stale, bad, unknown], (make) =>
      replies(world, host, make, 2),
    );
    expect(counts).toEqual([2, 2, 2, 2]);
    expect(await replies(world, host, unknown, 9)).toBe(1);
    expect(await replies(world, host, stale, 9)).toBe(0);
  });

  it('leaves authenticated requests and Binding alone', async () => {
    const world = new CoreWorld({ unauthorizedPerSecond: 10 });
    const client = new TurnClient(world.endpointAt('198.51.100.1', 777), world.listener4);
    await client.challenge();
    expect(await replies(world, '198.51.100.1', allocate, 50)).toBe(9);
    expect(await replies(world, '198.51.100.1', binding, 50)).toBe(50);
    await client.allocate();
    const refreshed = await inTurn(upTo(50), () => client.refresh());
    expect(refreshed.filter(({ outcome }) => outcome === 'success')).toHaveLength(50);
  });
});
