// TURN over TCP and TLS in the worker: whose connection it is, how it ends, and commands that fit nothing.

import { describe, expect, it } from 'vitest';
import { STREAM_LISTENERS_MAX, STREAMS_MAX } from '../../../turn/limits.ts';
import type { StreamEndpoint } from '../../../turn/stream-control.ts';
import { TurnClient } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { upTo } from '../../support/turn/in-turn.ts';
import { channelData } from '../../support/turn/message.ts';
import { ReceivedMessage } from '../../support/turn/received.ts';
import { binding, bound, inWorld, saidOf, Separate } from '../../support/turn/stream-sessions.ts';
import { StreamWorld } from '../../support/turn/stream-world.ts';
import { address, allDrops } from '../../support/turn/world.ts';

const remoteOf = (i: number): StreamEndpoint => ({
  host: `10.0.${(i >> 8) & 255}.${i & 255}`,
  port: 1 + (i >> 16),
});

describe('whose connection it is', () => {
  it('two of one client address, to two listeners, do not mix', () =>
    inWorld(async (world) => {
      const tls = address('127.0.0.1', 5349);
      world.listenAt(tls, 'tls');
      const { client: one, host, relayed } = await bound(world);
      const other = new TurnClient(one.endpoint, tls);
      await other.challenge();
      const second = await other.allocate();
      await other.bind(0x4001, host.address);
      expect(world.streams.size).toBe(2);

      host.send(Buffer.from('first'), relayed);
      host.send(Buffer.from('second'), second.relayed);
      const got = (await one.endpoint.rest()).map(
        ({ from, bytes }) => `${from.port} ${bytes.toString('latin1', 4)}`,
      );
      expect(got.toSorted()).toEqual(['3478 first', '5349 second']);
      one.sendChannel(0x4001, Buffer.from('not mine'));
      const overUdp = channelData(0x4000, Buffer.from('not mine'));
      world.engine.inject(one.endpoint.address, world.listener4, overUdp);
      expect(await host.rest()).toEqual([]);
      expect(await allDrops(world)).toEqual({ 'no-channel': 1, 'no-allocation': 1 });
      expect(world.events.created.map(({ transport }) => transport)).toEqual(['tcp', 'tls']);

      world.hangUp(one.endpoint.address, world.listener4);
      expect((await other.refresh()).outcome).toBe('success');
      expect(world.server.stats().allocations).toBe(1);
    }));

  it('a connection from where another one was has nothing of its', () =>
    inWorld(async (world) => {
      const { client, host, relayed } = await bound(world);
      world.hangUp(client.endpoint.address, world.listener4);
      host.send(Buffer.from('late'), relayed);
      client.sendChannel(0x4000, Buffer.from('late'));
      expect((await client.refresh()).outcome).toBe('437');
      expect(await host.rest()).toEqual([]);
    }));

  it('a connection that comes before the end of the one before it ends that', async () => {
    const other = new Separate(new CoreWorld());
    const [local, remote] = [3478, 999].map((port) => ({ host: '127.0.0.1', port }));
    other.open(1, local!, remote!);
    other.open(2, local!, remote!);
    expect(other.events).toEqual([{ type: 'turn.end', stream: 1 }]);
    other.bytes(2, binding());
    other.streams.onCommand({ type: 'turn.close', stream: 1 }, other.world.engine.now);
    other.bytes(2, binding());
    expect(other.events.slice(1).map(({ type, stream }) => `${type} ${stream}`)).toEqual([
      'turn.bytes 2',
      'turn.taken 2',
      'turn.bytes 2',
      'turn.taken 2',
    ]);
    await other.world.close();
  });
});

