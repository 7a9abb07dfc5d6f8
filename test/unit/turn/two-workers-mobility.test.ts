// A client that moves to a 5-tuple which the kernel deals to another worker than the one that has its allocation: that
// one hands its datagrams on. On the core, where both workers' listeners stand for one address.
/* oxlint-disable vitest/no-standalone-expect, vitest/expect-expect, vitest/valid-title -- onTwo is a test */

import { describe, expect, it } from 'vitest';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  Commons,
  mintRestCredential,
  type Neighbours,
  type TurnServer,
} from '../../../turn/index.ts';
import { DETOURS_PER_ALLOCATION_MAX } from '../../../turn/limits.ts';
import { ALLOCATE, receivedBy, TurnClient, UDP } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { mobile, type Moved, show, ticketIn } from '../../support/turn/mobile.ts';
import { Streams } from '../../support/turn/streams.ts';
import {
  commonsMemory,
  OTHER_PASSWORD,
  OTHER_USER,
  type WorldOptions,
} from '../../support/turn/world.ts';

interface Two {
  /** Has the allocations. */
  readonly a: CoreWorld;
  readonly b: CoreWorld;
  /** Takes nothing while set. */
  busy: boolean;
  /** By the worker they were for. */
  readonly forwarded: number[];
}

/** Both workers, each with a way to the other; what was for one listener comes to the other's. */
function twoWorkers(options: WorldOptions = {}): Two {
  const memory = commonsMemory(options, 2);
  const servers: TurnServer[] = [];
  const neighbours: Neighbours = {
    forward: (worker, from, to, bytes, offset, length) => {
      if (two.busy) return false;
      two.forwarded.push(worker);
      const there = [a, b][worker]!;
      const here = [b, a][worker]!;
      const local = to.equals(here.listener4) ? there.listener4 : to;
      const copy = bytes.slice(offset, offset + length);
      servers[worker]!.fromNeighbour(from.copy(), local.copy(), copy, 0, length, a.engine.now);
      return true;
    },
  };
  const a = new CoreWorld({ neighbours, ...options, commons: new Commons(memory, 0) });
  const b = new CoreWorld({ neighbours, ...options, commons: new Commons(memory, 1) }, a);
  servers.push(a.server, b.server);
  const two: Two = { a, b, busy: false, forwarded: [] };
  return two;
}

/** A client whose datagrams are dealt to b: a answers, as from one and the same address. */
async function dealtToB({ a, b }: Two, options = {}): Promise<TurnClient> {
  const endpoint = await b.endpoint();
  const send = (bytes: Uint8Array, _to: TransportAddress): void =>
    endpoint.send(bytes, b.listener4);
  const challenged = new TurnClient(endpoint, b.listener4, options);
  await challenged.challenge();
  const client = new TurnClient({ ...endpoint, send }, a.listener4, options);
  client.nonce = challenged.nonce;
  client.algorithms = challenged.algorithms;
  return client;
}

/** As `dealtToB`, once its ticket was taken. */
async function movedToB(two: Two, ticket: Uint8Array): Promise<Moved> {
  const client = await dealtToB(two);
  const response = await show(client, ticket);
  expect(response.outcome).toBe('success');
  return { client, ticket: ticketIn(response) };
}

function onTwo(title: string, body: (two: Two) => Promise<void>, options: WorldOptions = {}): void {
  it(title, async () => {
    const two = twoWorkers(options);
    await body(two);
    two.a.server.close();
    two.b.server.close();
    await two.a.close();
    await two.b.close();
  });
}

