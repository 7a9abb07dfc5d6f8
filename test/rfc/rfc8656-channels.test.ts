// RFC 8656 s12: channels: which numbers, who may bind what, how long it lasts, and ChannelData in both
// directions.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  CHANNEL_BIND,
  channelNumber,
  FAMILY_6,
  peer,
  receivedBy,
  TurnClient,
} from '../support/turn/client.ts';
import { onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import type { AttributeSource } from '../support/turn/message.ts';
import { address, allDrops, drops, type World } from '../support/turn/world.ts';

const CHANNEL_NUMBER = 0x000c;
const HOST = address('127.0.0.1', 5000);

async function bound(world: World, number = 0x4000) {
  const client = await TurnClient.of(world);
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  expect((await client.bind(number, host.address)).outcome).toBe('success');
  return { client, host, relayed };
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const NUMBERS: [number: number, current: string, legacy: string][] = [
  [0x0000, '400', '400'],
  [0x3fff, '400', '400'],
  [0x4000, 'success', 'success'],
  [0x4fff, 'success', 'success'],
  [0x5000, '400', 'success'],
  [0x7ffe, '400', 'success'],
  [0x7fff, '400', 'success'],
  [0x8000, '400', '400'],
  [0xffff, '400', '400'],
];
for (const [number, current, legacy] of NUMBERS) {
  const hex = `0x${number.toString(16).padStart(4, '0')}`;
  const body =
    (outcome: string) =>
    async (world: World): Promise<void> => {
      const client = await TurnClient.of(world);
      await client.allocate();
      expect((await client.bind(number, HOST)).outcome).toBe(outcome);
    };
  onEveryTransport(`RFC 8656 s12.2: channel ${hex} is answered ${current}`, body(current));
  onEveryTransport(
    `RFC 5766 s11: channel ${hex} is answered ${legacy} where legacy channels are on`,
    body(legacy),
    {
      channelNumberMax: 0x7fff,
    },
  );
}

for (const number of [0x5000, 0x7fff]) {
  onEveryTransport(
    `RFC 5766 s11: data flows through legacy channel 0x${number.toString(16)} where they are on`,
    async (world) => {
      const { client, host, relayed } = await bound(world, number);
      client.sendChannel(number, bytes('out'));
      host.send(bytes('in'), relayed);
      expect(await receivedBy(host)).toEqual([`${relayed.toString()} out`]);
      expect(await client.relayedToMe()).toEqual([`channel 0x${number.toString(16)} in`]);
    },
    { channelNumberMax: 0x7fff },
  );
}

const MALFORMED: Record<string, AttributeSource[]> = {
  'without CHANNEL-NUMBER': [peer(HOST)],
  'without XOR-PEER-ADDRESS': [channelNumber(0x4000)],
  'without either': [],
  'with an empty CHANNEL-NUMBER': [[CHANNEL_NUMBER, []], peer(HOST)],
  'with a CHANNEL-NUMBER of 2 bytes': [[CHANNEL_NUMBER, [0x40, 0]], peer(HOST)],
  'with a CHANNEL-NUMBER of 5 bytes': [[CHANNEL_NUMBER, [0x40, 0, 0, 0, 0]], peer(HOST)],
  'with an invalid peer': [channelNumber(0x4000), [0x0012, [0, 3, 1, 2, 3, 4, 5, 6]]],
  'with a short peer': [channelNumber(0x4000), [0x0012, [0, 1, 1, 2, 3]]],
};
for (const [what, attributes] of Object.entries(MALFORMED)) {
  onEveryTransport(`RFC 8656 s12.2: ChannelBind ${what} is refused 400`, async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.request(CHANNEL_BIND, ...attributes)).outcome).toBe('400');
  });
}

onEveryTransport(
  'RFC 8656 s18.1: the reserved bytes of CHANNEL-NUMBER are ignored',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const number: AttributeSource = [CHANNEL_NUMBER, [0x40, 0x00, 0xff, 0xff]];
    expect((await client.request(CHANNEL_BIND, number, peer(HOST))).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8656 s12.2: a channel bound to another peer is refused 400',
  async (world) => {
    const { client, host } = await bound(world);
    expect((await client.bind(0x4000, HOST)).outcome).toBe('400');
    const samePort = address('127.0.0.2', host.address.port);
    expect((await client.bind(0x4000, samePort)).outcome).toBe('400');
  },
);

onEveryTransport(
  'RFC 8656 s12.2: a peer bound to another channel is refused 400',
  async (world) => {
    const { client, host } = await bound(world);
    expect((await client.bind(0x4001, host.address)).outcome).toBe('400');
  },
);

onEveryTransport('RFC 8656 s12.2: two bound channels cannot be exchanged', async (world) => {
  const { client, host } = await bound(world);
  expect((await client.bind(0x4001, HOST)).outcome).toBe('success');
  expect((await client.bind(0x4000, HOST)).outcome).toBe('400');
  expect((await client.bind(0x4001, host.address)).outcome).toBe('400');
});

onEveryTransport(
  'RFC 8656 s12.2: the same channel to the same peer again is a refresh',
  async (world) => {
    const { client, host } = await bound(world);
    expect((await client.bind(0x4000, host.address)).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8656 s12: another port of the same host takes another channel',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    const other = await world.endpoint();
    expect((await client.bind(0x4001, other.address)).outcome).toBe('success');
    host.send(bytes('one'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 one']);
    other.send(bytes('two'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4001 two']);
  },
);

onEveryTransport(
  'RFC 8656 s12: the same number in two allocations means two peers',
  async (world) => {
    const [one, two] = [await bound(world), await bound(world)];
    one.client.sendChannel(0x4000, bytes('1'));
    two.client.sendChannel(0x4000, bytes('2'));
    expect(await receivedBy(one.host)).toEqual([`${one.relayed.toString()} 1`]);
    expect(await receivedBy(two.host)).toEqual([`${two.relayed.toString()} 2`]);
  },
);

onEveryTransport('RFC 8656 s12.2: a peer of another family is refused 443', async (world) => {
  const client = await TurnClient.of(world);
  const six = await TurnClient.of(world);
  await client.allocate();
  await six.allocate(FAMILY_6);
  expect((await client.bind(0x4000, address('::1', 5000))).outcome).toBe('443');
  expect((await six.bind(0x4000, HOST)).outcome).toBe('443');
  expect((await six.bind(0x4000, address('::1', 5000))).outcome).toBe('success');
});

onEveryTransport(
  'RFC 8656 s12.2: a denied peer, and port 0, are refused 403 and no permission installed',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.bind(0x4000, address('10.0.0.1', 5000))).outcome).toBe('403');
    expect((await client.bind(0x4000, address('127.0.0.1', 0))).outcome).toBe('403');
    client.sendTo(HOST, bytes('x'));
    client.sendTo(address('10.0.0.1', 5000), bytes('x'));
    expect(await allDrops(world)).toEqual({ 'no-permission': 2 });
  },
);

onEveryTransport(
  'RFC 8656 s12.2: a number out of range (400) comes before a denied peer (403)',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.bind(0x3fff, address('10.0.0.1', 1))).outcome).toBe('400');
    await client.bind(0x4000, HOST);
    expect((await client.bind(0x4000, address('10.0.0.1', 1))).outcome).toBe('400');
    expect((await client.bind(0x4000, address('::1', 1))).outcome).toBe('400');
  },
);

