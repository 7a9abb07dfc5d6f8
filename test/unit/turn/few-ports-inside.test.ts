// Allocations that share relay ports, and those in the same process whom they talk to: the SFU, which tells them apart
// and answers each, and each other, on one worker or on two.
/* oxlint-disable vitest/no-standalone-expect -- onTwo and onBoth are tests */

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HandOver, type HandOverReceiver } from '../../../shared/net/hand-over.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Commons, type TurnServer } from '../../../turn/index.ts';
import { data, peer, SEND_INDICATION, type TurnClient } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { onBoth } from '../../support/turn/drivers.ts';
import { bytesPerTurn, WARM_UP_TURNS } from '../../support/turn/heap.ts';
import { allocated } from '../../support/turn/few-ports.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { channelData, message } from '../../support/turn/message.ts';
import { onTwo, settled, twoCores } from '../../support/turn/two-workers.ts';
import { address, allDrops, commonsMemory, drops, relayOn } from '../../support/turn/world.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const MEDIA = address('10.1.2.3', 7882);

/** Media addresses are no peers but for who answers there; and a NAT stands in front. */
const NAT = {
  sharedPorts: 1,
  peers: { allow: [], deny: [] },
  relays: [relayOn('127.0.0.1', '203.0.113.5'), relayOn('::1')],
};

/** Echoes what it hears, and knows its guests by where they come from, as the SFU does. */
class Guests implements HandOverReceiver {
  readonly heard = new Map<string, string[]>();
  readonly seenAs: TransportAddress[] = [];
  readonly #server: TurnServer;

  constructor(server: TurnServer) {
    this.#server = server;
  }

