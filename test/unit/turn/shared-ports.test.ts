// Relay ports: every one of the range can be had, none twice, even ones and pairs when asked for; by which
// worker, and whether a relay lives there.

import { randomInt } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PortRange, type RandomInt, SharedPorts } from '../../../turn/shared-ports.ts';
import { upTo } from '../../support/turn/in-turn.ts';

const draw: RandomInt = (n) => randomInt(n);

/** The views of that many workers. */
function workers(range: PortRange, count: number, hosts = 1): SharedPorts[] {
  const memory = SharedPorts.memory(hosts, range, count);
  return upTo(count).map((self) => new SharedPorts(memory, range, count, self));
}

function alone(first: number, last: number): SharedPorts {
  return workers({ first, last }, 1)[0]!;
}

function drain(take: () => number | undefined): number[] {
  const ports: number[] = [];
  for (let port = take(); port !== undefined; port = take()) ports.push(port);
  return ports.toSorted((a, b) => a - b);
}

describe('take', () => {
  it.each([
    [50_000, 50_000],
    [50_001, 50_001],
    [50_000, 50_009],
    [50_001, 50_010],
    [65_530, 65_535],
  ])('gives every port of %i-%i once, then none', (first, last) => {
    const ports = alone(first, last);
    const taken = drain(() => ports.take(0, false, draw));
    expect(taken).toEqual(upTo(last - first + 1).map((i) => first + i));
    expect(ports.free(0)).toBe(0);
  });

  it('gives only even ports when asked, all of them', () => {
    const ports = alone(50_001, 50_010);
    const taken = drain(() => ports.take(0, true, draw));
    expect(taken).toEqual([50_002, 50_004, 50_006, 50_008, 50_010]);
    expect(ports.free(0)).toBe(5);
  });

  it('begins anywhere in the range', () => {
    const ports = alone(50_000, 50_015);
    const firsts = upTo(400).map(() => {
      const port = ports.take(0, false, draw)!;
      ports.release(0, port);
      return port;
    });
    expect(new Set(firsts).size).toBe(16);
  });
});

describe('takePair', () => {
  it('gives an even port and its successor, never across an end of the range', () => {
    const ports = alone(50_001, 50_006);
    expect(drain(() => ports.takePair(0, draw))).toEqual([50_002, 50_004]);
    expect(drain(() => ports.take(0, false, draw))).toEqual([50_001, 50_006]);
  });

  it('ends at 65535 at the latest', () => {
    expect(alone(65_534, 65_535).takePair(0, draw)).toBe(65_534);
    expect(alone(65_535, 65_535).takePair(0, draw)).toBeUndefined();
  });

  it('keeps nothing of a pair whose odd port somebody has', () => {
    const [a, b] = workers({ first: 50_000, last: 50_001 }, 2);
    while (b!.take(0, false, draw) !== 50_001) b!.release(0, 50_000);
    expect(a!.takePair(0, draw)).toBeUndefined();
    expect(a!.free(0)).toBe(1);
    expect(a!.take(0, false, draw)).toBe(50_000);
  });
});

describe('release', () => {
  it('makes a port free again, once, and ignores what is not of the range', () => {
    const ports = alone(50_000, 50_001);
    drain(() => ports.take(0, false, draw));
    ports.release(0, 50_000);
    ports.release(0, 50_000);
    ports.release(0, 49_999);
    ports.release(0, 50_002);
    expect(ports.free(0)).toBe(1);
    expect(drain(() => ports.take(0, false, draw))).toEqual([50_000]);
  });
});

