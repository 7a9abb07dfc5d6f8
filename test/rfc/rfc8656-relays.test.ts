// RFC 8656 s7.2: relayed transport addresses: sockets that open late or not at all, pairs and reservations,
// ranges that run out. On the fake engine, where the test decides what becomes of a socket.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import { OPEN_ATTEMPTS_MAX } from '../../turn/limits.ts';
import {
  ADDITIONAL_6,
  ALLOCATE,
  EVEN_PORT_RESERVE,
  FAMILY_6,
  reservationToken,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { address, allDrops, drops, OTHER_PASSWORD, OTHER_USER } from '../support/turn/world.ts';

const XOR_RELAYED = 0x0016;
const TOKEN = 0x0022;
const ADDRESS_ERROR = 0x8001;

async function answers(client: TurnClient): Promise<string[]> {
  return (await client.endpoint.rest()).map(({ bytes }) => {
    const response = new ReceivedMessage(bytes);
    response.integrity(client.key);
    return response.outcome;
  });
}

onCore(
  'RFC 8656 s7.2: retransmissions while the socket opens make one allocation and one answer',
  async (world) => {
    const client = await TurnClient.of(world);
    world.engine.holdOpens = true;
    const request = client.build(ALLOCATE, [UDP]);
    for (let i = 0; i < 3; i++) client.endpoint.send(request, client.server);
    expect(await answers(client)).toEqual([]);
    expect(world.engine.opening).toBe(1);
    expect(await drops(world, 'in-progress')).toBe(2);
    expect(world.server.stats()).toMatchObject({ allocations: 1 });
    world.engine.holdOpens = false;
    expect(await answers(client)).toEqual(['success']);
    expect(world.server.stats()).toMatchObject({ allocations: 1 });
    expect(world.events.created).toHaveLength(1);
  },
);

onCore(
  'RFC 8656 s7.2 step 2: another Allocate is refused 437 while the socket opens',
  async (world) => {
    const client = await TurnClient.of(world);
    world.engine.holdOpens = true;
    client.endpoint.send(client.build(ALLOCATE, [UDP]), client.server);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('437');
    world.engine.holdOpens = false;
    expect(await answers(client)).toEqual(['success']);
  },
);

onCore(
  'RFC 8656 s5: what needs an allocation is refused 437 while its socket opens',
  async (world) => {
    const client = await TurnClient.of(world);
    world.engine.holdOpens = true;
    client.endpoint.send(client.build(ALLOCATE, [UDP]), client.server);
    expect((await client.permit(address('127.0.0.1'))).outcome).toBe('437');
    expect((await client.bind(0x4000, address('127.0.0.1', 5000))).outcome).toBe('437');
    expect((await client.refresh(0)).outcome).toBe('437');
    client.sendTo(address('127.0.0.1', 5000), Buffer.from('early'));
    client.sendChannel(0x4000, Buffer.from('early'));
    expect(await drops(world, 'no-allocation')).toBe(1);
    expect(await drops(world, 'no-channel')).toBe(1);
  },
);

onCore(
  'RFC 8656 s7.2: an answer that comes late is signed as the request was, and says so to its sender',
  async (world) => {
    const legacy = await TurnClient.of(world, { flavour: 'legacy' });
    const modern = await TurnClient.of(world, { flavour: 'sha256', fingerprint: true });
    world.engine.holdOpens = true;
    const first = legacy.build(ALLOCATE, [UDP]);
    const second = modern.build(ALLOCATE, [UDP]);
    legacy.endpoint.send(first, legacy.server);
    modern.endpoint.send(second, modern.server);
    await world.settle();
    world.engine.holdOpens = false;
    const toLegacy = legacy.check(await legacy.response(first));
    const toModern = modern.check(await modern.response(second));
    expect([toLegacy.integrity(legacy.key), toLegacy.fingerprint]).toEqual(['sha1', 'none']);
    expect([toModern.integrity(modern.key), toModern.fingerprint]).toEqual(['sha256', 'right']);
  },
);

onCore('RFC 8656 s7.2: a port that a stranger holds is passed over for another', async (world) => {
  const client = await TurnClient.of(world);
  let refusals = OPEN_ATTEMPTS_MAX - 1;
  world.engine.refuse = () => (refusals-- > 0 ? 'in-use' : undefined);
  expect((await client.allocate()).response.outcome).toBe('success');
});

for (const failure of ['in-use', 'unavailable'] as const) {
  onCore(
    `RFC 8656 s7.2 step 8: no socket to be had (${failure}) is refused 508, after few attempts`,
    async (world) => {
      const client = await TurnClient.of(world);
      const before = world.engine.asked.length;
      world.engine.refuse = () => failure;
      expect((await client.request(ALLOCATE, UDP)).outcome).toBe('508');
      expect(world.engine.asked.length - before).toBe(OPEN_ATTEMPTS_MAX);
      expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
      expect(world.events.created).toEqual([]);
      world.engine.refuse = () => undefined;
      expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
    },
  );
}

onCore(
  'RFC 8656 s7.2: ports refused by the system are not lost to later allocations',
  async (world) => {
    const client = await TurnClient.of(world);
    world.engine.refuse = () => 'in-use';
    await inTurn(upTo(10), () => client.request(ALLOCATE, UDP, EVEN_PORT_RESERVE));
    world.engine.refuse = () => undefined;
    const clients = await inTurn(upTo(4), () => TurnClient.of(world));
    const granted = await inTurn(clients, (each) => each.request(ALLOCATE, UDP));
    expect(granted.map(({ outcome }) => outcome)).toEqual(Array(4).fill('success'));
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('508');
  },
  { ports: { first: 50_000, last: 50_003 } },
);

onCore(
  'RFC 8656 s7.2 step 9: a dual allocation whose IPv6 socket fails is met in half, with 508',
  async (world) => {
    const client = await TurnClient.of(world);
    world.engine.refuse = ({ family }) => (family === 6 ? 'unavailable' : undefined);
    const { response } = await client.allocate(ADDITIONAL_6);
    expect(response.addresses(XOR_RELAYED).map(({ host }) => host)).toEqual(['127.0.0.1']);
    expect(response.value(ADDRESS_ERROR).subarray(0, 4)).toEqual(Buffer.from([2, 0, 5, 8]));
  },
);

onCore(
  'RFC 8656 s7.2 step 9: a dual allocation whose IPv4 socket fails is met in half, with 508',
  async (world) => {
    const client = await TurnClient.of(world);
    world.engine.refuse = ({ family }) => (family === 4 ? 'in-use' : undefined);
    const { response } = await client.allocate(ADDITIONAL_6);
    expect(response.addresses(XOR_RELAYED).map(({ host }) => host)).toEqual(['::1']);
    expect(response.value(ADDRESS_ERROR).subarray(0, 4)).toEqual(Buffer.from([1, 0, 5, 8]));
  },
);

onCore(
  'RFC 8656 s7.2 step 9: a dual allocation of which neither socket opens is refused 508',
  async (world) => {
    const client = await TurnClient.of(world);
    world.engine.refuse = () => 'in-use';
    const response = await client.request(ALLOCATE, UDP, ADDITIONAL_6);
    expect(response.outcome).toBe('508');
    expect(response.has(ADDRESS_ERROR)).toBe(false);
    expect(world.server.stats().allocations).toBe(0);
  },
);

for (const [which, parity] of [
  ['even', 0],
  ['odd', 1],
] as const) {
  onCore(
    `RFC 8656 s7.2 step 8: of a pair whose ${which} port is refused nothing is kept`,
    async (world) => {
      const client = await TurnClient.of(world);
      const before = world.counters.sockets;
      world.engine.refuse = ({ port }) => (port % 2 === parity ? 'in-use' : undefined);
      expect((await client.request(ALLOCATE, UDP, EVEN_PORT_RESERVE)).outcome).toBe('508');
      expect(world.counters.sockets).toBe(before);
      expect(world.server.stats().reservations).toBe(0);
    },
  );
}

onEveryTransport(
  'RFC 8656 s7.2 step 8: EVEN-PORT with R = 1 opens the next port too, and the token gives it',
  async (world) => {
    const client = await TurnClient.of(world);
    const before = world.counters.sockets;
    const { response, relayed } = await client.allocate(EVEN_PORT_RESERVE);
    expect(relayed.port % 2).toBe(0);
    expect(response.value(TOKEN)).toHaveLength(8);
    // The other one is parked until then.
    expect(world.counters.sockets - before).toBe(1);
    const second = await TurnClient.of(world, { family: 6 });
    const taken = await second.allocate(reservationToken(response.value(TOKEN)));
    expect(taken.relayed.toString()).toBe(`127.0.0.1:${relayed.port + 1}`);
    expect(taken.response.has(TOKEN)).toBe(false);
    expect(world.counters.sockets - before).toBe(2);
  },
);

onEveryTransport(
  'RFC 8656 s7.2: a pair on an IPv6 relay is reserved and given on that address',
  async (world) => {
    const client = await TurnClient.of(world);
    const { response, relayed } = await client.allocate(EVEN_PORT_RESERVE, FAMILY_6);
    const second = await TurnClient.of(world);
    const taken = await second.allocate(reservationToken(response.value(TOKEN)));
    expect(taken.relayed.toString()).toBe(`[::1]:${relayed.port + 1}`);
  },
);

onEveryTransport('RFC 8656 s18.10: a token serves once', async (world) => {
  const client = await TurnClient.of(world);
  const token = (await client.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
  const second = await TurnClient.of(world);
  await second.allocate(reservationToken(token));
  const third = await TurnClient.of(world);
  expect((await third.request(ALLOCATE, UDP, reservationToken(token))).outcome).toBe('508');
  await second.refresh(0);
  expect((await third.request(ALLOCATE, UDP, reservationToken(token))).outcome).toBe('508');
});

onEveryTransport(
  'RFC 8656 s7.2: the reservation outlives the allocation that made it',
  async (world) => {
    const client = await TurnClient.of(world);
    const token = (await client.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
    await client.refresh(0);
    expect((await client.allocate(reservationToken(token))).relayed.port % 2).toBe(1);
  },
);

onEveryTransport("RFC 8656 s7.2: nobody else's allocation gets a reserved port", async (world) => {
  const client = await TurnClient.of(world);
  const token = (await client.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
  const stranger = await TurnClient.of(world, { username: OTHER_USER, password: OTHER_PASSWORD });
  expect((await stranger.request(ALLOCATE, UDP, reservationToken(token))).outcome).toBe('508');
  const second = await TurnClient.of(world);
  expect((await second.allocate(reservationToken(token))).response.outcome).toBe('success');
});

onCore(
  'RFC 8656 s7.2: a reservation is held for 30 seconds, and its socket closed then',
  async (world) => {
    const early = await TurnClient.of(world);
    const token = (await early.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
    const late = await TurnClient.of(world);
    const lost = (await late.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
    world.advance(29_999);
    world.sweep();
    const taker = await TurnClient.of(world);
    expect((await taker.request(ALLOCATE, UDP, reservationToken(token))).outcome).toBe('success');
    expect(world.engine.parked).toBe(1);
    world.advance(1);
    const refused = await TurnClient.of(world);
    expect((await refused.request(ALLOCATE, UDP, reservationToken(lost))).outcome).toBe('508');
    world.sweep();
    expect(world.engine.parked).toBe(0);
  },
);

onCore('RFC 8656 s7.2: a reservation that nobody takes is freed by the sweep', async (world) => {
  const client = await TurnClient.of(world);
  await client.allocate(EVEN_PORT_RESERVE);
  world.advance(30_000);
  world.sweep();
  expect(world.server.stats()).toMatchObject({ allocations: 1, reservations: 0 });
  expect(world.engine.parked).toBe(0);
});

onCore('RFC 8656 s7.2: a datagram to a reserved port reaches nobody', async (world) => {
  const client = await TurnClient.of(world);
  const { relayed } = await client.allocate(EVEN_PORT_RESERVE);
  await client.permit(address('127.0.0.1'));
  const peer = await world.endpoint();
  const reserved = address('127.0.0.1', relayed.port + 1);
  peer.send(Buffer.from('hello'), reserved);
  expect(await client.relayedToMe()).toEqual([]);
  expect(await allDrops(world)).toEqual({});
});
