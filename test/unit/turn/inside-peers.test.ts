// Peers that are in this process and no relays, as the SFU's media addresses are: reached without the kernel, on the
// worker that has the client or on the other, and else as any peer.
/* oxlint-disable vitest/no-standalone-expect -- onTwo, onTwoCores and onBoth are tests */

import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { HandOver, type HandOverReceiver } from '../../../shared/net/hand-over.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { TurnServer } from '../../../turn/index.ts';
import { data, FAMILY_6, peer, SEND_INDICATION, TurnClient } from '../../support/turn/client.ts';
import { onBoth } from '../../support/turn/drivers.ts';
import { message } from '../../support/turn/message.ts';
import { onTwo, onTwoCores, settled, type TwoWorkers } from '../../support/turn/two-workers.ts';
import { address, allDrops, relayOn, type World } from '../../support/turn/world.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Nothing is a peer that is denied by default: loopback, private, documentation. */
const STRICT = { peers: { allow: [], deny: [] } };
const NAT = { ...STRICT, relays: [relayOn('127.0.0.1', '203.0.113.5'), relayOn('::1')] };

const MEDIA = address('10.1.2.3', 7882);

/** Answers everything at once, from where it was sent to, and notes whom it heard. */
class Echo implements HandOverReceiver {
  readonly heard: string[] = [];
  readonly #server: TurnServer;
  readonly #bytes = new Uint8Array(2000);
  readonly #from = new TransportAddress();

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
    const before = `${from.toString()} ${to.toString()}`;
    this.#bytes.set(received.subarray(offset, offset + length), 1);
    this.#bytes[0] = 0x2b;
    // Something else goes by a relay first, which must not touch what was lent.
    this.#server.fromInside(this.#from.setV4(0x01020304, 1), from, this.#bytes, 0, 1, now);
    this.#server.fromInside(to, from, this.#bytes, 0, 1 + length, now);
    const text = Buffer.from(received).toString('latin1', offset, offset + length);
    if (before !== `${from.toString()} ${to.toString()}`) throw new Error('not lent for the call');
    this.heard.push(`${before} ${text}`);
  }
}

/** Somebody who answers at these addresses, at one of the workers. */
function answering(two: TwoWorkers, worker: number, ...places: TransportAddress[]): Echo {
  const echo = new Echo([two.a, two.b][worker]!.server);
  const inside = two.handover.inside[worker]!;
  for (const place of places) expect(inside.register(place, echo)).toBe(true);
  return echo;
}

async function allocated(world: World, family: 4 | 6 = 4) {
  const client = await TurnClient.of(world);
  const { relayed } = await client.allocate(...(family === 6 ? [FAMILY_6] : []));
  return { client, relayed };
}

/** By indication, then by channel: what the client gets back and what the other end heard. */
async function talk(
  client: TurnClient,
  relayed: TransportAddress,
  to: TransportAddress,
  echo: Echo,
  settle: () => Promise<void>,
): Promise<void> {
  expect((await client.permit(to)).outcome).toBe('success');
  client.sendTo(to, bytes('one'));
  await settle();
  expect(await client.relayedToMe()).toEqual([`data ${to.toString()} +one`]);
  expect((await client.bind(0x4001, to)).outcome).toBe('success');
  client.sendChannel(0x4001, bytes('two'));
  await settle();
  expect(await client.relayedToMe()).toEqual(['channel 0x4001 +two']);
  const way = `${relayed.toString()} ${to.toString()}`;
  expect(echo.heard).toEqual([`${way} one`, `${way} two`]);
}

