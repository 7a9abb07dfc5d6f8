// The TURN server as its host sees it: listening, counting, telling of allocations, closing, and living
// through faults.

import { describe, expect, it } from 'vitest';
import { DROP_REASONS } from '../../../turn/drop-reason.ts';
import { type ListenResult, TurnServer } from '../../../turn/index.ts';
import {
  ADDITIONAL_6,
  ALLOCATE,
  EVEN_PORT_RESERVE,
  TurnClient,
  UDP,
} from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { FakeEngine } from '../../support/turn/fake-engine.ts';
import { UdpWorld } from '../../support/turn/udp-world.ts';
import {
  address,
  RecordedEvents,
  turnOptions,
  type WorldOptions,
} from '../../support/turn/world.ts';

function listen(hosts: readonly [string, number][], engine = new FakeEngine()) {
  const server = new TurnServer(turnOptions({}), engine, new RecordedEvents());
  const calls: ListenResult[][] = [];
  server.listen(
    hosts.map(([host, port]) => ({ address: address(host, port) })),
    (results) => calls.push(results),
  );
  engine.run();
  return { server, engine, calls };
}

describe('listen', () => {
  it('tells once of all listeners, in order, with the real ports', () => {
    const { calls } = listen([
      ['127.0.0.1', 0],
      ['::1', 3478],
    ]);
    expect(calls).toHaveLength(1);
    const [first, second] = calls[0]!.map((result) => result.address);
    expect([first?.host, second?.toString()]).toEqual(['127.0.0.1', '[::1]:3478']);
    expect(first?.port).toBeGreaterThan(0);
  });

  it('tells which listener failed and why, and serves on the others', () => {
    const { calls, engine } = listen([
      ['127.0.0.1', 3478],
      ['127.0.0.1', 3478],
    ]);
    expect(calls[0]?.map(({ failure }) => failure)).toEqual([undefined, 'in-use']);
    const client = address('127.0.0.1', 5000);
    const binding = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
    engine.inject(client, address('127.0.0.1', 3478), binding);
    engine.run();
    expect(engine.inbox(client)).toHaveLength(1);
  });

  it('with nothing to listen on is done at once', () => {
    expect(listen([]).calls).toEqual([[]]);
  });

  it('failed listeners are no forbidden peers and close like others', () => {
    const { server, engine } = listen([['127.0.0.1', 3478]]);
    server.close();
    expect(engine.counters.sockets).toBe(0);
  });
});

describe('stats', () => {
  it('begin at zero, with every drop reason by name', () => {
    const { server } = listen([['127.0.0.1', 3478]]);
    expect(server.stats()).toEqual({
      allocations: 0,
      draining: false,
      shortCircuited: 0,
      reservations: 0,
      users: 0,
      drops: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])),
    });
  });

  it('count allocations, reservations and users', async () => {
    const world = new CoreWorld();
    const [a, b] = [await TurnClient.of(world), await TurnClient.of(world)];
    const c = await TurnClient.of(world, { username: 'other', password: 'word' });
    await a.allocate(EVEN_PORT_RESERVE);
    await b.allocate(ADDITIONAL_6);
    await c.allocate();
    expect(world.server.stats()).toMatchObject({ allocations: 3, reservations: 1, users: 2 });
    await world.close();
  });
});

describe('close', () => {
  it('ends everything there is, tells of it, and is idempotent', async () => {
    const world = new CoreWorld();
    const clients = [await TurnClient.of(world), await TurnClient.of(world)];
    await clients[0]!.allocate(EVEN_PORT_RESERVE);
    await clients[1]!.allocate(ADDITIONAL_6);
    world.server.close();
    world.server.close();
    expect(world.counters.sockets).toBe(0);
    expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 0, users: 0 });
    expect(world.events.deleted.map(({ reason }) => reason)).toEqual(['closed', 'closed']);
    world.sweep();
    clients[0]!.sendChannel(0x4000, Buffer.from('x'));
    expect(await clients[0]!.endpoint.rest()).toEqual([]);
  });

  it('before the listeners are open leaves no socket', () => {
    const engine = new FakeEngine();
    const server = new TurnServer(turnOptions({}), engine, new RecordedEvents());
    server.listen([{ address: address('127.0.0.1', 3478) }], () => undefined);
    server.close();
    engine.run();
    expect(engine.counters.sockets).toBe(0);
  });
});

const make = (options: WorldOptions) => () =>
  new TurnServer(turnOptions(options), new FakeEngine(), new RecordedEvents());

describe('construction', () => {
  it('refuses a password, a realm or a peer range that cannot be', () => {
    expect(make({ users: { anna: '' } })).toThrow(TypeError);
    expect(make({ realm: '' })).toThrow(TypeError);
    expect(make({ peers: { allow: ['nonsense'], deny: [] } })).toThrow('"nonsense"');
  });
});

describe('a fault in the core', () => {
  it('is reported by the engine, and the server goes on', async () => {
    const world = await UdpWorld.open('portable');
    const client = await TurnClient.of(world);
    world.events.onAllocationCreated = () => {
      throw new Error('a bug in the observer');
    };
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
    expect((await client.refresh()).outcome).toBe('success');
    expect((await TurnClient.of(world)).nonce.length).toBeGreaterThan(0);
    await expect(world.close()).rejects.toThrow('a bug in the observer');
  });
});
