// A server that drains takes no new allocations, and whatever it has goes on until it ends by itself.

import { describe, expect, it } from 'vitest';
import {
  ALLOCATE,
  EVEN_PORT_RESERVE,
  receivedBy,
  reservationToken,
  TurnClient,
  UDP,
} from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';

describe('a server that drains', () => {
  it('says so', () => {
    const { server } = new CoreWorld();
    server.drain(true);
    expect(server.stats().draining).toBe(true);
    server.drain(false);
    expect(server.stats().draining).toBe(false);
  });

  it('has no room for new allocations, those of reserved ports among them, until it drains no more', async () => {
    const world = new CoreWorld();
    const first = await TurnClient.of(world);
    const { response } = await first.allocate(EVEN_PORT_RESERVE);
    const token = reservationToken(response.value(0x0022));
    world.server.drain(true);
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('508');
    expect((await client.request(ALLOCATE, UDP, token)).outcome).toBe('508');
    expect(world.server.stats()).toMatchObject({ allocations: 1, reservations: 1 });
    world.server.drain(false);
    expect((await client.request(ALLOCATE, UDP, token)).outcome).toBe('success');
    await world.close();
  });

  it('relays for those that it has, in both directions, and lets them end', async () => {
    const world = new CoreWorld();
    const host = await world.endpoint();
    const client = await TurnClient.of(world);
    const { relayed } = await client.allocate();
    world.server.drain(true);
    await client.bind(0x4000, host.address);
    client.sendChannel(0x4000, Buffer.from('out'));
    host.send(Buffer.from('in'), relayed);
    expect(await receivedBy(host)).toEqual([`${relayed.toString()} out`]);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 in']);
    expect((await client.refresh()).outcome).toBe('success');
    expect((await client.refresh(0)).outcome).toBe('success');
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('508');
    await world.close();
  });

  it('admits an allocation whose sockets were opening when it began', async () => {
    const world = new CoreWorld();
    const client = await TurnClient.of(world);
    world.engine.holdOpens = true;
    const request = client.build(ALLOCATE, [UDP]);
    client.endpoint.send(request, client.server);
    await world.settle();
    world.server.drain(true);
    world.engine.holdOpens = false;
    expect((await client.response(request)).outcome).toBe('success');
    await world.close();
  });
});
