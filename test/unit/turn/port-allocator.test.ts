// Relay ports: every one of the range can be had, none twice, even ones and pairs when asked for.

import { randomInt } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PortAllocator, type RandomInt } from '../../../turn/port-allocator.ts';
import { upTo } from '../../support/turn/in-turn.ts';

const draw: RandomInt = (n) => randomInt(n);

function drain(take: () => number | undefined): number[] {
  const ports: number[] = [];
  for (let port = take(); port !== undefined; port = take()) ports.push(port);
  return ports;
}

describe('take', () => {
  it.each([
    [50_000, 50_000],
    [50_001, 50_001],
    [50_000, 50_009],
    [50_001, 50_010],
    [65_530, 65_535],
  ])('gives every port of %i-%i once, then none', (first, last) => {
    const ports = new PortAllocator(first, last, draw);
    const taken = drain(() => ports.take(false));
    expect(taken.toSorted((a, b) => a - b)).toEqual(upTo(last - first + 1).map((i) => first + i));
    expect(ports.free).toBe(0);
  });

  it('gives only even ports when asked, all of them', () => {
    const ports = new PortAllocator(50_001, 50_010, draw);
    const taken = drain(() => ports.take(true));
    expect(taken.toSorted((a, b) => a - b)).toEqual([50_002, 50_004, 50_006, 50_008, 50_010]);
    expect(ports.free).toBe(5);
  });

  it('begins anywhere in the range', () => {
    const ports = new PortAllocator(50_000, 50_015, draw);
    const firsts = upTo(400).map(() => {
      const port = ports.take(false)!;
      ports.release(port);
      return port;
    });
    expect(new Set(firsts).size).toBe(16);
  });
});

describe('takePair', () => {
  it('gives an even port and its successor, never across an end of the range', () => {
    const ports = new PortAllocator(50_001, 50_006, draw);
    const taken = drain(() => ports.takePair());
    expect(taken.toSorted((a, b) => a - b)).toEqual([50_002, 50_004]);
    expect(drain(() => ports.take(false)).toSorted((a, b) => a - b)).toEqual([50_001, 50_006]);
  });

  it('ends at 65535 at the latest', () => {
    const ports = new PortAllocator(65_534, 65_535, draw);
    expect(ports.takePair()).toBe(65_534);
    expect(new PortAllocator(65_535, 65_535, draw).takePair()).toBeUndefined();
  });
});

describe('release', () => {
  it('makes a port free again, once, and ignores what is not of the range', () => {
    const ports = new PortAllocator(50_000, 50_001, draw);
    drain(() => ports.take(false));
    ports.release(50_000);
    ports.release(50_000);
    ports.release(49_999);
    ports.release(50_002);
    expect(ports.free).toBe(1);
    expect(drain(() => ports.take(false))).toEqual([50_000]);
  });
});

it('counts what is free through any sequence of taking and releasing', () => {
  const step = fc.oneof(
    fc.constantFrom('any', 'even', 'pair'),
    fc.integer({ min: 49_998, max: 50_012 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ports = new PortAllocator(50_000, 50_010, draw);
      const taken = new Set<number>();
      for (const each of steps) {
        if (typeof each === 'number') {
          ports.release(each);
          taken.delete(each);
          continue;
        }
        const port = each === 'pair' ? ports.takePair() : ports.take(each === 'even');
        if (port === undefined) continue;
        const got = each === 'pair' ? [port, port + 1] : [port];
        expect(got.filter((one) => taken.has(one) || one < 50_000 || one > 50_010)).toEqual([]);
        expect(each === 'any' || port % 2 === 0).toBe(true);
        for (const one of got) taken.add(one);
      }
      expect(ports.free).toBe(11 - taken.size);
    }),
    { numRuns: 500 },
  );
});