  onHandedOver(
    from: TransportAddress,
    to: TransportAddress,
    received: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const guest = from.toString();
    const texts = this.heard.get(guest) ?? [];
    const text = Buffer.from(received).toString('latin1', offset, offset + length);
    this.heard.set(guest, [...texts, text]);
    this.seenAs.push(this.#server.relayedAddress(from).copy());
    this.#server.fromInside(to, from, received, offset, length, now);
  }
}

describe.each([
  ['of the same worker', 0],
  ['of the other worker', 1],
])('the SFU, %s,', (_title, worker) => {
  for (const family of [4, 6] as const) {
    onTwo(
      `tells clients at one relay port apart, over IPv${family}, and answers each`,
      async (two) => {
        const place = family === 4 ? MEDIA : address('fd00::1', 7882);
        const guests = new Guests([two.a, two.b][worker]!.server);
        two.handover.inside[worker]!.register(place, guests);
        const all = await allocated(two.a, 3, family);
        const relayed = all[0]!.relayed.toString();
        expect(all.map((one) => one.relayed.toString())).toEqual([relayed, relayed, relayed]);
        await inTurn(all, async ({ client }, i) => {
          expect((await client.permit(place)).outcome).toBe('success');
          client.sendTo(place, bytes(`sent ${i}`));
          await settled(two.a, two.b);
          expect(await client.relayedToMe()).toEqual([`data ${place.toString()} sent ${i}`]);
          expect((await client.bind(0x4000, place)).outcome).toBe('success');
          client.sendChannel(0x4000, bytes(`bound ${i}`));
        });
        await settled(two.a, two.b);
        const heard = [...guests.heard.values()];
        expect(heard).toEqual(upTo(3).map((i) => [`sent ${i}`, `bound ${i}`]));
        // By what they are told apart is no address of anybody's.
        for (const guest of guests.heard.keys()) expect(guest).toMatch(/^\[100::/);
        expect(guests.seenAs.map(String)).toEqual(upTo(6).map(() => relayed));
        const back = await inTurn(all, ({ client }) => client.relayedToMe());
        expect(back).toEqual(upTo(3).map((i) => [`channel 0x4000 bound ${i}`]));
        expect([await allDrops(two.a), await allDrops(two.b)]).toEqual([{}, {}]);
      },
      NAT,
    );
  }

  onTwo(
    'reaches nobody by the name of an allocation that is over, or that has no permission for it',
    async (two) => {
      const guests = new Guests([two.a, two.b][worker]!.server);
      const inside = two.handover.inside[worker]!;
      inside.register(MEDIA, guests);
      const [ann, bob] = await allocated(two.a, 2);
      await inTurn([ann!, bob!], async ({ client }) => {
        await client.permit(MEDIA);
        client.sendTo(MEDIA, bytes('x'));
        await settled(two.a, two.b);
        await client.relayedToMe();
      });
      await ann!.client.refresh(0);
      const [nameOfAnn] = [...guests.heard.keys()];
      const name = address(nameOfAnn!.slice(1, nameOfAnn!.indexOf(']')), ann!.relayed.port);
      const { server, options } = [two.a, two.b][worker]!;
      const say = (from: TransportAddress): void =>
        server.fromInside(from, name, bytes('late'), 0, 4, options.clock.monotonic());
      say(MEDIA);
      await settled(two.a, two.b);
      const [next] = await allocated(two.a, 1);
      say(MEDIA);
      await settled(two.a, two.b);
      for (const { client } of [bob!, next!]) expect(await client.relayedToMe()).toEqual([]);
      const dropped = [two.a, two.b].map((world) => world.server.stats().drops['no-allocation']);
      expect(dropped[0]! + dropped[1]!).toBe(2);
    },
    NAT,
  );
});

describe('from relay to relay', () => {
  onBoth(
    'two clients at two ports talk without a socket, and a third one at the same port is kept out',
    async (world) => {
      const all = await allocated(world, 4);
      const [ann, third] = all.filter(({ relayed }) => relayed.equals(all[0]!.relayed));
      const bob = all.find(({ relayed }) => !relayed.equals(ann!.relayed))!;
      const sent = world.counters.sent;
      await ann!.client.permit(bob.relayed);
      await bob.client.permit(ann!.relayed);
      await third!.client.permit(bob.relayed);
      ann!.client.sendTo(bob.relayed, bytes('hello'));
      await world.settle();
      bob.client.sendTo(ann!.relayed, bytes('hello back'));
      third!.client.sendTo(bob.relayed, bytes('me too'));
      await world.settle();
      expect(await bob.client.relayedToMe()).toEqual([`data ${ann!.relayed.toString()} hello`]);
      expect(await ann!.client.relayedToMe()).toEqual([
        `data ${bob.relayed.toString()} hello back`,
      ]);
      expect(await third!.client.relayedToMe()).toEqual([]);
      expect((await third!.client.bind(0x4000, bob.relayed)).outcome).toBe('508');
      // Three answers to CreatePermission and one to ChannelBind, and the two that were relayed.
      expect(world.counters.sent - sent).toBe(6);
      expect(await allDrops(world)).toEqual({ 'peer-taken': 1 });
      expect(world.server.stats().shortCircuited).toBe(2);
    },
    { sharedPorts: 2 },
  );

  onTwo(
    'two clients of two workers talk, under the addresses outside of their NAT',
    async (two) => {
      const [ann, bob] = await inTurn(
        [two.a, two.b],
        async (world) => (await allocated(world, 1))[0],
      );
      expect(ann!.relayed.host).toBe('203.0.113.5');
      await ann!.client.bind(0x4000, bob!.relayed);
      await bob!.client.permit(ann!.relayed);
      ann!.client.sendChannel(0x4000, bytes('hello'));
      await settled(two.a, two.b);
      bob!.client.sendTo(ann!.relayed, bytes('hello back'));
      await settled(two.a, two.b);
      expect(await bob!.client.relayedToMe()).toEqual([`data ${ann!.relayed.toString()} hello`]);
      expect(await ann!.client.relayedToMe()).toEqual(['channel 0x4000 hello back']);
      expect(two.handover.forwarded).toEqual([1, 0]);
    },
    NAT,
  );

  onBoth(
    'what is sent to a port without having been asked for reaches nobody where several may want it',
    async (world) => {
      const [ann, bob, third, fourth] = await allocated(world, 4);
      const here = [ann!, bob!, third!, fourth!];
      const at = (one: (typeof here)[number]) => one.relayed;
      const other = here.find((one) => !at(one).equals(at(ann!)))!;
      const mates = here.filter((one) => at(one).equals(at(other)));
      await inTurn(mates, ({ client }) => client.permit(at(ann!)));
      await ann!.client.permit(at(other));
      ann!.client.sendTo(at(other), bytes('whose?'));
      expect(await drops(world, 'ambiguous-peer')).toBe(1);
      mates[1]!.client.sendTo(at(ann!), bytes('mine'));
      await world.settle();
      ann!.client.sendTo(at(other), bytes('yours'));
      await world.settle();
      expect(await mates[0]!.client.relayedToMe()).toEqual([]);
      expect(await mates[1]!.client.relayedToMe()).toEqual([`data ${at(ann!).toString()} yours`]);
    },
    { sharedPorts: 2 },
  );
});

it('the ports of a worker that has died are free again', async () => {
  const memory = commonsMemory({}, 2);
  const world = new CoreWorld({ sharedPorts: 3, commons: new Commons(memory, 0) });
  const main = new Commons(memory, 2);
  const before = main.ports.free(0);
  await allocated(world, 4);
  expect(main.ports.free(0)).toBe(before - 3);
  expect(main.reclaim(0, () => [])).toBe(true);
  expect(main.ports.free(0)).toBe(before);
});

it('a worker in place of a dead one gives none of its names again', async () => {
  const names = new Set<string>();
  await inTurn(upTo(2), async () => {
    const handOver = new HandOver(HandOver.memory(1), 0, () => false);
    const world = new CoreWorld({ sharedPorts: 1, handOver });
    const guests = new Guests(world.server);
    handOver.register(MEDIA, guests);
    const client = (await allocated(world, 1))[0]!.client;
    await client.permit(MEDIA);
    client.sendTo(MEDIA, bytes('x'));
    await world.settle();
    for (const name of guests.heard.keys()) names.add(name.slice(0, name.lastIndexOf(':')));
  });
  expect(names.size).toBe(2);
});

const PACKETS = 200_000;

it('relaying through a shared port, to peers, to relays and inside the process, allocates nothing', async () => {
  const { a, b } = await twoCores({ sharedPorts: 1 });
  const [bound, unbound] = await allocated(a, 2);
  const [far] = await allocated(b, 1);
  const handOver = a.options.handOver!;
  handOver.register(MEDIA, {
    onHandedOver: (from, to, received, offset, length, now) =>
      a.server.fromInside(to, from, received, offset, length, now),
  });
  const peers = [a.endpointAt('223.5.5.5', 7000), a.endpointAt('208.67.222.222', 7000)];
  const payload = new Uint8Array(randomBytes(1200));
  await bound!.client.bind(0x4000, peers[0]!.address);
  await bound!.client.bind(0x4001, far!.relayed);
  await bound!.client.bind(0x4002, MEDIA);
  await unbound!.client.permit(peers[1]!.address, peers[0]!.address);
  unbound!.client.sendTo(peers[1]!.address, bytes('x'));
  await a.settle();
  a.engine.countOnly = true;
  const { engine } = a;
  const fromClient = (client: TurnClient, out: Uint8Array) => (turns: number) =>
    engine.handOver(a.listener4, client.endpoint.address, out, out.length, turns);
  const fromPeer = (from: TransportAddress) => (turns: number) =>
    engine.handOver(bound!.relayed, from, payload, payload.length, turns);
  const send = (to: TransportAddress): Uint8Array =>
    message(SEND_INDICATION, randomBytes(12), [peer(to), data(payload)]);
  const ways: Record<string, (turns: number) => void> = {
    'channel out': fromClient(bound!.client, channelData(0x4000, payload)),
    'channel back': fromPeer(peers[0]!.address),
    'Send out': fromClient(unbound!.client, send(peers[1]!.address)),
    'Data back': fromPeer(peers[1]!.address),
    'to the SFU and back': fromClient(bound!.client, channelData(0x4002, payload)),
    'peer taken': fromClient(unbound!.client, send(peers[0]!.address)),
    'ambiguous peer': fromPeer(address('223.5.5.5', 7001)),
  };
  await a.settle();
  const before = { sent: a.counters.sent, ...a.server.stats().drops };
  const cost = Object.entries(ways).map(([way, run]) => [way, bytesPerTurn(run, PACKETS)] as const);
  const shown = cost.map(([way, n]) => `${way} ${n.toFixed(2)}`);
  process.stdout.write(`${shown.join(', ')} B\n`);
  const each = PACKETS + WARM_UP_TURNS;
  const { drops: after } = a.server.stats();
  expect(a.counters.sent - before.sent).toBe(5 * each);
  expect(after['peer-taken']! - before['peer-taken']!).toBe(each);
  expect(after['ambiguous-peer']! - before['ambiguous-peer']!).toBe(each);
  expect(Math.max(...cost.map(([, n]) => n))).toBeLessThan(4);
});