describe('an end', () => {
  it('takes the allocation, its ports and its quota', () =>
    inWorld(
      async (world) => {
        const { sockets } = world.counters;
        const { client } = await bound(world);
        expect(world.counters.sockets).toBe(sockets + 1);
        world.hangUp(client.endpoint.address, world.listener4);
        expect(world.counters.sockets).toBe(sockets);
        expect(world.options.commons.stats()).toMatchObject({ allocations: 0, users: 0 });
        expect(world.events.deleted).toMatchObject([{ reason: 'disconnected' }]);
        await bound(world);
      },
      { quota: { perUser: 1, total: 1 } },
    ));

  it('while the relay opens leaves nothing behind', () =>
    inWorld(async (world) => {
      const client = await TurnClient.of(world);
      const { sockets } = world.counters;
      world.engine.holdOpens = true;
      client.endpoint.send(client.build(0x0003, [[0x0019, [17, 0, 0, 0]]]), client.server);
      world.run();
      expect(world.counters.sockets).toBe(sockets + 1);
      world.hangUp(client.endpoint.address, world.listener4);
      world.engine.holdOpens = false;
      world.engine.run();
      expect(world.counters.sockets).toBe(sockets);
      expect(world.options.commons.stats()).toMatchObject({ allocations: 0, users: 0 });
    }));

  it('of the server ends all of them, and whatever comes later is passed over', async () => {
    const world = new StreamWorld();
    const { client, stream } = await bound(world);
    const stranger = world.streamOf((await world.endpoint()).address, world.listener6);
    await world.settle();
    saidOf(world, stream);
    await world.close();
    expect(world.said).toEqual([
      { type: 'turn.end', stream },
      { type: 'turn.end', stream: stranger },
    ]);
    expect(world.events.deleted).toMatchObject([{ reason: 'closed' }]);
    const other = { host: client.endpoint.address.host, port: 9 };
    world.streams.onCommand({ type: 'turn.bytes', stream, bytes: binding() }, world.engine.now);
    const open = { type: 'turn.open', stream: 77, transport: 'tcp', local: other } as const;
    world.streams.onCommand({ ...open, remote: other }, world.engine.now);
    world.streams.close();
    expect([world.streams.size, world.said.length]).toEqual([0, 2]);
  });
});

describe('commands that fit nothing', () => {
  it('about unknown connections are passed over', () =>
    inWorld((world) => {
      const { streams } = world;
      const { now } = world.engine;
      streams.onCommand({ type: 'turn.bytes', stream: 5, bytes: binding() }, now);
      streams.onCommand({ type: 'turn.drained', stream: 5, bytes: 5 }, now);
      streams.onCommand({ type: 'turn.close', stream: 5 }, now);
      expect(world.said).toEqual([]);
      return world.settle();
    }));

  it('an address that is none ends the connection', async () => {
    const other = new Separate(new CoreWorld());
    const good = { host: '127.0.0.1', port: 3478 };
    other.open(1, { host: 'example.org', port: 1 }, good);
    other.open(2, good, { host: '127.0.0.1', port: 65_536 });
    expect(other.events).toEqual(upTo(2).map((i) => ({ type: 'turn.end', stream: i + 1 })));
    await other.world.close();
  });

  it('listeners and connections are bounded', async () => {
    const other = new Separate(new CoreWorld());
    for (let i = 0; i <= STREAM_LISTENERS_MAX; i++) {
      other.open(i, { host: `192.0.2.${i}`, port: 443 }, remoteOf(0));
    }
    expect(other.events).toEqual([{ type: 'turn.end', stream: STREAM_LISTENERS_MAX }]);
    for (let i = STREAM_LISTENERS_MAX; i <= STREAMS_MAX; i++) {
      other.open(i, { host: '192.0.2.1', port: 443 }, remoteOf(i));
    }
    expect(other.streams.size).toBe(STREAMS_MAX);
    expect(other.events.slice(1)).toEqual([{ type: 'turn.end', stream: STREAMS_MAX }]);
    await other.world.close();
  });

  it('an IPv4-mapped client address is that of IPv4', async () => {
    const other = new Separate(new CoreWorld());
    const mapped = { host: '::ffff:127.0.0.1', port: 3478 };
    other.open(1, mapped, { host: '::ffff:192.0.2.7', port: 999 });
    other.bytes(1, binding());
    const [event] = other.events;
    const answer = event?.type === 'turn.bytes' ? event.bytes : new Uint8Array(0);
    const received = new ReceivedMessage(Buffer.from(answer));
    expect(received.address(0x0020).toString()).toBe('192.0.2.7:999');
    await other.world.close();
  });
});
