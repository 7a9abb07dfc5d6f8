// Peers at a relay port that allocations share: whose they are while time passes, and while somebody is hostile.
/* oxlint-disable vitest/no-standalone-expect -- onCore is a test */

import { describe, expect } from 'vitest';
import { receivedBy } from '../../support/turn/client.ts';
import type { CoreWorld } from '../../support/turn/core-world.ts';
import { onCore } from '../../support/turn/drivers.ts';
import { annAndBob, ONE } from '../../support/turn/few-ports.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { allDrops, drops, type Endpoint } from '../../support/turn/world.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** How many datagrams came to a peer. */
async function heardBy(peer: Endpoint): Promise<number> {
  return (await receivedBy(peer)).length;
}

const peerAt = (world: CoreWorld): Endpoint => world.endpointAt('127.0.0.9', 7000);

describe('time', () => {
  onCore(
    'a peer is free when the permission is over, whether or not memory was freed',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = peerAt(world);
      await ann.permit(peer.address);
      ann.sendTo(peer.address, bytes('Ann'));
      world.advance(299_999);
      await bob.permit(peer.address);
      bob.sendTo(peer.address, bytes('too early'));
      await world.settle();
      world.advance(1);
      bob.sendTo(peer.address, bytes('Bob'));
      await world.settle();
      // What is freed of Ann's is not what Bob has of her by now.
      world.sweep();
      peer.send(bytes('answer'), relayed);
      expect(await ann.relayedToMe()).toEqual([]);
      expect(await bob.relayedToMe()).toEqual([`data ${peer.address.toString()} answer`]);
      // It is Bob's now, though Ann has a permission again.
      await ann.permit(peer.address);
      ann.sendTo(peer.address, bytes('Ann again'));
      expect(await drops(world, 'peer-taken')).toBe(2);
      expect(await receivedBy(peer)).toEqual([
        `${relayed.toString()} Ann`,
        `${relayed.toString()} Bob`,
      ]);
    },
    ONE,
  );

  onCore(
    'a peer is free when the allocation is over, whether or not memory was freed',
    async (world) => {
      const { ann, bob } = await annAndBob(world);
      const peer = peerAt(world);
      await ann.refresh(600);
      await bob.refresh(3600);
      world.advance(599_999);
      await ann.permit(peer.address);
      ann.sendTo(peer.address, bytes('Ann'));
      await bob.permit(peer.address);
      bob.sendTo(peer.address, bytes('too early'));
      await world.settle();
      world.advance(1);
      bob.sendTo(peer.address, bytes('Bob'));
      await world.settle();
      expect((await receivedBy(peer)).map((text) => text.split(' ')[1])).toEqual(['Ann', 'Bob']);
    },
    ONE,
  );

  onCore(
    'a permission that has lapsed begins anew: what came of the old one gives nothing before others',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = peerAt(world);
      await ann.permit(peer.address);
      ann.sendTo(peer.address, bytes('Ann'));
      await world.settle();
      world.advance(300_000);
      await bob.permit(peer.address);
      await ann.permit(peer.address);
      peer.send(bytes('whose?'), relayed);
      ann.sendTo(peer.address, bytes('Ann again'));
      await world.settle();
      bob.sendTo(peer.address, bytes('Bob'));
      await world.settle();
      peer.send(bytes('to Bob'), relayed);
      expect(await ann.relayedToMe()).toEqual([]);
      expect(await bob.relayedToMe()).toEqual([`data ${peer.address.toString()} to Bob`]);
      expect(await allDrops(world)).toEqual({ 'ambiguous-peer': 1, 'peer-taken': 1 });
    },
    ONE,
  );

  onCore(
    'a permission that is refreshed keeps the peer, and so does one that is installed anew in time',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = peerAt(world);
      await ann.permit(peer.address);
      ann.sendTo(peer.address, bytes('Ann'));
      for (const ms of [200_000, 299_999, 1]) {
        world.advance(ms);
        world.sweep();
        // oxlint-disable-next-line eslint/no-await-in-loop -- one after the other
        await ann.permit(peer.address);
      }
      await bob.permit(peer.address);
      bob.sendTo(peer.address, bytes('Bob'));
      peer.send(bytes('answer'), relayed);
      expect(await ann.relayedToMe()).toEqual([`data ${peer.address.toString()} answer`]);
      expect(await drops(world, 'peer-taken')).toBe(1);
    },
    ONE,
  );

  onCore(
    'a channel that outlives its permission sends, unless somebody else has the peer by now',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = peerAt(world);
      await ann.bind(0x4000, peer.address);
      world.advance(300_000);
      world.sweep();
      ann.sendChannel(0x4000, bytes('late'));
      peer.send(bytes('not let in'), relayed);
      await world.settle();
      await bob.permit(peer.address);
      bob.sendTo(peer.address, bytes('Bob'));
      ann.sendChannel(0x4000, bytes('too late'));
      await world.settle();
      expect((await ann.bind(0x4000, peer.address)).outcome).toBe('508');
      peer.send(bytes('to Bob'), relayed);
      expect(await ann.relayedToMe()).toEqual([]);
      expect(await bob.relayedToMe()).toEqual([`data ${peer.address.toString()} to Bob`]);
      const sent = ['late', 'Bob'].map((text) => `${relayed.toString()} ${text}`);
      expect(await receivedBy(peer)).toEqual(sent);
      expect(await allDrops(world)).toEqual({ 'no-permission': 1, 'peer-taken': 1 });
    },
    ONE,
  );
});

