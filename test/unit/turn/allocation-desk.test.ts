// Allocations as who operates the server sees them: pages in the order of their making, what one has, and its end.
/* oxlint-disable vitest/no-standalone-expect -- onCore is a test */

import { describe, expect, it } from 'vitest';
import {
  ADDITIONAL_6,
  EVEN_PORT_RESERVE,
  lifetime,
  receivedBy,
  REFRESH,
  TurnClient,
} from '../../support/turn/client.ts';
import { CoreWorld, WALL_START_MS } from '../../support/turn/core-world.ts';
import { TcpMeter } from '../../../turn/index.ts';
import { onCore, onTcpCore } from '../../support/turn/drivers.ts';
import { allocated } from '../../support/turn/tcp-scene.ts';
import { OTHER_PASSWORD, OTHER_USER } from '../../support/turn/world.ts';

const now = (world: CoreWorld): number => world.engine.now;
const idsOf = (world: CoreWorld, after: number, max: number): number[] =>
  world.server.desk.page(after, max, now(world)).map(({ id }) => id);

describe('a page', () => {
  onCore('begins behind an id, has as many as asked for, and no id twice', async (world) => {
    const clients: TurnClient[] = [];
    for (let n = 0; n < 5; n++) {
      // oxlint-disable-next-line no-await-in-loop -- ids are given in this order
      const client = await TurnClient.of(world);
      // oxlint-disable-next-line no-await-in-loop -- as above
      await client.allocate();
      clients.push(client);
    }
    expect(idsOf(world, 0, 2)).toEqual([1, 2]);
    expect(idsOf(world, 2, 2)).toEqual([3, 4]);
    await clients[1]!.request(REFRESH, lifetime(0));
    expect(idsOf(world, 2, 9)).toEqual([3, 4, 5]);
    await clients[1]!.allocate();
    expect(idsOf(world, 0, 9)).toEqual([1, 3, 4, 5, 6]);
    expect(idsOf(world, 6, 9)).toEqual([]);
  });

  onCore(
    'counts from what a worker in place of a dead one is told',
    async (world) => {
      await (await TurnClient.of(world)).allocate();
      expect(idsOf(world, 0, 9)).toEqual([2 ** 32 + 1]);
    },
    { firstAllocationId: 2 ** 32 + 1 },
  );

  onCore('has what each is and what went through it', async (world) => {
    const client = await TurnClient.of(world, { username: OTHER_USER, password: OTHER_PASSWORD });
    world.advance(5000);
    const { relayed } = await client.allocate(lifetime(700));
    const peer = await world.endpoint();
    await client.permit(peer.address);
    await client.bind(0x4001, peer.address);
    client.sendChannel(0x4001, Buffer.from('seven b'));
    expect(await receivedBy(peer)).toHaveLength(1);
    peer.send(Buffer.from('abc'), relayed);
    peer.send(Buffer.from('def'), relayed);
    await world.settle();
    world.advance(1500);
    expect(world.server.desk.page(0, 9, now(world))).toEqual([
      {
        id: 1,
        user: OTHER_USER,
        client: client.endpoint.address.toString(),
        transport: 'udp',
        relayed: [relayed.toString()],
        createdAt: WALL_START_MS + 5000,
        expiresInSeconds: 699,
        permissions: 1,
        channels: 1,
        sentPackets: 1,
        sentBytes: 7,
        receivedPackets: 2,
        receivedBytes: 6,
      },
    ]);
  });

  onCore('has nothing that is over, although its memory is not free yet', async (world) => {
    const [short, long] = [await TurnClient.of(world), await TurnClient.of(world)];
    const peer = await world.endpoint();
    await short.allocate();
    await long.allocate(lifetime(3000));
    await long.permit(peer.address);
    world.advance(600_000);
    const page = world.server.desk.page(0, 9, now(world));
    expect(page.map(({ id, permissions }) => [id, permissions])).toEqual([[2, 0]]);
    expect(world.server.desk.describe(2, now(world))?.permissions).toEqual([]);
    expect(world.server.desk.describe(1, now(world))).toBeUndefined();
    expect(world.server.desk.end(1, now(world))).toBe(false);
  });

  it('has nothing whose relay is still to open', async () => {
    const world = new CoreWorld();
    const client = await TurnClient.of(world);
    world.engine.holdOpens = true;
    const allocating = client.allocate();
    expect(idsOf(world, 0, 9)).toEqual([]);
    expect(world.server.desk.end(1, now(world))).toBe(false);
    world.engine.holdOpens = false;
    world.engine.run();
    await allocating.catch(() => undefined);
    expect(idsOf(world, 0, 9)).toEqual([1]);
    await world.close();
  });
});