onEveryTransport(
  'RFC 8656 s12.2: ChannelBind installs a permission for the host',
  async (world) => {
    const { client, relayed } = await bound(world);
    const other = await world.endpoint();
    other.send(bytes('x'), relayed);
    expect(await client.relayedToMe()).toEqual([`data ${other.address.toString()} x`]);
  },
);

onCore('RFC 8656 s12: a channel holds for 600 seconds, to the millisecond', async (world) => {
  const { client, host, relayed } = await bound(world);
  await client.refresh(3600);
  world.advance(599_999);
  await client.permit(host.address);
  client.sendChannel(0x4000, bytes('out'));
  host.send(bytes('in'), relayed);
  expect(await receivedBy(host)).toHaveLength(1);
  expect(await client.relayedToMe()).toEqual(['channel 0x4000 in']);
  world.advance(1);
  client.sendChannel(0x4000, bytes('out'));
  host.send(bytes('in'), relayed);
  expect(await receivedBy(host)).toEqual([]);
  expect(await client.relayedToMe()).toEqual([`data ${host.address.toString()} in`]);
  expect(await allDrops(world)).toEqual({ 'no-channel': 1 });
});

for (const swept of [false, true]) {
  onCore(
    `RFC 8656 s12: an expired channel and its peer are free to be bound anew, ${swept ? 'swept' : 'unswept'}`,
    async (world) => {
      const { client, host, relayed } = await bound(world);
      await client.bind(0x4001, HOST);
      await client.refresh(3600);
      world.advance(600_000);
      if (swept) world.sweep();
      expect((await client.bind(0x4000, HOST)).outcome).toBe('success');
      expect((await client.bind(0x4001, host.address)).outcome).toBe('success');
      host.send(bytes('x'), relayed);
      expect(await client.relayedToMe()).toEqual(['channel 0x4001 x']);
    },
  );
}

onCore('RFC 8656 s12: a refreshed channel starts its 600 seconds again', async (world) => {
  const { client, host, relayed } = await bound(world);
  await client.refresh(3600);
  world.advance(500_000);
  await client.bind(0x4000, host.address);
  world.advance(599_999);
  await client.permit(host.address);
  host.send(bytes('x'), relayed);
  expect(await client.relayedToMe()).toEqual(['channel 0x4000 x']);
});

onCore(
  'RFC 8656 s12.1: the permission of a channel expires before it, and CreatePermission renews it',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    world.advance(300_000);
    world.sweep();
    host.send(bytes('late'), relayed);
    expect(await client.relayedToMe()).toEqual([]);
    expect(await drops(world, 'no-permission')).toBe(1);
    await client.permit(host.address);
    world.sweep();
    host.send(bytes('again'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 again']);
  },
);

onCore(
  'RFC 8656 s12.2: a refused ChannelBind refreshes neither channel nor permission',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    world.advance(299_999);
    expect((await client.bind(0x4001, host.address)).outcome).toBe('400');
    world.advance(1);
    host.send(bytes('x'), relayed);
    expect(await drops(world, 'no-permission')).toBe(1);
  },
);

onCore(
  'RFC 8656 s12.2: channels beyond the bound are refused 508, and expired ones make room',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const max = 1024;
    const outcomes = await inTurn(upTo(max), async (i) => {
      const { outcome } = await client.bind(0x4000 + i, address('127.0.0.1', 1024 + i));
      return outcome;
    });
    expect(new Set(outcomes)).toEqual(new Set(['success']));
    expect((await client.bind(0x4fff, HOST.copy().setV4(HOST.w0, 60_000))).outcome).toBe('508');
    expect((await client.bind(0x4000, address('127.0.0.1', 1024))).outcome).toBe('success');
    await client.refresh(3600);
    world.advance(600_000);
    expect((await client.bind(0x4fff, address('127.0.0.1', 60_000))).outcome).toBe('success');
  },
);
