// Allocations that share a relay port: each gets what is its own and nothing of another's, whoever was there first.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { describe, expect, it } from 'vitest';
import {
  ADDITIONAL_6,
  ALLOCATE,
  EVEN_PORT,
  EVEN_PORT_RESERVE,
  receivedBy,
  reservationToken,
  TurnClient,
  UDP,
} from '../../support/turn/client.ts';
import { onBoth, onCore, onEveryTransport } from '../../support/turn/drivers.ts';
import { allocated, annAndBob, ONE } from '../../support/turn/few-ports.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { mobile, moved } from '../../support/turn/mobile.ts';
import { ReceivedMessage } from '../../support/turn/received.ts';
import { freePort } from '../../support/free-ports.ts';
import { UdpWorld } from '../../support/turn/udp-world.ts';
import { address, allDrops } from '../../support/turn/world.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('allocations of one port', () => {
  onEveryTransport(
    'have the same relayed address, and each hears the peers that it has sent to',
    async (world) => {
      const all = await allocated(world, 3);
      expect(new Set(all.map(({ relayed }) => relayed.toString())).size).toBe(1);
      const { relayed } = all[0]!;
      const peers = await inTurn(all, () => world.endpoint());
      await inTurn(all, async ({ client }, i) => {
        await client.permit(peers[i]!.address);
        client.sendTo(peers[i]!.address, bytes(`to ${i}`));
      });
      await world.settle();
      for (const [i, peer] of peers.entries()) peer.send(bytes(`of ${i}`), relayed);
      await world.settle();
      await inTurn(all, async ({ client }, i) => {
        const peer = peers[i]!;
        expect(await receivedBy(peer)).toEqual([`${relayed.toString()} to ${i}`]);
        expect(await client.relayedToMe()).toEqual([`data ${peer.address.toString()} of ${i}`]);
        expect((await client.bind(0x4001, peer.address)).outcome).toBe('success');
        client.sendChannel(0x4001, bytes(`on ${i}`));
        await world.settle();
        peer.send(bytes(`back ${i}`), relayed);
        await world.settle();
        expect(await receivedBy(peer)).toEqual([`${relayed.toString()} on ${i}`]);
        expect(await client.relayedToMe()).toEqual([`channel 0x4001 back ${i}`]);
      });
      expect(await allDrops(world)).toEqual({});
    },
    ONE,
  );

  onBoth(
    'hear a peer that nobody has sent to only where no other has a permission for its address',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = await world.endpoint();
      peer.send(bytes('to nobody'), relayed);
      await world.settle();
      await ann.permit(peer.address);
      peer.send(bytes('to Ann'), relayed);
      await world.settle();
      await bob.permit(peer.address);
      peer.send(bytes('to whom?'), relayed);
      await world.settle();
      expect(await ann.relayedToMe()).toEqual([`data ${peer.address.toString()} to Ann`]);
      expect(await bob.relayedToMe()).toEqual([]);
      expect(await allDrops(world)).toEqual({ 'no-permission': 1, 'ambiguous-peer': 1 });
      await bob.refresh(0);
      peer.send(bytes('to Ann again'), relayed);
      await world.settle();
      expect(await ann.relayedToMe()).toEqual([`data ${peer.address.toString()} to Ann again`]);
    },
    ONE,
  );

  onBoth(
    'cannot reach a peer that is another one’s: Send is dropped, ChannelBind is 508, until that one ends',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = await world.endpoint();
      await ann.permit(peer.address);
      ann.sendTo(peer.address, bytes('Ann'));
      await world.settle();
      expect((await bob.permit(peer.address)).outcome).toBe('success');
      bob.sendTo(peer.address, bytes('Bob'));
      expect((await bob.bind(0x4000, peer.address)).outcome).toBe('508');
      bob.sendChannel(0x4000, bytes('Bob'));
      await world.settle();
      peer.send(bytes('secret'), relayed);
      await world.settle();
      expect(await receivedBy(peer)).toEqual([`${relayed.toString()} Ann`]);
      expect(await ann.relayedToMe()).toEqual([`data ${peer.address.toString()} secret`]);
      expect(await bob.relayedToMe()).toEqual([]);
      expect(await allDrops(world)).toEqual({ 'peer-taken': 1, 'no-channel': 1 });

      await ann.refresh(0);
      expect((await bob.bind(0x4000, peer.address)).outcome).toBe('success');
      bob.sendChannel(0x4000, bytes('Bob'));
      await world.settle();
      peer.send(bytes('to Bob'), relayed);
      await world.settle();
      expect(await receivedBy(peer)).toEqual([`${relayed.toString()} Bob`]);
      expect(await bob.relayedToMe()).toEqual(['channel 0x4000 to Bob']);
    },
    ONE,
  );

  onBoth(
    'have a peer by a channel alone, before anything was sent',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = await world.endpoint();
      await ann.bind(0x4000, peer.address);
      await bob.permit(peer.address);
      bob.sendTo(peer.address, bytes('Bob'));
      await world.settle();
      peer.send(bytes('secret'), relayed);
      await world.settle();
      expect(await receivedBy(peer)).toEqual([]);
      expect(await ann.relayedToMe()).toEqual(['channel 0x4000 secret']);
      expect(await bob.relayedToMe()).toEqual([]);
    },
    ONE,
  );
});

