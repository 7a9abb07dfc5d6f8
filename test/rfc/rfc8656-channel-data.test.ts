// RFC 8656 s12.5 to s12.7: ChannelData in both directions.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import { FAMILY_6, receivedBy, TurnClient } from '../support/turn/client.ts';
import { onBoth, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { allDrops, type World } from '../support/turn/world.ts';

async function bound(world: World, number = 0x4000) {
  const client = await TurnClient.of(world);
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  expect((await client.bind(number, host.address)).outcome).toBe('success');
  return { client, host, relayed };
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

onEveryTransport(
  'RFC 8656 s12.6: ChannelData from client to peer carries just the data',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    const sizes = [0, 1, 2, 3, 4, 5, 1000];
    for (const size of sizes) client.sendChannel(0x4000, new Uint8Array(size).fill(0x61));
    const got = await receivedBy(host);
    expect(got).toEqual(sizes.map((size) => `${relayed.toString()} ${'a'.repeat(size)}`));
  },
);

onEveryTransport(
  'RFC 8656 s12.7: data from a bound peer comes as ChannelData, unpadded',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    const sizes = [0, 1, 2, 3, 4, 5, 1000];
    for (const size of sizes) host.send(new Uint8Array(size).fill(0x62), relayed);
    const got = await client.relayedToMe();
    expect(got).toEqual(sizes.map((size) => `channel 0x4000 ${'b'.repeat(size)}`));
  },
);

onBoth(
  'RFC 8656 s12.6: ChannelData that claims more than the datagram holds is dropped',
  async (world) => {
    const { client, host } = await bound(world);
    client.sendChannel(0x4000, bytes('abcd'), 5);
    client.sendChannel(0x4000, bytes('abcd'), 8);
    client.sendChannel(0x4000, bytes('abcd'), 0xffff);
    client.sendChannel(0x4000, bytes(''), 1);
    expect(await receivedBy(host)).toEqual([]);
    expect(await allDrops(world)).toEqual({ malformed: 4 });
  },
);

onBoth(
  'RFC 8656 s12.5: of padded ChannelData only the claimed bytes are relayed',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    client.sendChannel(0x4000, bytes('abc\0'), 3);
    client.sendChannel(0x4000, bytes('abcdefghijkl'), 1);
    client.sendChannel(0x4000, bytes('\0\0\0\0'), 0);
    const from = relayed.toString();
    expect(await receivedBy(host)).toEqual([`${from} abc`, `${from} a`, `${from} `]);
  },
);

onBoth('RFC 8656 s12.6: ChannelData shorter than its header is dropped', async (world) => {
  const { client, host } = await bound(world);
  for (const length of [1, 2, 3]) {
    client.endpoint.send(Uint8Array.of(0x40, 0, 0).subarray(0, length), client.server);
  }
  expect(await receivedBy(host)).toEqual([]);
  expect(await allDrops(world)).toEqual({ malformed: 3 });
});

onEveryTransport(
  'RFC 8656 s12.6: ChannelData on a channel that is not bound is dropped',
  async (world) => {
    const { client, host } = await bound(world);
    for (const number of [0x4001, 0x4fff]) client.sendChannel(number, bytes('x'));
    expect(await receivedBy(host)).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'no-channel': 2 });
  },
);

onBoth('RFC 8656 s12.6: ChannelData with a reserved number is dropped', async (world) => {
  const { client, host } = await bound(world);
  for (const number of [0x5000, 0x7fff, 0x8000, 0xffff]) client.sendChannel(number, bytes('x'));
  expect(await receivedBy(host)).toEqual([]);
  expect(await allDrops(world)).toEqual({ 'not-stun': 4 });
});

onEveryTransport(
  "RFC 8656 s12.6: a channel works for its own 5-tuple only, not for a stranger's",
  async (world) => {
    const { host } = await bound(world);
    const stranger = await TurnClient.of(world);
    stranger.sendChannel(0x4000, bytes('x'));
    expect(await receivedBy(host)).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'no-allocation': 1 });
  },
);

onEveryTransport('RFC 8656 s12.5: Send indications and ChannelData may be mixed', async (world) => {
  const { client, host } = await bound(world);
  client.sendChannel(0x4000, bytes('a'));
  client.sendTo(host.address, bytes('b'));
  client.sendChannel(0x4000, bytes('c'));
  const got = (await receivedBy(host)).map((line) => line.at(-1));
  expect(got.join('')).toBe('abc');
});

onEveryTransport('RFC 8656 s12.7: 65,000 bytes go through a channel both ways', async (world) => {
  const { client, host, relayed } = await bound(world);
  const big = Buffer.alloc(65_000, 'x');
  client.sendChannel(0x4000, big);
  host.send(big, relayed);
  expect((await receivedBy(host)).map(({ length }) => length - relayed.toString().length)).toEqual([
    65_001,
  ]);
  expect((await client.relayedToMe()).map(({ length }) => length)).toEqual([65_000 + 15]);
});

onEveryTransport(
  'RFC 8656 s12.7: a datagram too large to be prefixed is dropped, and counted',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    host.send(Buffer.alloc(65_504), relayed);
    host.send(Buffer.alloc(65_507), relayed);
    expect(await client.relayedToMe()).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'too-large': 2 });
    host.send(Buffer.alloc(65_503), relayed);
    expect(await client.relayedToMe()).toHaveLength(1);
    client.sendChannel(0x4000, Buffer.alloc(65_503));
    expect(await receivedBy(host)).toHaveLength(1);
  },
);

onEveryTransport(
  'RFC 8656 s12: an IPv4 client has a channel to an IPv6 peer, and the reverse',
  async (world) => {
    const four = await TurnClient.of(world);
    const six = await TurnClient.of(world, { family: 6 });
    const [host4, host6] = [await world.endpoint(4), await world.endpoint(6)];
    const to6 = (await four.allocate(FAMILY_6)).relayed;
    const to4 = (await six.allocate()).relayed;
    const both: [TurnClient, TransportAddress][] = [
      [four, host6.address],
      [six, host4.address],
    ];
    const outcomes = await inTurn(both, ([client, host]) => client.bind(0x4000, host));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['success', 'success']);
    four.sendChannel(0x4000, bytes('46'));
    six.sendChannel(0x4000, bytes('64'));
    host6.send(bytes('64'), to6);
    host4.send(bytes('46'), to4);
    expect(await receivedBy(host6)).toEqual([`${to6.toString()} 46`]);
    expect(await receivedBy(host4)).toEqual([`${to4.toString()} 64`]);
    expect(await four.relayedToMe()).toEqual(['channel 0x4000 64']);
    expect(await six.relayedToMe()).toEqual(['channel 0x4000 46']);
  },
);