describe.each([
  ['of the same worker', 0],
  ['of the other worker', 1],
])('somebody who answers inside the process, %s,', (_title, worker) => {
  for (const [where, place, options, family] of [
    ['at an address that is denied otherwise', MEDIA, STRICT, 4],
    ['at an address that is allowed anyway', address('198.51.100.7', 7882), {}, 4],
    ['at the address of the relays', address('127.0.0.1', 7882), STRICT, 4],
    ['at the external address of the relays', address('203.0.113.5', 7882), NAT, 4],
    ['at an IPv6 address', address('fd00::1', 7882), STRICT, 6],
  ] as const) {
    const given = 'peers' in options ? options : { peers: { allow: ['198.51.100.7'], deny: [] } };
    onTwo(
      `${where}, is a peer in both directions`,
      async (two) => {
        const echo = answering(two, worker, place);
        const { client, relayed } = await allocated(two.a, family);
        await talk(client, relayed, place, echo, () => settled(two.a, two.b));
        // Each of the two there and back, and what nobody had permitted.
        const drops = [await allDrops(two.a), await allDrops(two.b)];
        expect(drops).toEqual([{ 'no-permission': 2 }, {}]);
        const counts = [two.a, two.b].map(({ server }) => server.stats().shortCircuited);
        expect(counts).toEqual(worker === 0 ? [6, 0] : [2, 4]);
        expect(two.handover.forwarded).toEqual(worker === 0 ? [] : [1, 0, 0, 1, 0, 0]);
      },
      given,
    );
  }

  onTwo(
    'is all that can be reached at that address',
    async (two) => {
      const { client } = await allocated(two.a);
      expect((await client.permit(MEDIA)).outcome).toBe('403');
      const echo = answering(two, worker, MEDIA, address('127.0.0.1', 7882));
      expect((await client.permit(MEDIA, address('127.0.0.1'))).outcome).toBe('success');
      for (const other of [address('10.1.2.3', 7883), address('127.0.0.1', 7883)]) {
        client.sendTo(other, bytes('x'));
        expect((await client.bind(0x4000, other)).outcome).toBe('403');
      }
      client.sendTo(two.b.listener4, bytes('x'));
      expect((await client.permit(address('10.1.2.4', 7882))).outcome).toBe('403');
      expect((await client.permit(address('::ffff:10.1.2.3', 7882))).outcome).toBe('443');
      await settled(two.a, two.b);
      expect(await allDrops(two.a)).toEqual({ 'forbidden-peer': 3 });
      expect(echo.heard).toEqual([]);
    },
    STRICT,
  );

  onTwo(
    'is none any more once it stopped, by indication or by channel, out or back',
    async (two) => {
      const echo = answering(two, worker, MEDIA);
      const { client, relayed } = await allocated(two.a);
      await client.bind(0x4001, MEDIA);
      two.handover.inside[1 - worker]!.reclaim(worker);
      client.sendTo(MEDIA, bytes('x'));
      client.sendChannel(0x4001, bytes('x'));
      await settled(two.a, two.b);
      const { server, options } = [two.a, two.b][worker]!;
      server.fromInside(MEDIA, relayed, bytes('x'), 0, 1, options.clock.monotonic());
      await settled(two.a, two.b);
      expect(await client.relayedToMe()).toEqual([]);
      expect(await allDrops(two.a)).toEqual({ 'forbidden-peer': 3 });
      expect(echo.heard).toEqual([]);
    },
    STRICT,
  );

  onTwo(
    'is none where the operator denies it',
    async (two) => {
      answering(two, worker, MEDIA);
      const { client } = await allocated(two.a);
      expect((await client.permit(MEDIA)).outcome).toBe('403');
      expect((await client.bind(0x4000, MEDIA)).outcome).toBe('403');
    },
    { peers: { allow: [], deny: ['10.0.0.0/8'] } },
  );

  onTwoCores(
    'needs a permission that has not expired, in both directions',
    async (two) => {
      const echo = answering(two, worker, MEDIA);
      const { client, relayed } = await allocated(two.a);
      const { server } = [two.a, two.b][worker]!;
      const back = (): void =>
        server.fromInside(MEDIA, relayed, bytes('x'), 0, 1, two.a.engine.now);
      client.sendTo(MEDIA, bytes('x'));
      await two.a.settle();
      back();
      await client.permit(MEDIA);
      two.a.advance(299_999);
      back();
      expect(await client.relayedToMe()).toEqual([`data ${MEDIA.toString()} x`]);
      two.a.advance(1);
      back();
      client.sendTo(MEDIA, bytes('x'));
      await settled(two.a, two.b);
      expect(await allDrops(two.a)).toEqual({ 'no-permission': 4 });
      expect(echo.heard).toEqual([]);
    },
    STRICT,
  );

  onTwoCores(
    'is counted for the allocation, and takes what must not be fragmented, too',
    async (two) => {
      const echo = answering(two, worker, MEDIA);
      const { client } = await allocated(two.a);
      await client.permit(MEDIA);
      const whole = [peer(MEDIA), data(bytes('whole')), [0x001a, []] as const];
      client.endpoint.send(message(SEND_INDICATION, randomBytes(12), whole), client.server);
      expect(await client.relayedToMe()).toEqual([`data ${MEDIA.toString()} +whole`]);
      expect(echo.heard).toHaveLength(1);
      await client.refresh(0);
      const counts = { sentPackets: 1, sentBytes: 5, receivedPackets: 1, receivedBytes: 6 };
      expect(two.a.events.deleted[0]).toMatchObject(counts);
      expect(two.a.engine.inbox(MEDIA)).toEqual([]);
    },
    { ...STRICT, canSetDontFragment: true },
  );

  onTwoCores('gets nothing through to a relay that there is not', async (two) => {
    const { relayed } = await allocated(two.a);
    const { server } = [two.a, two.b][worker]!;
    for (const to of [address(relayed.host, 40_000), address('198.51.100.1', relayed.port)]) {
      server.fromInside(MEDIA, to, bytes('x'), 0, 1, two.a.engine.now);
    }
    expect(await allDrops([two.a, two.b][worker]!)).toEqual({ 'no-allocation': 2 });
    expect(two.handover.forwarded).toEqual([]);
  });
});

onTwoCores(
  'what another worker has no room for is dropped, and not sent by the kernel instead',
  async (two) => {
    const echo = answering(two, 1, MEDIA);
    const { client, relayed } = await allocated(two.a);
    await client.bind(0x4001, MEDIA);
    two.handover.busy = true;
    client.sendChannel(0x4001, bytes('x'));
    await two.a.settle();
    two.b.server.fromInside(MEDIA, relayed, bytes('x'), 0, 1, two.a.engine.now);
    expect([await allDrops(two.a), await allDrops(two.b)]).toEqual([
      { 'neighbour-busy': 1 },
      { 'neighbour-busy': 1 },
    ]);
    expect(two.a.engine.inbox(MEDIA)).toEqual([]);
    expect(echo.heard).toEqual([]);
  },
  STRICT,
);

describe('a server with a single worker', () => {
  const alone = new HandOver(HandOver.memory(1), 0, () => false);
  onBoth(
    'reaches it in both directions',
    async (world) => {
      const echo = new Echo(world.server);
      alone.register(MEDIA, echo);
      const { client, relayed } = await allocated(world);
      await talk(client, relayed, MEDIA, echo, () => world.settle());
      expect(world.server.stats().shortCircuited).toBe(6);
      alone.reclaim(0);
    },
    { ...STRICT, handOver: alone },
  );
});
