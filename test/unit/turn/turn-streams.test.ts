// TURN over TCP and TLS in the worker: back-pressure both ways, whose connection is whose, and how they end.

import { describe, expect, it } from 'vitest';
import { STREAM_LISTENERS_MAX, STREAMS_MAX } from '../../../turn/limits.ts';
import type { StreamEndpoint, TurnStreamEvent } from '../../../turn/stream-control.ts';
import { TurnStreams } from '../../../turn/index.ts';
import { BINDING, data, peer, TurnClient } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { channelData, concat, message } from '../../support/turn/message.ts';
import { ReceivedMessage } from '../../support/turn/received.ts';
import { StreamWorld } from '../../support/turn/stream-world.ts';
import { address, allDrops, drops, type WorldOptions } from '../../support/turn/world.ts';

const KIB = 1024;
const UNREAD_DATA = 256 * KIB;
const UNREAD_RESPONSES = 64 * KIB;
/** Header and XOR-MAPPED-ADDRESS. */
const BINDING_ANSWER = 32;
const binding = (): Uint8Array => message(BINDING, new Uint8Array(12).fill(9));

async function bound(world: StreamWorld, at = world.listener4) {
  const client = new TurnClient(await world.endpoint(), at);
  await client.challenge();
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  await client.bind(0x4000, host.address);
  return { client, host, relayed, stream: world.streamOf(client.endpoint.address, at) };
}

async function inWorld(
  body: (world: StreamWorld) => Promise<void>,
  options: WorldOptions = {},
): Promise<void> {
  const world = new StreamWorld(options);
  await body(world);
  await world.close();
}

/** What was said about a stream since the last time. */
function saidOf(world: StreamWorld, stream: number): TurnStreamEvent[] {
  return world.said.splice(0).filter((event) => event.stream === stream);
}

function bytesIn(events: readonly TurnStreamEvent[]): number {
  return events.reduce(
    (sum, each) => sum + (each.type === 'turn.bytes' ? each.bytes.length : 0),
    0,
  );
}

const remoteOf = (i: number): StreamEndpoint => ({
  host: `10.0.${(i >> 8) & 255}.${i & 255}`,
  port: 1 + (i >> 16),
});

/** TurnStreams beside those of a world, with events that nobody answers. */
class Separate {
  readonly world: CoreWorld;
  readonly events: TurnStreamEvent[] = [];
  readonly streams: TurnStreams;

  constructor(world: CoreWorld) {
    this.world = world;
    const { server, engine, options } = world;
    const { channelNumberMax } = options;
    const emit = (event: TurnStreamEvent): void => void this.events.push(event);
    this.streams = new TurnStreams({ server, engine, channelNumberMax, emit });
  }

  open(stream: number, local: StreamEndpoint, remote: StreamEndpoint): void {
    const open = { type: 'turn.open', transport: 'tls', stream, local, remote } as const;
    this.streams.onCommand(open, this.world.engine.now);
  }

  bytes(stream: number, bytes: Uint8Array): void {
    this.streams.onCommand({ type: 'turn.bytes', stream, bytes }, this.world.engine.now);
    this.world.engine.run();
  }
}