describe('one allocation', () => {
  onCore('is told of with its permissions and channels', async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate(ADDITIONAL_6);
    const [four, six] = [await world.endpoint(4), await world.endpoint(6)];
    await client.permit(four.address);
    world.advance(100_000);
    await client.bind(0x4005, six.address);
    const details = world.server.desk.describe(1, now(world));
    expect(details?.relayed).toHaveLength(2);
    expect(details?.permissions.toSorted((a, b) => a.peer.localeCompare(b.peer))).toEqual([
      { peer: '::1', expiresInSeconds: 300 },
      { peer: '127.0.0.1', expiresInSeconds: 200 },
    ]);
    expect(details?.channels).toEqual([
      { number: 0x4005, peer: six.address.toString(), expiresInSeconds: 600 },
    ]);
    expect(world.server.desk.describe(2, now(world))).toBeUndefined();
  });

  onCore(
    'is ended with its sockets and its quota, once, and the log says by whom',
    async (world) => {
      const client = await TurnClient.of(world);
      const { relayed } = await client.allocate(EVEN_PORT_RESERVE);
      const peer = await world.endpoint();
      await client.permit(peer.address);
      expect(world.server.desk.end(1, now(world))).toBe(true);
      expect(world.server.desk.end(1, now(world))).toBe(false);
      expect(world.events.deleted.map(({ reason }) => reason)).toEqual(['ended-by-admin']);
      expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 1 });
      client.sendTo(peer.address, Buffer.from('x'));
      peer.send(Buffer.from('y'), relayed);
      expect([await receivedBy(peer), await client.relayedToMe()]).toEqual([[], []]);
      expect((await client.refresh()).outcome).toContain('437');
      await client.allocate();
    },
  );
});

describe('a TCP allocation', () => {
  onTcpCore(
    'shows what its connections carry while they do, and so do the metrics and its end',
    async (world) => {
      const { client } = await allocated(world);
      const { meter } = world.owns[0]!;
      const sockets = new TcpMeter(meter, world.options.commons.bandwidth);
      const seen = (): number[] => {
        const [one] = world.server.desk.page(0, 9, world.engine.now);
        const { tcp, udp } = world.server.stats().traffic;
        const [sent, received] = [tcp.sentBytes, tcp.receivedBytes];
        return [one!.sentBytes, one!.receivedBytes, sent, received, tcp.sentPackets, udp.sentBytes];
      };
      sockets.sent(100);
      expect(seen()).toEqual([100, 0, 100, 0, 0, 0]);
      sockets.sent(20);
      sockets.received(7);
      expect(world.server.stats().traffic.tcp).toMatchObject({ sentBytes: 120, receivedBytes: 7 });
      expect(world.server.desk.describe(1, world.engine.now)).toMatchObject({
        sentBytes: 120,
        receivedBytes: 7,
      });
      expect(seen()).toEqual([120, 7, 120, 7, 0, 0]);
      sockets.received(3);
      await client.request(REFRESH, lifetime(0));
      expect(world.events.deleted).toMatchObject([{ sentBytes: 120, receivedBytes: 10 }]);
      expect(world.server.stats().traffic.tcp).toMatchObject({ sentBytes: 120, receivedBytes: 10 });
    },
  );
});
