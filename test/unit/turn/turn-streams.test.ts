// TURN over TCP and TLS in the worker: what goes out of it and comes in, with back-pressure both ways.

import { describe, expect, it } from 'vitest';
import { BINDING, data, peer } from '../../support/turn/client.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { concat, message } from '../../support/turn/message.ts';
import { ReceivedMessage } from '../../support/turn/received.ts';
import { binding, bound, bytesIn, inWorld, saidOf } from '../../support/turn/stream-sessions.ts';
import { allDrops, drops } from '../../support/turn/world.ts';

const KIB = 1024;
const UNREAD_DATA = 256 * KIB;
const UNREAD_RESPONSES = 64 * KIB;
/** Header and XOR-MAPPED-ADDRESS. */
const BINDING_ANSWER = 32;

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
