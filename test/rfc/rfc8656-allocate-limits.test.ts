// RFC 8656 s7.2: which lifetime is granted, and quotas (step 10).
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  ALLOCATE,
  EVEN_PORT,
  EVEN_PORT_RESERVE,
  lifetime,
  reservationToken,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { SinkEndpoint } from '../support/turn/sink-endpoint.ts';
import { OTHER_PASSWORD, OTHER_USER } from '../support/turn/world.ts';

const LIFETIME = 0x000d;
const TOKEN = 0x0022;

const LIFETIMES: [asked: number, granted: number][] = [
  [0, 600],
  [1, 600],
  [599, 600],
  [600, 600],
  [601, 601],
  [3599, 3599],
  [3600, 3600],
  [3601, 3600],
  [0x7fffffff, 3600],
  [0xffffffff, 3600],
];
for (const [asked, granted] of LIFETIMES) {
  onEveryTransport(
    `RFC 8656 s7.2: a LIFETIME of ${asked} s is granted as ${granted} s`,
    async (world) => {
      const client = await TurnClient.of(world);
      expect((await client.allocate(lifetime(asked))).response.u32(LIFETIME)).toBe(granted);
    },
  );
}

onEveryTransport(
  'RFC 8656 s18.2: a LIFETIME that is not 4 bytes long is refused 400',
  async (world) => {
    const client = await TurnClient.of(world);
    const outcomes = await inTurn([0, 1, 3, 5, 8], (length) =>
      client.request(ALLOCATE, UDP, [LIFETIME, new Uint8Array(length)]),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(5).fill('400'));
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 10: the allocation that would exceed the quota of its user is refused 486',
  async (world) => {
    const clients = await inTurn(Array(3).keys(), () => TurnClient.of(world));
    await clients[0]!.allocate();
    const second = clients[1]!.build(ALLOCATE, [UDP]);
    await clients[1]!.exchange(second);
    expect((await clients[1]!.exchange(second)).outcome).toBe('success');
    expect((await clients[2]!.request(ALLOCATE, UDP)).outcome).toBe('486');
    const stranger = await TurnClient.of(world, {
      username: OTHER_USER,
      password: OTHER_PASSWORD,
    });
    expect((await stranger.allocate()).response.outcome).toBe('success');
    await clients[0]!.refresh(0);
    expect((await clients[2]!.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { quota: { perUser: 2, total: 100 } },
);

onEveryTransport(
  'RFC 8656 s7.2 step 10: a reserved port counts against the quota, and its taking up does not again',
  async (world) => {
    const client = await TurnClient.of(world);
    const token = (await client.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
    const next = await TurnClient.of(world);
    expect((await next.request(ALLOCATE, UDP)).outcome).toBe('486');
    expect((await next.allocate(reservationToken(token))).response.outcome).toBe('success');
    const pair = await TurnClient.of(world, { username: OTHER_USER, password: OTHER_PASSWORD });
    await pair.allocate();
    const last = await TurnClient.of(world, { username: OTHER_USER, password: OTHER_PASSWORD });
    expect((await last.request(ALLOCATE, UDP, EVEN_PORT_RESERVE)).outcome).toBe('486');
    expect((await last.request(ALLOCATE, UDP, EVEN_PORT)).outcome).toBe('success');
  },
  { quota: { perUser: 2, total: 100 } },
);

onEveryTransport(
  'RFC 8656 s7.2: the server that has reached its total is refused 508',
  async (world) => {
    const first = await TurnClient.of(world);
    const second = await TurnClient.of(world, { username: OTHER_USER, password: OTHER_PASSWORD });
    await first.allocate();
    expect((await second.request(ALLOCATE, UDP)).outcome).toBe('508');
    await first.refresh(0);
    expect((await second.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { quota: { perUser: 5, total: 1 } },
);

onEveryTransport(
  'RFC 8656 s7.2: reserved ports count against the total, and their taking up does not again',
  async (world) => {
    const first = await TurnClient.of(world);
    const token = (await first.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
    const second = await TurnClient.of(world);
    expect((await second.request(ALLOCATE, UDP)).outcome).toBe('508');
    expect((await second.allocate(reservationToken(token))).response.outcome).toBe('success');
  },
  { quota: { perUser: 9, total: 2 } },
);

onCore(
  'RFC 8656 s7.2 step 10: a client that vanishes and comes back has its quota when its allocation is over',
  async (world) => {
    await (await TurnClient.of(world)).allocate();
    const back = await TurnClient.of(world);
    expect((await back.request(ALLOCATE, UDP)).outcome).toBe('486');
    world.advance(599_999);
    world.sweep();
    expect((await back.request(ALLOCATE, UDP)).outcome).toBe('486');
    world.advance(1);
    world.sweep();
    expect((await back.request(ALLOCATE, UDP)).outcome).toBe('success');
    expect((await (await TurnClient.of(world)).request(ALLOCATE, UDP)).outcome).toBe('486');
  },
  { quota: { perUser: 1, total: 100 } },
);

onEveryTransport(
  'RFC 8656 s7.2 step 10: a refused Allocate takes nothing of the quota, however often it comes',
  async (world) => {
    const [holder, next] = [await TurnClient.of(world), await TurnClient.of(world)];
    await holder.allocate();
    const refused = next.build(ALLOCATE, [UDP]);
    const outcomes = await inTurn(upTo(5), () => next.exchange(refused));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(5).fill('486'));
    await holder.refresh(0);
    expect((await next.exchange(refused)).outcome).toBe('success');
    expect((await next.exchange(refused)).outcome).toBe('success');
    expect(world.server.stats()).toMatchObject({ allocations: 1, users: 1 });
  },
  { quota: { perUser: 1, total: 1 } },
);

onEveryTransport(
  'RFC 8656 s7.2 step 10: a client whose connection ends has its quota at once, each time once',
  async (world) => {
    await inTurn(upTo(3), async (i) => {
      const connection = new SinkEndpoint(world, 'tls', 40_000 + i);
      const client = new TurnClient(connection, connection.server);
      await client.challenge();
      await client.allocate();
      const rival = await TurnClient.of(world);
      expect((await rival.request(ALLOCATE, UDP)).outcome).toBe('486');
      expect(world.server.stats().traffic.tls.allocations).toBe(1);
      connection.disconnect();
      connection.disconnect();
      expect(world.server.stats().traffic.tls.allocations).toBe(0);
    });
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
    expect((await (await TurnClient.of(world)).request(ALLOCATE, UDP)).outcome).toBe('486');
  },
  { quota: { perUser: 1, total: 1 } },
);
