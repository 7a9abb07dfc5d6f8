// RFC 8016 s3.2.2 where clients have connections: how their ends and new ones move an allocation.
/* oxlint-disable vitest/no-standalone-expect -- onCore is a test */

import { expect } from 'vitest';
import { ALLOCATE, MOBILITY, receivedBy, TurnClient, UDP } from '../support/turn/client.ts';
import type { CoreWorld } from '../support/turn/core-world.ts';
import { onCore } from '../support/turn/drivers.ts';
import { type Mobile, moved, show, ticketIn } from '../support/turn/mobile.ts';
import { Streams } from '../support/turn/streams.ts';
import type { Endpoint } from '../support/turn/world.ts';

async function connected(streams: Streams, port: number): Promise<TurnClient> {
  const client = new TurnClient(streams.connect(port), streams.address);
  await client.challenge();
  return client;
}

interface Scene extends Mobile {
  readonly streams: Streams;
  readonly host: Endpoint;
}

/** A client on a connection, with a channel to a peer. */
async function scene(world: CoreWorld): Promise<Scene> {
  const streams = new Streams(world);
  const host = await world.endpoint();
  const client = await connected(streams, 5001);
  const allocated = await client.allocate(MOBILITY);
  await client.bind(0x4000, host.address);
  return { streams, host, client, ...allocated, ticket: ticketIn(allocated.response) };
}

onCore('RFC 8016 s3.2.2: a client moves from a connection to UDP and back', async (world) => {
  const { streams, host, client: old, relayed, ticket } = await scene(world);
  const { client: onUdp, ticket: second } = await moved(world, ticket);
  onUdp.sendChannel(0x4000, Buffer.from('datagram'));
  expect(await receivedBy(host)).toEqual([`${relayed.toString()} datagram`]);
  expect(streams.allocations).toBe(0);
  // What happens to the old connection is nothing to the allocation any more.
  streams.disconnect(old.endpoint);
  host.send(Buffer.from('to UDP'), relayed);
  expect(await onUdp.relayedToMe()).toEqual(['channel 0x4000 to UDP']);

  const back = await connected(streams, 5002);
  expect((await show(back, second)).outcome).toBe('success');
  back.sendChannel(0x4000, Buffer.from('stream'));
  expect(await receivedBy(host)).toEqual([`${relayed.toString()} stream`]);
  expect(streams.allocations).toBe(1);
  host.send(Buffer.from('to the stream'), relayed);
  expect(await back.relayedToMe()).toEqual(['channel 0x4000 to the stream']);
});

onCore(
  'RFC 8016 s3.2.2: the end of the old connection takes the new 5-tuple into use',
  async (world) => {
    const { streams, host, client: old, relayed, ticket } = await scene(world);
    const { client } = await moved(world, ticket);
    streams.disconnect(old.endpoint);
    host.send(Buffer.from('x'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 x']);
    expect(world.server.stats().allocations).toBe(1);
    expect(streams.allocations).toBe(0);
  },
);

onCore(
  'RFC 8016 s3.2.2: an allocation outlives its connection, and its ticket brings it back at once',
  async (world) => {
    const { streams, host, client: old, relayed, ticket } = await scene(world);
    streams.disconnect(old.endpoint);
    expect(world.server.stats()).toMatchObject({ allocations: 1, users: 1 });
    const client = await connected(streams, 5002);
    expect((await show(client, ticket)).outcome).toBe('success');
    host.send(Buffer.from('x'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 x']);
  },
);

onCore(
  'RFC 8016 s5: nobody who connects from the same address gets what is for the client before',
  async (world) => {
    const { streams, host, client: old, relayed, ticket } = await scene(world);
    streams.disconnect(old.endpoint);
    const stranger = await connected(streams, 5001);
    host.send(Buffer.from('x'), relayed);
    stranger.sendChannel(0x4000, Buffer.from('y'));
    expect(await stranger.relayedToMe()).toEqual([]);
    expect(await receivedBy(host)).toEqual([]);
    expect((await stranger.refresh()).outcome).toBe('437');
    expect((await show(stranger, ticket)).outcome).toBe('success');
    host.send(Buffer.from('z'), relayed);
    expect(await stranger.relayedToMe()).toEqual(['channel 0x4000 z']);
  },
);

onCore(
  'RFC 8016 s3.2.2: an announced 5-tuple whose connection ends is forgotten',
  async (world) => {
    const { streams, host, client: old, relayed, ticket } = await scene(world);
    const brief = await connected(streams, 5002);
    const second = ticketIn(await show(brief, ticket));
    streams.disconnect(brief.endpoint);
    const again = await connected(streams, 5002);
    again.sendChannel(0x4000, Buffer.from('nobody knows me'));
    host.send(Buffer.from('x'), relayed);
    expect(await receivedBy(host)).toEqual([]);
    expect(await old.relayedToMe()).toEqual(['channel 0x4000 x']);
    expect((await show(again, second)).outcome).toBe('success');
  },
);

onCore(
  'RFC 8016 s3.2.2: without a ticket an allocation ends with its connection',
  async (world) => {
    const streams = new Streams(world);
    const client = await connected(streams, 5001);
    await client.allocate();
    streams.disconnect(client.endpoint);
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
    expect(world.events.deleted).toMatchObject([{ reason: 'disconnected' }]);
  },
);

onCore(
  'RFC 8016 s3.2.2: an allocation that ends takes the 5-tuple it was to move to with it',
  async (world) => {
    const { streams, client: old, ticket } = await scene(world);
    const client = await connected(streams, 5002);
    await show(client, ticket);
    expect([streams.allocations, streams.arriving]).toEqual([1, 1]);
    await old.refresh(0);
    expect([streams.allocations, streams.arriving]).toEqual([0, 0]);
  },
);

onCore(
  'RFC 8016 s5: an allocation that outlives its connection counts against the quota until it expires',
  async (world) => {
    const { streams, client: old } = await scene(world);
    streams.disconnect(old.endpoint);
    const client = await connected(streams, 5002);
    expect((await client.request(ALLOCATE, UDP, MOBILITY)).outcome).toBe('486');
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('486');
    world.advance(600_000);
    world.sweep();
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { quota: { perUser: 1, total: 10 } },
);