describe('between workers', () => {
  it('no port is given twice, nor freed by another than its owner', () => {
    const [a, b] = workers({ first: 50_000, last: 50_007 }, 2);
    const ofA = upTo(4).map(() => a!.take(0, false, draw)!);
    const ofB = drain(() => b!.take(0, false, draw));
    expect([...ofA, ...ofB].toSorted((x, y) => x - y)).toEqual(upTo(8).map((i) => 50_000 + i));
    for (const port of ofA) b!.release(0, port);
    expect([a!.free(0), b!.free(0)]).toEqual([0, 0]);
    for (const port of ofA) a!.release(0, port);
    expect([a!.free(0), b!.free(0)]).toEqual([4, 4]);
  });

  it('relay addresses have the same ports each, and nothing to do with one another', () => {
    const [a, b] = workers({ first: 50_000, last: 50_001 }, 2, 2);
    expect(drain(() => a!.take(0, false, draw))).toEqual([50_000, 50_001]);
    expect(drain(() => b!.take(1, false, draw))).toEqual([50_000, 50_001]);
    a!.setLive(0, 50_000);
    b!.setLive(1, 50_001);
    const owners = [0, 1].map((host) => [50_000, 50_001].map((port) => a!.liveOwner(host, port)));
    expect(owners).toEqual([
      [0, -1],
      [-1, 1],
    ]);
  });

  it('all see who has a live port, until it is released', () => {
    const views = workers({ first: 50_000, last: 50_000 }, 3);
    const owners = (): number[] => views.map((view) => view.liveOwner(0, 50_000));
    expect(owners()).toEqual([-1, -1, -1]);
    views[2]!.take(0, false, draw);
    expect(owners()).toEqual([-1, -1, -1]);
    views[0]!.setLive(0, 50_000);
    expect(owners()).toEqual([-1, -1, -1]);
    views[2]!.setLive(0, 50_000);
    expect(owners()).toEqual([2, 2, 2]);
    views[2]!.release(0, 50_000);
    expect(owners()).toEqual([-1, -1, -1]);
    expect(views[0]!.free(0)).toBe(1);
  });

  it('ports outside the range have no owner', () => {
    const ports = alone(50_000, 50_001);
    drain(() => ports.take(0, false, draw));
    ports.setLive(0, 50_000);
    ports.setLive(0, 50_001);
    expect([49_999, 50_002, 0, 65_535].map((port) => ports.liveOwner(0, port))).toEqual([
      -1, -1, -1, -1,
    ]);
  });

  it('a reserved port moves to another worker once, by naming who has it', () => {
    const [a, b] = workers({ first: 50_000, last: 50_003 }, 2);
    const port = a!.takePair(0, draw)! + 1;
    expect(b!.move(0, port, 1, 1)).toBe(false);
    expect(b!.move(0, port, 0, 1)).toBe(true);
    expect(b!.move(0, port, 0, 1)).toBe(false);
    a!.release(0, port);
    expect(a!.free(0)).toBe(2);
    b!.setLive(0, port);
    expect(a!.liveOwner(0, port)).toBe(1);
    expect(a!.move(0, port, 1, 0)).toBe(false);
    b!.release(0, port);
    expect(a!.free(0)).toBe(3);
  });

  it('what a dead worker had is free, live or not, and nothing else', () => {
    const [a, b] = workers({ first: 50_000, last: 50_009 }, 2, 2);
    const kept = [a!.take(0, false, draw)!, a!.take(0, false, draw)!];
    a!.setLive(0, kept[0]!);
    for (const host of [0, 1]) {
      for (const port of drain(() => b!.take(host, false, draw)).slice(0, 4)) {
        b!.setLive(host, port);
      }
    }
    a!.reclaim(1);
    expect([a!.free(0), a!.free(1)]).toEqual([8, 10]);
    expect(a!.liveOwner(0, kept[0]!)).toBe(0);
    const free = drain(() => a!.take(0, false, draw));
    expect([...free, ...kept].toSorted((x, y) => x - y)).toEqual(upTo(10).map((i) => 50_000 + i));
  });
});

it('counts what is free through any sequence of taking and releasing', () => {
  const step = fc.oneof(
    fc.constantFrom('any', 'even', 'pair'),
    fc.integer({ min: 49_998, max: 50_012 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 }), (steps) => {
      const views = workers({ first: 50_000, last: 50_010 }, 2);
      const taken = new Map<number, SharedPorts>();
      for (const [each, second] of steps) {
        const ports = views[second ? 1 : 0]!;
        if (typeof each === 'number') {
          ports.release(0, each);
          if (taken.get(each) === ports) taken.delete(each);
          continue;
        }
        const port =
          each === 'pair' ? ports.takePair(0, draw) : ports.take(0, each === 'even', draw);
        if (port === undefined) continue;
        const got = each === 'pair' ? [port, port + 1] : [port];
        expect(got.filter((one) => taken.has(one) || one < 50_000 || one > 50_010)).toEqual([]);
        expect(each === 'any' || port % 2 === 0).toBe(true);
        for (const one of got) taken.set(one, ports);
      }
      expect(views.map((ports) => ports.free(0))).toEqual(Array(2).fill(11 - taken.size));
    }),
    { numRuns: 500 },
  );
});