describe('a hostile client', () => {
  onCore(
    'cannot take a peer over the head of one that waits for that host',
    async (world) => {
      const { ann: victim, bob: attacker, relayed } = await annAndBob(world);
      const [peer, other] = [7000, 7001].map((port) => world.endpointAt('127.0.0.9', port));
      await victim.permit(peer!.address);
      await attacker.permit(peer!.address);
      attacker.sendTo(peer!.address, bytes('mine'));
      expect((await attacker.bind(0x4000, peer!.address)).outcome).toBe('508');
      peer!.send(bytes('secret'), relayed);
      expect(await attacker.relayedToMe()).toEqual([]);
      expect(await receivedBy(peer!)).toEqual([]);
      expect(await allDrops(world)).toEqual({ 'peer-taken': 1, 'ambiguous-peer': 1 });
      // The one that waited has its peer now: others at that host are free.
      victim.sendTo(peer!.address, bytes('hello'));
      attacker.sendTo(other!.address, bytes('mine'));
      peer!.send(bytes('secret'), relayed);
      other!.send(bytes('to the attacker'), relayed);
      expect(await victim.relayedToMe()).toEqual([`data ${peer!.address.toString()} secret`]);
      expect(await attacker.relayedToMe()).toEqual([
        `data ${other!.address.toString()} to the attacker`,
      ]);
    },
    ONE,
  );

  onCore(
    'that waits in vain is waited for no longer than its permission holds',
    async (world) => {
      const { ann: attacker, bob: victim } = await annAndBob(world);
      const peer = world.endpointAt('127.0.0.9', 7000);
      await attacker.permit(peer.address);
      world.advance(299_999);
      await victim.permit(peer.address);
      victim.sendTo(peer.address, bytes('one'));
      await world.settle();
      world.advance(1);
      await attacker.permit(peer.address);
      victim.sendTo(peer.address, bytes('two'));
      await world.settle();
      expect((await receivedBy(peer)).map((text) => text.split(' ')[1])).toEqual(['two']);
      victim.sendTo(peer.address, bytes('three'));
      await world.settle();
      expect((await receivedBy(peer)).map((text) => text.split(' ')[1])).toEqual(['three']);
    },
    ONE,
  );

  onCore(
    'has as many peers as it may have channels, and gets them back as permissions end',
    async (world) => {
      const { ann, bob } = await annAndBob(world);
      const peers = upTo(5).map((i) => world.endpointAt('127.0.0.9', 7000 + i));
      await ann.permit(peers[0]!.address);
      for (const peer of peers) ann.sendTo(peer.address, bytes('x'));
      await world.settle();
      expect((await ann.bind(0x4000, peers[4]!.address)).outcome).toBe('508');
      expect(await inTurn(peers, heardBy)).toEqual([1, 1, 1, 1, 0]);
      expect(await drops(world, 'peer-taken')).toBe(1);
      await bob.permit(peers[4]!.address);
      bob.sendTo(peers[4]!.address, bytes('x'));
      await world.settle();
      expect(await heardBy(peers[4]!)).toBe(1);
      world.advance(300_000);
      world.sweep();
      const others = upTo(5).map((i) => world.endpointAt('127.0.0.8', 7000 + i));
      await ann.permit(others[0]!.address);
      for (const peer of others) ann.sendTo(peer.address, bytes('x'));
      await world.settle();
      expect(await drops(world, 'peer-taken')).toBe(2);
    },
    { ...ONE, channels: 4 },
  );

  onCore(
    'counts no peer that somebody else has by now',
    async (world) => {
      const { ann, bob } = await annAndBob(world);
      const [one, other] = ['127.0.0.9', '127.0.0.8'].map((host) => world.endpointAt(host, 7000));
      await ann.permit(one!.address);
      ann.sendTo(one!.address, bytes('x'));
      await world.settle();
      world.advance(300_000);
      await bob.permit(one!.address);
      bob.sendTo(one!.address, bytes('x'));
      await ann.permit(other!.address);
      ann.sendTo(other!.address, bytes('x'));
      await world.settle();
      expect(await inTurn([one!, other!], heardBy)).toEqual([2, 1]);
    },
    { ...ONE, channels: 1 },
  );

  onCore(
    'loses its peers with a permission that the operator takes away',
    async (world) => {
      const { ann, bob, relayed } = await annAndBob(world);
      const peer = world.endpointAt('127.0.0.9', 7000);
      await ann.permit(peer.address);
      ann.sendTo(peer.address, bytes('x'));
      await world.settle();
      const { peers } = world.options;
      world.server.reconfigure({ ...world.options, peers: { ...peers, deny: ['127.0.0.9'] } });
      world.server.reconfigure(world.options);
      await bob.permit(peer.address);
      bob.sendTo(peer.address, bytes('y'));
      peer.send(bytes('answer'), relayed);
      expect(await bob.relayedToMe()).toEqual([`data ${peer.address.toString()} answer`]);
    },
    ONE,
  );
});
