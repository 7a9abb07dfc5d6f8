// Two TURN servers of one process: what holds for one server holds for both together, and what goes from one
// to the other goes there as it would within one.
/* oxlint-disable vitest/no-standalone-expect -- onTwo and onTwoCores are tests */

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Commons } from '../../../turn/index.ts';
import { NonceMint } from '../../../turn/nonce.ts';
import {
  ALLOCATE,
  EVEN_PORT_RESERVE,
  receivedBy,
  reservationToken,
  TurnClient,
  UDP,
} from '../../support/turn/client.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { message } from '../../support/turn/message.ts';
import {
  onTwo,
  onTwoCores,
  onTwoPortable,
  settled,
  twoCores,
} from '../../support/turn/two-workers.ts';
import { address, allDrops, OTHER_PASSWORD, OTHER_USER } from '../../support/turn/world.ts';

const TOKEN = 0x0022;

const OTHER = { username: OTHER_USER, password: OTHER_PASSWORD };

const freePorts = ({ ports }: Commons): number[] => [ports.free(0), ports.free(1)];

describe('the quota', () => {
  onTwo(
    'of a user is over both workers',
    async ({ a, b, main }) => {
      const clients = [await TurnClient.of(a), await TurnClient.of(b)];
      await inTurn(clients, (client) => client.allocate());
      const third = [await TurnClient.of(a), await TurnClient.of(b)];
      const refused = await inTurn(third, (client) => client.request(ALLOCATE, UDP));
      expect(refused.map(({ outcome }) => outcome)).toEqual(['486', '486']);
      expect((await (await TurnClient.of(b, OTHER)).allocate()).response.outcome).toBe('success');
      expect(main.stats()).toEqual({ allocations: 3, reservations: 0, users: 2 });
      await clients[1]!.refresh(0);
      expect((await third[0]!.request(ALLOCATE, UDP)).outcome).toBe('success');
    },
    { quota: { perUser: 2, total: 100 } },
  );

  onTwo(
    'of the server is over both workers',
    async ({ a, b }) => {
      const first = await TurnClient.of(a);
      await first.allocate();
      await (await TurnClient.of(b, OTHER)).allocate();
      const third = [await TurnClient.of(a), await TurnClient.of(b, OTHER)];
      const refused = await inTurn(third, (client) => client.request(ALLOCATE, UDP));
      expect(refused.map(({ outcome }) => outcome)).toEqual(['508', '508']);
      await first.refresh(0);
      expect((await third[1]!.request(ALLOCATE, UDP)).outcome).toBe('success');
    },
    { quota: { perUser: 2, total: 2 } },
  );

  onTwoCores(
    'counts both ports of a pair from the start, though they open late',
    async ({ a, b, main }) => {
      const client = await TurnClient.of(a);
      const rival = await TurnClient.of(b);
      a.engine.holdOpens = true;
      client.endpoint.send(client.build(ALLOCATE, [UDP, EVEN_PORT_RESERVE]), client.server);
      await a.settle();
      expect((await rival.request(ALLOCATE, UDP)).outcome).toBe('486');
      a.engine.holdOpens = false;
      await a.settle();
      expect(main.stats()).toEqual({ allocations: 1, reservations: 1, users: 1 });
      await client.refresh(0);
      expect((await rival.request(ALLOCATE, UDP)).outcome).toBe('success');
      expect((await client.request(ALLOCATE, UDP)).outcome).toBe('486');
      a.advance(30_000);
      a.sweep();
      expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
    },
    { quota: { perUser: 2, total: 100 } },
  );

  onTwoCores(
    'gives both units of a pair back when its sockets do not open',
    async ({ a, main }) => {
      const client = await TurnClient.of(a);
      a.engine.refuse = () => 'in-use';
      expect((await client.request(ALLOCATE, UDP, EVEN_PORT_RESERVE)).outcome).toBe('508');
      expect(main.stats()).toEqual({ allocations: 0, reservations: 0, users: 0 });
      expect(freePorts(main)).toEqual([4, 4]);
    },
    { ports: { first: 50_000, last: 50_003 } },
  );
});

