// What a Binding request costs in memory, with NAT behavior discovery and without: nothing of ours.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BINDING } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { bytesPerTurn } from '../../support/turn/heap.ts';
import { type AttributeSource, message } from '../../support/turn/message.ts';
import { address } from '../../support/turn/world.ts';

const REQUESTS = 50_000;

const natDiscovery = { primary: address('127.0.0.1', 3478), alternate: address('127.0.0.2', 3479) };

describe.each([
  ['without NAT discovery', undefined],
  ['with NAT discovery', natDiscovery],
])('%s', (_, option) => {
  it.each<[string, AttributeSource[]]>([
    ['a plain Binding', []],
    ['CHANGE-REQUEST', [[0x0003, [0, 0, 0, 6]]]],
    ['RESPONSE-PORT', [[0x0027, [9, 9, 0, 0]]]],
  ])('%s is answered without allocating', (_name, attributes) => {
    const world = new CoreWorld({ natDiscovery: option });
    world.engine.countOnly = true;
    const from = address('217.70.184.38', 50_000);
    const request = message(BINDING, randomBytes(12), attributes);
    const before = world.counters.sent;
    const perRequest = bytesPerTurn((turns) => {
      world.engine.handOver(world.listener4, from, request, request.length, turns);
    }, REQUESTS);
    expect(world.counters.sent - before).toBeGreaterThan(REQUESTS);
    expect(perRequest).toBeLessThan(8);
  });
});