describe('a client that is dealt to another worker', () => {
  onTwo('keeps its allocation, whatever it sends', async (two) => {
    const { a, b } = two;
    const host = await a.endpoint();
    const { client: old, relayed, ticket } = await mobile(a);
    await old.bind(0x4000, host.address);
    const { client, ticket: second } = await movedToB(two, ticket);
    expect((await client.permit(host.address)).outcome).toBe('success');
    expect((await old.refresh()).outcome).toBe('success');
    client.sendChannel(0x4000, Buffer.from('channel'));
    client.sendTo(host.address, Buffer.from('indication'));
    host.send(Buffer.from('back'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 back']);
    expect(await receivedBy(host)).toEqual([
      `${relayed.toString()} channel`,
      `${relayed.toString()} indication`,
    ]);
    expect((await old.refresh()).outcome).toBe('437');
    expect(two.forwarded).toEqual([0, 0, 0, 0]);
    expect([a.server.stats().allocations, b.server.stats().allocations]).toEqual([1, 0]);

    const { client: next } = await movedToB(two, second);
    next.sendChannel(0x4000, Buffer.from('once more'));
    expect(await receivedBy(host)).toEqual([`${relayed.toString()} once more`]);
    expect((await next.refresh(0)).outcome).toBe('success');
    // Nobody has it there any more, so the worker that it goes on to makes the next one.
    expect((await next.request(ALLOCATE, UDP)).outcome).toBe('success');
    expect([a.server.stats().allocations, b.server.stats().allocations]).toEqual([1, 0]);
  });

  onTwo('has to authenticate before anything is kept of it', async (two) => {
    const { ticket } = await mobile(two.a);
    const client = await dealtToB(two);
    client.password = 'wrong';
    client.endpoint.send(client.build(0x0004, [[0x8030, ticket]]), two.a.listener4);
    client.sendChannel(0x4000, Buffer.from('x'));
    await two.b.settle();
    expect(two.forwarded).toEqual([]);
    expect(two.b.server.stats().drops['no-allocation']).toBe(1);
  });

  onTwo('is refused 441 with the ticket of another user', async (two) => {
    const { client: old, ticket } = await mobile(two.a);
    const thief = await dealtToB(two, { username: OTHER_USER, password: OTHER_PASSWORD });
    expect((await show(thief, ticket)).outcome).toBe('441');
    expect((await old.refresh()).outcome).toBe('success');
  });

  onTwo(
    'may have a REST credential that has expired, if the allocation was made with it',
    async (two) => {
      const expiry = two.a.wallMs / 1000 + 60;
      const [ann, bob] = ['ann', 'bob'].map((user) => {
        const { username, credential } = mintRestCredential('secret', user, expiry);
        return { username, password: credential };
      });
      const { ticket } = await mobile(two.a, ann);
      for (const world of [two.a, two.b]) world.wallMs += 60_000;
      expect((await show(await dealtToB(two, bob), ticket)).outcome).toBe('401 unsigned');
      expect((await show(await dealtToB(two, ann), ticket)).outcome).toBe('success');
    },
    { secrets: ['secret'] },
  );

  onTwo('is told 437 where its 5-tuple has an allocation, which it keeps', async (two) => {
    const { ticket } = await mobile(two.a);
    const client = new TurnClient(await two.b.endpoint(), two.b.listener4);
    await client.challenge();
    await client.allocate();
    expect((await show(client, ticket)).outcome).toBe('437');
    expect((await client.refresh()).outcome).toBe('success');
    expect(two.forwarded).toEqual([]);
  });

  onTwo('is told 437 by the worker that had its allocation', async (two) => {
    const { client: old, ticket } = await mobile(two.a);
    await old.refresh(0);
    expect((await show(await dealtToB(two), ticket)).outcome).toBe('437');
  });

  onTwo('loses what the other worker has no room for, and says why', async (two) => {
    const { ticket } = await mobile(two.a);
    const { client } = await movedToB(two, ticket);
    two.busy = true;
    client.sendChannel(0x4000, Buffer.from('x'));
    await two.b.settle();
    expect(two.b.server.stats().drops['neighbour-busy']).toBe(1);
  });

  onTwo(
    'is forgotten when it has been silent for as long as an allocation may live',
    async (two) => {
      const { ticket } = await mobile(two.a);
      const { client } = await movedToB(two, ticket);
      await inTurn(upTo(2), async () => {
        two.a.advance(3_599_999);
        two.a.sweep();
        client.sendChannel(0x4000, Buffer.from('x'));
        await two.a.settle();
      });
      expect(two.forwarded).toHaveLength(3);
      two.a.advance(3_600_000);
      client.sendChannel(0x4000, Buffer.from('x'));
      await two.a.settle();
      two.a.sweep();
      client.sendChannel(0x4000, Buffer.from('x'));
      await two.a.settle();
      expect(two.forwarded).toHaveLength(3);
      expect(two.b.server.stats().drops['no-allocation']).toBe(2);
    },
  );

  onTwo('has as many 5-tuples handed on as an allocation can need', async (two) => {
    const { ticket } = await mobile(two.a);
    const clients = await inTurn(upTo(DETOURS_PER_ALLOCATION_MAX + 3), async () => {
      const client = await dealtToB(two);
      await show(client, ticket);
      return client;
    });
    two.forwarded.length = 0;
    for (const client of clients) client.sendChannel(0x4000, Buffer.from('x'));
    await two.b.settle();
    expect(two.forwarded).toHaveLength(DETOURS_PER_ALLOCATION_MAX);
  });

  onTwo('is told to make another allocation where it has come by a connection', async (two) => {
    const { ticket } = await mobile(two.a);
    const streams = new Streams(two.b);
    const client = new TurnClient(streams.connect(5001), streams.address);
    await client.challenge();
    expect((await show(client, ticket)).outcome).toBe('437');
    expect(two.forwarded).toEqual([]);
  });

  onTwo(
    'is told to make another allocation where workers have no way to each other',
    async (two) => {
      const { ticket } = await mobile(two.a);
      const endpoint = await two.b.endpoint();
      const client = new TurnClient(endpoint, two.b.listener4);
      await client.challenge();
      expect((await show(client, ticket)).outcome).toBe('437');
    },
    { neighbours: undefined },
  );
});

onTwo('two workers that think of each other do not pass a datagram on for ever', async (two) => {
  const { a, b } = two;
  const first = await mobile(a);
  const { client } = await movedToB(two, first.ticket);
  // The same 5-tuple, dealt to a by some other kernel, shows a ticket of b.
  const second = await mobile(b);
  const there = new TurnClient(client.endpoint, a.listener4);
  there.nonce = client.nonce;
  there.algorithms = client.algorithms;
  await first.client.refresh(0);
  await second.client.refresh(0);
  a.engine.inject(
    client.endpoint.address,
    a.listener4,
    there.build(0x0004, [[0x8030, second.ticket]]),
  );
  await a.settle();
  two.forwarded.length = 0;
  client.sendChannel(0x4000, Buffer.from('x'));
  await a.settle();
  expect(two.forwarded).toEqual([0]);
  expect(a.server.stats().drops['no-allocation']).toBe(1);
});