onTwo(
  'no relay port is given by both, and each is given before 508',
  async ({ a, b, main, ports: range }) => {
    const clients = await inTurn(upTo(12), (i) => TurnClient.of(i % 2 === 0 ? a : b));
    const ports = await inTurn(clients, async (client) => (await client.allocate()).relayed.port);
    expect(ports.toSorted((x, y) => x - y)).toEqual(upTo(12).map((i) => range!.first + i));
    const late = [await TurnClient.of(a), await TurnClient.of(b)];
    const refused = await inTurn(late, (client) => client.request(ALLOCATE, UDP));
    expect(refused.map(({ outcome }) => outcome)).toEqual(['508', '508']);
    expect(freePorts(main)).toEqual([0, 12]);
    await clients[0]!.refresh(0);
    expect((await late[1]!.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { portCount: 12 },
);

describe('a reservation', () => {
  onTwo(
    'made at one worker is taken up at the other, once, and relays there',
    async ({ a, b, main }) => {
      const maker = await TurnClient.of(a);
      const { response, relayed } = await maker.allocate(EVEN_PORT_RESERVE);
      const token = reservationToken(response.value(TOKEN));
      expect(a.server.stats()).toMatchObject({ allocations: 1, reservations: 1, users: 1 });
      const taker = await TurnClient.of(b);
      const taken = await taker.allocate(token);
      expect(taken.relayed.toString()).toBe(`127.0.0.1:${relayed.port + 1}`);
      expect(a.server.stats()).toMatchObject({ allocations: 1, reservations: 0, users: 1 });
      expect(b.server.stats()).toMatchObject({ allocations: 1, reservations: 0, users: 1 });
      expect(main.stats()).toEqual({ allocations: 2, reservations: 0, users: 1 });
      const late = [await TurnClient.of(a), await TurnClient.of(b)];
      const refused = await inTurn(late, (client) => client.request(ALLOCATE, UDP, token));
      expect(refused.map(({ outcome }) => outcome)).toEqual(['508', '508']);

      const peer = await b.endpoint();
      await taker.permit(peer.address);
      peer.send(Buffer.from('in'), taken.relayed);
      await settled(a, b);
      expect(await taker.relayedToMe()).toEqual([`data ${peer.address.toString()} in`]);
      taker.sendTo(peer.address, Buffer.from('out'));
      await settled(a, b);
      expect(await receivedBy(peer)).toEqual([`${taken.relayed.toString()} out`]);
      await taker.refresh(0);
      expect(main.stats()).toEqual({ allocations: 1, reservations: 0, users: 1 });
    },
  );

  onTwo(
    "counts against its user's quota wherever it is, and its taking up does not again",
    async ({ a, b }) => {
      const { response } = await (await TurnClient.of(a)).allocate(EVEN_PORT_RESERVE);
      const token = reservationToken(response.value(TOKEN));
      const client = await TurnClient.of(b);
      expect((await client.request(ALLOCATE, UDP)).outcome).toBe('486');
      expect((await client.request(ALLOCATE, UDP, token)).outcome).toBe('success');
      expect((await (await TurnClient.of(a)).request(ALLOCATE, UDP)).outcome).toBe('486');
      await client.refresh(0);
      expect((await (await TurnClient.of(a)).request(ALLOCATE, UDP)).outcome).toBe('success');
    },
    { quota: { perUser: 2, total: 2 } },
  );

  onTwo("is nobody else's, and stays where it is when somebody else tries", async ({ a, b }) => {
    const { response } = await (await TurnClient.of(a)).allocate(EVEN_PORT_RESERVE);
    const token = reservationToken(response.value(TOKEN));
    const strangers = [await TurnClient.of(a, OTHER), await TurnClient.of(b, OTHER)];
    const refused = await inTurn(strangers, (client) => client.request(ALLOCATE, UDP, token));
    expect(refused.map(({ outcome }) => outcome)).toEqual(['508', '508']);
    const client = await TurnClient.of(b);
    const random = reservationToken(randomBytes(8));
    expect((await client.request(ALLOCATE, UDP, random)).outcome).toBe('508');
    expect((await client.request(ALLOCATE, UDP, token)).outcome).toBe('success');
  });

  onTwoCores(
    'that is over is taken up by none, and freed',
    async ({ a, b, main }) => {
      const maker = await TurnClient.of(a);
      const { response } = await maker.allocate(EVEN_PORT_RESERVE);
      const token = reservationToken(response.value(TOKEN));
      a.advance(30_000);
      const late = [await TurnClient.of(a), await TurnClient.of(b)];
      const refused = await inTurn(late, (client) => client.request(ALLOCATE, UDP, token));
      expect(refused.map(({ outcome }) => outcome)).toEqual(['508', '508']);
      expect(main.stats()).toEqual({ allocations: 1, reservations: 1, users: 1 });
      expect(a.engine.parked).toBe(1);
      a.sweep();
      expect(main.stats()).toEqual({ allocations: 1, reservations: 0, users: 1 });
      expect(a.engine.parked).toBe(0);
      await maker.refresh(0);
      expect(freePorts(main)).toEqual([4, 4]);
    },
    { ports: { first: 50_000, last: 50_003 } },
  );

  onTwoPortable('stays with its worker where sockets cannot move', async ({ a, b }) => {
    const { response, relayed } = await (await TurnClient.of(a)).allocate(EVEN_PORT_RESERVE);
    const token = reservationToken(response.value(TOKEN));
    expect((await (await TurnClient.of(b)).request(ALLOCATE, UDP, token)).outcome).toBe('508');
    const taken = await (await TurnClient.of(a)).allocate(token);
    expect(taken.relayed.port).toBe(relayed.port + 1);
  });
});

describe('a nonce', () => {
  onTwo('of one worker is good at the other', async ({ a, b }) => {
    const client = await TurnClient.of(a);
    const moved = new TurnClient(client.endpoint, b.listener4);
    moved.nonce = client.nonce;
    moved.algorithms = client.algorithms;
    expect((await moved.request(ALLOCATE, UDP)).outcome).toBe('success');
  });

  it.each([2, 3, 8])('is never minted by two of %i workers: each counts apart', (workers) => {
    const nonceSecret = randomBytes(32);
    const client = address('192.0.2.1', 1);
    const steps = workers === 3 ? 4 : workers;
    const remainders = upTo(workers).map((self) => {
      const mint = new NonceMint(1, 1000, { nonceSecret, workers, self });
      const nonces = upTo(1000).map(() => mint.mint(client, 5));
      expect(new Set(nonces).size).toBe(1000);
      // The counter stands behind the cookie and the seconds.
      const counters = nonces.map((nonce) =>
        Buffer.from(nonce.slice(-20), 'base64').readUIntBE(4, 3),
      );
      const found = new Set(counters.map((counter) => counter % steps));
      expect(found.size).toBe(1);
      return [...found][0];
    });
    expect(new Set(remainders).size).toBe(workers);
  });
});

onTwoCores(
  'the cap on unauthenticated replies is over both workers',
  async ({ a, b }) => {
    const hosts = upTo(30).map((i) => ({ world: i % 2 === 0 ? a : b, port: 5000 + i }));
    const replies = await inTurn(hosts, async ({ world, port }) => {
      const endpoint = world.endpointAt('198.51.100.1', port);
      endpoint.send(message(ALLOCATE, randomBytes(12)), world.listener4);
      return (await endpoint.rest()).length;
    });
    expect(replies.filter((count) => count === 1)).toHaveLength(10);
    const capped = [await allDrops(a), await allDrops(b)];
    expect(capped).toEqual([{ 'unauthenticated-cap': 10 }, { 'unauthenticated-cap': 10 }]);
  },
  { unauthorizedPerSecond: 10 },
);

describe('a worker that died', () => {
  it('gives back its quota, its reservations and, once its sockets are closed, its ports', async () => {
    const quota = { perUser: 4, total: 4 };
    const ports = { first: 50_000, last: 50_063 };
    const { a, b, main } = await twoCores({ quota, ports });
    const client = await TurnClient.of(a);
    await client.allocate();
    const { response } = await (await TurnClient.of(b)).allocate(EVEN_PORT_RESERVE);
    const token = reservationToken(response.value(TOKEN));
    await (await TurnClient.of(b, OTHER)).allocate();
    expect(main.stats()).toEqual({ allocations: 3, reservations: 1, users: 2 });

    // From here on nothing calls the second server: it has died.
    const whileClosing: unknown[] = [];
    const reclaimed = main.reclaim(1, () => {
      whileClosing.push(main.stats(), freePorts(main));
      return [];
    });
    expect(reclaimed).toBe(true);
    // Nobody can adopt its sockets any more, and nobody has its ports yet.
    expect(whileClosing).toEqual([{ allocations: 1, reservations: 0, users: 1 }, [60, 64]]);
    expect(freePorts(main)).toEqual([63, 64]);

    const more = await inTurn(upTo(4), () => TurnClient.of(a));
    expect((await more[0]!.request(ALLOCATE, UDP, token)).outcome).toBe('508');
    // The sockets of the dead are still open on this engine, as strangers' would be.
    const granted = await inTurn(more, (each) => each.request(ALLOCATE, UDP));
    expect(granted.map(({ outcome }) => outcome)).toEqual(['success', 'success', 'success', '486']);
    a.server.close();
    expect(main.stats()).toEqual({ allocations: 0, reservations: 0, users: 0 });
    expect(freePorts(main)).toEqual([64, 64]);
  });

  it('leaves the reservations of others as they are', async () => {
    const { a, main } = await twoCores();
    const { response } = await (await TurnClient.of(a)).allocate(EVEN_PORT_RESERVE);
    expect(main.reclaim(1, () => [])).toBe(true);
    expect(main.stats()).toEqual({ allocations: 1, reservations: 1, users: 1 });
    const token = reservationToken(response.value(TOKEN));
    expect((await (await TurnClient.of(a)).allocate(token)).response.outcome).toBe('success');
    a.server.close();
    expect(main.stats()).toEqual({ allocations: 0, reservations: 0, users: 0 });
  });
});