describe('what goes out', () => {
  it('is one event for all of a turn', () =>
    inWorld(async (world) => {
      const { host, relayed, stream } = await bound(world);
      saidOf(world, stream);
      for (const size of [1, 2, 3, 1200]) host.send(new Uint8Array(size), relayed);
      await world.settle();
      const said = saidOf(world, stream);
      expect(said.map(({ type }) => type)).toEqual(['turn.bytes']);
      expect(bytesIn(said)).toBe(8 + 8 + 8 + 1204);
    }));

  it('has zeros for padding, whatever its memory held before', () =>
    inWorld(async (world) => {
      const { client, host, relayed, stream } = await bound(world);
      const unbound = world.endpointAt('127.0.0.2');
      await client.permit(unbound.address);
      await inTurn(upTo(12), async (size) => {
        host.send(new Uint8Array(3000).fill(0xff), relayed);
        unbound.send(new Uint8Array(3000).fill(0xff), relayed);
        await world.settle();
        saidOf(world, stream);
        host.send(new Uint8Array(size).fill(0xff), relayed);
        unbound.send(new Uint8Array(size).fill(0xff), relayed);
        await world.settle();
        const said = saidOf(world, stream);
        const [event] = said;
        if (said.length !== 1 || event?.type !== 'turn.bytes') throw new Error('one event');
        const whole = (size + 3) & ~3;
        const first = Buffer.from(event.bytes.subarray(0, 4 + whole));
        const expected = Buffer.alloc(whole);
        expected.fill(0xff, 0, size);
        expect(first.subarray(4).equals(expected)).toBe(true);
        const indication = new ReceivedMessage(Buffer.from(event.bytes.subarray(4 + whole)));
        expect(indication.paddingIsZero).toBe(true);
        expect(indication.value(0x0013)).toHaveLength(size);
      });
    }));

  it('has a buffer of its own', () =>
    inWorld(async (world) => {
      const { host, relayed, stream } = await bound(world);
      host.send(new Uint8Array(5), relayed);
      await world.settle();
      const sizes = saidOf(world, stream).flatMap((each) =>
        each.type === 'turn.bytes' ? [each.bytes.buffer.byteLength - each.bytes.length] : [],
      );
      expect(sizes.length).toBeGreaterThan(3);
      expect(sizes.every((rest) => rest === 0)).toBe(true);
    }));
});

describe('a client that does not read', () => {
  it('loses data beyond 256 KiB, and no response', () =>
    inWorld(async (world) => {
      const { client, host, relayed, stream } = await bound(world);
      await world.settle();
      saidOf(world, stream);
      world.reads = false;
      await inTurn(upTo(30), async () => {
        for (let i = 0; i < 10; i++) host.send(new Uint8Array(1200), relayed);
        await world.settle();
      });
      const fit = Math.floor(UNREAD_DATA / 1204);
      expect(bytesIn(saidOf(world, stream))).toBe(fit * 1204);
      expect(await allDrops(world)).toEqual({ 'slow-reader': 300 - fit });
      expect((await client.refresh()).outcome).toBe('success');
      expect((await client.permit(host.address)).outcome).toBe('success');

      world.reads = true;
      await client.endpoint.rest();
      host.send(Buffer.from('again'), relayed);
      expect(await client.relayedToMe()).toEqual(['channel 0x4000 again']);
      expect(await drops(world, 'slow-reader')).toBe(300 - fit);
    }));

  it('loses data indications as it loses ChannelData', () =>
    inWorld(async (world) => {
      const { client, relayed, stream } = await bound(world);
      const unbound = world.endpointAt('127.0.0.2');
      await client.permit(unbound.address);
      await world.settle();
      saidOf(world, stream);
      world.reads = false;
      for (let i = 0; i < 6; i++) unbound.send(new Uint8Array(60_000), relayed);
      await world.settle();
      expect(bytesIn(saidOf(world, stream))).toBe(4 * (60_000 + 36));
      expect(await drops(world, 'slow-reader')).toBe(2);
    }));

  it('is put out when it asks on and on: an allocation goes, and its quota with it', () =>
    inWorld(
      async (world) => {
        const { client, host, relayed, stream } = await bound(world);
        await world.settle();
        saidOf(world, stream);
        world.reads = false;
        for (let i = 0; i < 4; i++) host.send(new Uint8Array(65_500), relayed);
        for (let i = 0; i < 3000; i++) client.endpoint.send(binding(), client.server);
        await world.settle();
        const said = saidOf(world, stream);
        const full = 4 * 65_504;
        const fit = Math.floor((UNREAD_DATA + UNREAD_RESPONSES - full) / BINDING_ANSWER);
        expect(bytesIn(said)).toBe(full + fit * BINDING_ANSWER);
        expect(said.at(-1)?.type).toBe('turn.end');
        expect(said.filter(({ type }) => type === 'turn.end')).toHaveLength(1);
        expect(world.events.deleted).toMatchObject([{ reason: 'disconnected', transport: 'tcp' }]);
        expect(world.streams.size).toBe(0);
        world.reads = true;
        await bound(world);
      },
      { quota: { perUser: 1, total: 10 } },
    ));

  it('without an allocation it is put out after 64 KiB', () =>
    inWorld(async (world) => {
      const endpoint = await world.endpoint();
      world.reads = false;
      const stream = world.streamOf(endpoint.address, world.listener4);
      for (let i = 0; i < 3000; i++) endpoint.send(binding(), world.listener4);
      await world.settle();
      const said = saidOf(world, stream);
      expect(bytesIn(said)).toBe(UNREAD_RESPONSES);
      expect(said.at(-1)?.type).toBe('turn.end');
      expect(await allDrops(world)).toEqual({ 'slow-reader': 1 });
    }));
});