describe('ports', () => {
  onBoth(
    'are opened as allocations come, no more than configured, and filled evenly',
    async (world) => {
      const before = world.counters.sockets;
      const free = world.options.commons.ports.free(0);
      const all = await allocated(world, 9);
      const ports = new Map<number, number>();
      for (const { relayed } of all) ports.set(relayed.port, (ports.get(relayed.port) ?? 0) + 1);
      expect([...ports.values()]).toEqual([3, 3, 3]);
      expect(world.counters.sockets).toBe(before + 3);
      expect(world.options.commons.ports.free(0)).toBe(free - 3);
      // They stay, and who comes next gets the place that is free.
      await all[4]!.client.refresh(0);
      const [next] = await allocated(world, 1);
      expect(next!.relayed.port).toBe(all[4]!.relayed.port);
      expect(world.counters.sockets).toBe(before + 3);
    },
    { sharedPorts: 3 },
  );

  onCore(
    'that others hold are passed over, and where there is none at all it is 508, for some seconds',
    async (world) => {
      const { engine } = world;
      engine.refuse = ({ port }) => (port === 50_001 ? undefined : 'in-use');
      const relayed = (await allocated(world, 3)).map(({ relayed: at }) => at.port);
      expect(relayed).toEqual([50_001, 50_001, 50_001]);
      const asked = engine.asked.length;
      await allocated(world, 1);
      expect(engine.asked).toHaveLength(asked);
      engine.refuse = () => undefined;
      world.advance(10_000);
      expect((await allocated(world, 1))[0]!.relayed.port).not.toBe(50_001);
    },
    { sharedPorts: 2, ports: { first: 50_000, last: 50_003 } },
  );

  onCore(
    'none of which can be had are an answer of 508, and allocate later',
    async (world) => {
      const { engine } = world;
      engine.refuse = () => 'unavailable';
      const client = await TurnClient.of(world);
      expect((await client.request(ALLOCATE, UDP)).outcome).toBe('508');
      expect(world.options.commons.stats().allocations).toBe(0);
      engine.refuse = () => undefined;
      world.advance(10_000);
      await client.allocate();
    },
    ONE,
  );

  onCore(
    'that open when the server is closed are closed as well, and so are those that wait for them',
    async (world) => {
      const { engine } = world;
      const clients = await inTurn(upTo(3), () => TurnClient.of(world));
      engine.holdOpens = true;
      for (const client of clients)
        client.endpoint.send(client.build(ALLOCATE, [UDP]), client.server);
      await world.settle();
      expect(engine.opening).toBe(2);
      world.server.close();
      engine.holdOpens = false;
      await world.settle();
      expect(engine.counters.sockets).toBe(0);
    },
    { sharedPorts: 2 },
  );

  onBoth(
    'of a kind, or reserved ones, are not to be had: 508 for EVEN-PORT and for RESERVATION-TOKEN',
    async (world) => {
      const client = await TurnClient.of(world);
      const outcomes = await inTurn(
        [EVEN_PORT, EVEN_PORT_RESERVE, reservationToken(bytes('12345678'))],
        async (wish) => (await client.request(ALLOCATE, UDP, wish)).outcome,
      );
      expect(outcomes).toEqual(['508', '508', '508']);
      expect(world.options.commons.stats()).toMatchObject({ allocations: 0, reservations: 0 });
      await client.allocate();
    },
    ONE,
  );

  onBoth(
    'are shared in both families by dual allocations',
    async (world) => {
      const clients = await inTurn(upTo(2), () => TurnClient.of(world));
      const relayed = await inTurn(clients, async (client) => {
        const { response } = await client.allocate(ADDITIONAL_6);
        return response.addresses(0x0016).map(String);
      });
      expect(relayed[0]).toHaveLength(2);
      expect(relayed[1]).toEqual(relayed[0]);
      const peer = await world.endpoint(6);
      await clients[1]!.permit(peer.address);
      clients[1]!.sendTo(peer.address, bytes('x'));
      await world.settle();
      peer.send(bytes('y'), address('::1', Number(/\d+$/.exec(relayed[0]![1]!)![0])));
      await world.settle();
      expect(await clients[1]!.relayedToMe()).toEqual([`data ${peer.address.toString()} y`]);
    },
    ONE,
  );
});

onBoth(
  'an allocation that moves keeps its peers, and nothing of them comes to its old place',
  async (world) => {
    const { client: old, relayed, ticket } = await mobile(world);
    const peer = await world.endpoint();
    await old.permit(peer.address);
    old.sendTo(peer.address, bytes('one'));
    await world.settle();
    const { client } = await moved(world, ticket);
    client.sendTo(peer.address, bytes('two'));
    await world.settle();
    peer.send(bytes('answer'), relayed);
    await world.settle();
    expect(await client.relayedToMe()).toEqual([`data ${peer.address.toString()} answer`]);
    expect(await old.relayedToMe()).toEqual([]);
  },
  ONE,
);

it.runIf(process.platform === 'linux')(
  'an ICMP error is told to the allocation that has sent to the peer, and to no other',
  async () => {
    const world = await UdpWorld.open('linux', ONE);
    const { ann, bob } = await annAndBob(world);
    const nobody = address('127.0.0.1', await freePort(['127.0.0.1']));
    await bob.permit(nobody);
    await ann.permit(nobody);
    ann.sendTo(nobody, bytes('x'));
    const { bytes: told } = await ann.endpoint.receive();
    const indication = new ReceivedMessage(told);
    expect(indication.address(0x0012).toString()).toBe(nobody.toString());
    expect([...indication.value(0x8004)]).toEqual([0, 0, 3 << 1, 3, 0, 0, 0, 0]);
    expect(await bob.endpoint.rest()).toEqual([]);
    await world.close();
  },
);
