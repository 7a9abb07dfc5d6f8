// RFC 8656 s7.2: the range of relay ports: none is lost, none given twice, all given before 508.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  ALLOCATE,
  EVEN_PORT,
  EVEN_PORT_RESERVE,
  reservationToken,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import type { CoreWorld } from '../support/turn/core-world.ts';
import { onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import type { AttributeSource } from '../support/turn/message.ts';
import { relayOn } from '../support/turn/world.ts';

const TOKEN = 0x0022;

const CYCLES: [string, AttributeSource[]][] = [
  ['', []],
  [' with EVEN-PORT R = 0', [EVEN_PORT]],
  [' with EVEN-PORT R = 1', [EVEN_PORT_RESERVE]],
];
for (const [what, attributes] of CYCLES) {
  onCore(
    `RFC 8656 s7.2: allocating and deleting${what}, three times the range over, never runs out`,
    async (world) => {
      const client = await TurnClient.of(world);
      const outcomes = await inTurn(upTo(3 * 16), async () => {
        const response = await client.request(ALLOCATE, UDP, ...attributes);
        await client.refresh(0);
        world.advance(30_000);
        world.sweep();
        return response.outcome;
      });
      expect(new Set(outcomes)).toEqual(new Set(['success']));
      expect(world.engine.counters.sockets).toBe(2);
    },
    { ports: { first: 50_000, last: 50_015 } },
  );
}

onCore(
  'RFC 8656 s7.2: a pair whose token was taken is freed with both allocations',
  async (world) => {
    const outcomes = await inTurn(upTo(3 * 4), async () => {
      const first = await TurnClient.of(world);
      const second = await TurnClient.of(world);
      const token = (await first.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
      const taken = await second.request(ALLOCATE, UDP, reservationToken(token));
      await first.refresh(0);
      await second.refresh(0);
      return taken.outcome;
    });
    expect(new Set(outcomes)).toEqual(new Set(['success']));
    expect(world.engine.counters.sockets).toBe(2);
  },
  { ports: { first: 50_000, last: 50_003 } },
);

async function fill(world: CoreWorld, ...attributes: AttributeSource[]): Promise<TurnClient[]> {
  const clients: TurnClient[] = [];
  for (;;) {
    // oxlint-disable-next-line eslint/no-await-in-loop -- until the range is full
    const client = await TurnClient.of(world);
    // oxlint-disable-next-line eslint/no-await-in-loop -- until the range is full
    const { outcome } = await client.request(ALLOCATE, UDP, ...attributes);
    if (outcome === '508') return clients;
    expect(outcome).toBe('success');
    clients.push(client);
  }
}

onCore(
  'RFC 8656 s7.2 step 8: every port of the range is given before 508, and freed ones again',
  async (world) => {
    const clients = await fill(world);
    expect(clients).toHaveLength(11);
    await clients[4]!.refresh(0);
    expect((await clients[4]!.allocate()).relayed.port).toBeGreaterThanOrEqual(50_000);
    world.advance(600_000);
    world.sweep();
    expect(await fill(world)).toHaveLength(11);
  },
  { ports: { first: 50_000, last: 50_010 } },
);

onCore(
  'RFC 8656 s7.2 step 8: EVEN-PORT is refused 508 when only odd ports are left',
  async (world) => {
    expect(await fill(world, EVEN_PORT)).toHaveLength(5);
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { ports: { first: 50_001, last: 50_010 } },
);

onCore(
  'RFC 8656 s7.2 step 8: R = 1 is refused 508 when no pair is left, at the edges of the range too',
  async (world) => {
    const clients = await fill(world, EVEN_PORT_RESERVE);
    const ports = world.engine.asked.slice(2).map(({ port }) => port);
    expect(clients).toHaveLength(4);
    expect(ports.toSorted((a, b) => a - b)).toEqual(upTo(8).map((i) => 50_002 + i));
  },
  { ports: { first: 50_001, last: 50_010 } },
);

onCore(
  'RFC 8656 s7.2: of two relay addresses of a family both are used, and both before 508',
  async (world) => {
    const clients = await fill(world);
    expect(clients).toHaveLength(8);
    const hosts = world.engine.asked.slice(2).map(({ host }) => host);
    expect(hosts.filter((host) => host === '127.0.0.1')).toHaveLength(4);
    expect(hosts.filter((host) => host === '127.0.0.2')).toHaveLength(4);
  },
  {
    relays: [relayOn('127.0.0.1'), relayOn('127.0.0.2')],
    ports: { first: 50_000, last: 50_003 },
  },
);

let draw = 0;
onCore(
  'RFC 8656 s7.2 step 8: an even port is found on whichever relay address has one',
  async (world) => {
    const clients = await inTurn(upTo(6), () => TurnClient.of(world));
    draw = 0;
    await inTurn(clients.slice(0, 4), (client) => client.allocate(EVEN_PORT));
    await clients[3]!.refresh(0);
    draw = 3;
    await clients[4]!.allocate();
    expect((await clients[5]!.request(ALLOCATE, UDP, EVEN_PORT)).outcome).toBe('success');
  },
  {
    relays: [relayOn('127.0.0.1'), relayOn('127.0.0.2')],
    ports: { first: 50_000, last: 50_003 },
    random: () => draw,
  },
);

onEveryTransport(
  'RFC 8656 s6: every relayed transport address is of one allocation only',
  async (world) => {
    const clients = await inTurn(upTo(20), () => TurnClient.of(world));
    const all = await inTurn(clients, async (client) =>
      (await client.allocate()).relayed.toString(),
    );
    expect(new Set(all).size).toBe(20);
  },
);

onCore('RFC 8656 s7.2: relay ports are spread at random over the range', async (world) => {
  const ports = await inTurn(upTo(200), async () => {
    const client = await TurnClient.of(world);
    const { port } = (await client.allocate()).relayed;
    await client.refresh(0);
    return port;
  });
  const steps = ports.slice(1).map((port, i) => port - ports[i]!);
  expect(new Set(ports).size).toBeGreaterThan(190);
  expect(new Set(steps).size).toBeGreaterThan(180);
  expect(Math.max(...ports) - Math.min(...ports)).toBeGreaterThan(12_000);
  expect(ports.every((port) => port >= 49_152 && port <= 65_535)).toBe(true);
});

onCore('RFC 8656 s7.2: a server closed while sockets open keeps none of them', async (world) => {
  const client = await TurnClient.of(world);
  world.engine.holdOpens = true;
  client.endpoint.send(client.build(ALLOCATE, [UDP, EVEN_PORT_RESERVE]), client.server);
  await world.settle();
  world.server.close();
  world.engine.holdOpens = false;
  world.engine.run();
  expect(world.engine.counters.sockets).toBe(0);
  expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 0, users: 0 });
  expect(await client.endpoint.rest()).toEqual([]);
});