describe('what comes in', () => {
  it('is reported back, each byte once, whether it was a whole message or not', () =>
    inWorld(async (world) => {
      const { address: from } = await world.endpoint();
      const stream = world.streamOf(from, world.listener4);
      const bytes = concat(binding(), binding(), binding().subarray(0, 11));
      world.write(from, world.listener4, bytes);
      await world.settle();
      const said = saidOf(world, stream);
      const taken = said.flatMap((each) => (each.type === 'turn.taken' ? [each.bytes] : []));
      expect(taken.reduce((sum, each) => sum + each, 0)).toBe(bytes.length);
      expect(bytesIn(said)).toBe(2 * BINDING_ANSWER);
    }));

  it('of a stranger is no longer than 4096 bytes', () =>
    inWorld(async (world) => {
      const lengths = [4096, 4100];
      const outcomes = await inTurn(lengths, async (length) => {
        const endpoint = await world.endpoint();
        const stream = world.streamOf(endpoint.address, world.listener4);
        const software = new Uint8Array(length - 24);
        endpoint.send(message(BINDING, new Uint8Array(12), [[0x8022, software]]), world.listener4);
        await world.settle();
        return saidOf(world, stream).map(({ type }) => type);
      });
      expect(outcomes[0]).toContain('turn.bytes');
      expect(outcomes[0]).not.toContain('turn.end');
      expect(outcomes[1]).not.toContain('turn.bytes');
      expect(outcomes[1]!.at(-1)).toBe('turn.end');
    }));

  it('of who has an allocation is as long as a datagram can be, and what is longer goes nowhere', () =>
    inWorld(async (world) => {
      const { client, host, relayed } = await bound(world);
      client.sendChannel(0x4000, new Uint8Array(65_507).fill(1));
      client.sendChannel(0x4000, new Uint8Array(65_508).fill(2));
      client.sendChannel(0x4000, new Uint8Array(65_535).fill(3));
      const most = new Uint8Array(65_507);
      client.indicate(peer(host.address), data(most));
      client.sendTo(host.address, Buffer.from('end'));
      const got = await host.rest();
      expect(got.map(({ bytes }) => bytes.length)).toEqual([65_507, 65_507, 3]);
      expect(got.every(({ from }) => from.equals(relayed))).toBe(true);
      expect(await allDrops(world)).toEqual({ 'too-large': 2 });
    }));

  it('that is no message ends the connection, after what was answered before', () =>
    inWorld(async (world) => {
      const { client, stream } = await bound(world);
      await world.settle();
      saidOf(world, stream);
      const from = client.endpoint.address;
      const bytes = concat(binding(), Buffer.from('POST / HTTP/1.1\r\n'), binding());
      world.write(from, world.listener4, bytes);
      await world.settle();
      const said = saidOf(world, stream);
      expect(bytesIn(said)).toBe(BINDING_ANSWER);
      expect(said.at(-1)?.type).toBe('turn.end');
      expect(world.events.deleted).toMatchObject([{ reason: 'disconnected' }]);
      expect(await drops(world, 'not-stun')).toBe(1);
      world.streams.onCommand({ type: 'turn.bytes', stream, bytes: binding() }, world.engine.now);
      world.streams.onCommand({ type: 'turn.close', stream }, world.engine.now);
      await world.settle();
      expect(saidOf(world, stream)).toEqual([]);
    }));
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
