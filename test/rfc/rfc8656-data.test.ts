// RFC 8656 s11: Send and Data indications in both directions.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import type { AddressFamily } from '../../shared/net/transport-address.ts';
import {
  data,
  EVEN_PORT_RESERVE,
  FAMILY_6,
  peer,
  receivedBy,
  TurnClient,
} from '../support/turn/client.ts';
import { onBoth, onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import type { AttributeSource } from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { address, allDrops, drops, type World } from '../support/turn/world.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** A client with a permission for a peer of that family. */
async function permitted(world: World, family: AddressFamily = 4, from: AddressFamily = 4) {
  const client = await TurnClient.of(world, { family: from });
  const host = await world.endpoint(family);
  const { relayed } = await client.allocate(...(family === 6 ? [FAMILY_6] : []));
  expect((await client.permit(host.address)).outcome).toBe('success');
  return { client, host, relayed };
}

const WAYS: [AddressFamily, AddressFamily][] = [
  [4, 4],
  [4, 6],
  [6, 4],
  [6, 6],
];
for (const [from, family] of WAYS) {
  onEveryTransport(
    `RFC 8656 s11: data flows between an IPv${from} client and an IPv${family} peer`,
    async (world) => {
      const { client, host, relayed } = await permitted(world, family, from);
      const sizes = [0, 1, 2, 3, 4, 5, 1200];
      for (const size of sizes) {
        client.sendTo(host.address, new Uint8Array(size).fill(0x61));
        host.send(new Uint8Array(size).fill(0x62), relayed);
      }
      expect(await receivedBy(host)).toEqual(
        sizes.map((size) => `${relayed.toString()} ${'a'.repeat(size)}`),
      );
      expect(await client.relayedToMe()).toEqual(
        sizes.map((size) => `data ${host.address.toString()} ${'b'.repeat(size)}`),
      );
    },
  );
}

const INVALID: Record<string, (host: AttributeSource) => AttributeSource[]> = {
  'without XOR-PEER-ADDRESS': () => [data(bytes('x'))],
  'without DATA': (host) => [host],
  'without either': () => [],
  'with an invalid peer': () => [[0x0012, [0, 3, 1, 2, 3, 4, 5, 6]], data(bytes('x'))],
  'with a short peer': () => [[0x0012, [0, 1, 1]], data(bytes('x'))],
};
for (const [what, attributes] of Object.entries(INVALID)) {
  onEveryTransport(
    `RFC 8656 s11.2: a Send indication ${what} is discarded, and not answered`,
    async (world) => {
      const { client, host } = await permitted(world);
      client.indicate(...attributes(peer(host.address)));
      expect(await receivedBy(host)).toEqual([]);
      expect(await client.endpoint.rest()).toEqual([]);
      expect(await allDrops(world)).toEqual({ malformed: 1 });
    },
  );
}

onEveryTransport(
  'RFC 8656 s11.2: DONT-FRAGMENT in a Send indication discards it where DF cannot be set',
  async (world) => {
    const { client, host } = await permitted(world);
    client.indicate(peer(host.address), data(bytes('x')), [0x001a, []]);
    const can = world.canSetDontFragment;
    expect((await receivedBy(host)).length).toBe(can ? 1 : 0);
    expect(await allDrops(world)).toEqual(can ? {} : { unexpected: 1 });
  },
);

onCore(
  'RFC 8656 s11.2: DONT-FRAGMENT in a Send indication is taken where DF can be set',
  async (world) => {
    const { client, host } = await permitted(world);
    client.indicate(peer(host.address), data(bytes('x')), [0x001a, []]);
    expect(await receivedBy(host)).toHaveLength(1);
  },
  { canSetDontFragment: true },
);

onEveryTransport(
  'RFC 8656 s11.2: a Send indication to a peer without permission is discarded',
  async (world) => {
    const { client, host } = await permitted(world);
    client.sendTo(address('127.0.0.9', host.address.port), bytes('x'));
    expect(await client.endpoint.rest()).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'no-permission': 1 });
  },
);

onEveryTransport(
  'RFC 8656 s11.2: a Send indication to another family than the relay is discarded',
  async (world) => {
    const { client } = await permitted(world);
    client.sendTo(address('::1', 5000), bytes('x'));
    expect(await allDrops(world)).toEqual({ 'no-permission': 1 });
  },
);

onCore('RFC 8656 s11.2: a Send indication does not refresh the permission', async (world) => {
  const { client, host } = await permitted(world);
  await inTurn(upTo(3), async () => {
    world.advance(99_999);
    client.sendTo(host.address, bytes('x'));
    await world.settle();
  });
  expect(await receivedBy(host)).toHaveLength(3);
  world.advance(3);
  client.sendTo(host.address, bytes('x'));
  expect(await receivedBy(host)).toEqual([]);
  expect(await drops(world, 'no-permission')).toBe(1);
});

onEveryTransport('RFC 8656 s11.2: to port 0 nothing is sent', async (world) => {
  const { client, host } = await permitted(world);
  client.sendTo(address('127.0.0.1', 0), bytes('x'));
  client.sendTo(host.address, bytes('y'));
  expect(await receivedBy(host)).toHaveLength(1);
});

onEveryTransport(
  'RFC 8656 s11.3: a Data indication has XOR-PEER-ADDRESS and DATA, padded with zeros',
  async (world) => {
    const { client, host, relayed } = await permitted(world);
    // A long one first: what is left of it in the buffer must not show in the padding of the short ones.
    for (const size of [999, 5, 6, 7]) host.send(new Uint8Array(size).fill(0xff), relayed);
    const datagrams = await client.endpoint.rest();
    const indications = datagrams.map((datagram) => new ReceivedMessage(datagram.bytes));
    expect(indications.map(({ type }) => type)).toEqual(Array(4).fill(0x0017));
    expect(indications.map(({ types }) => types.join())).toEqual(Array(4).fill('18,19'));
    expect(indications.map((each) => each.value(0x0013).length)).toEqual([999, 5, 6, 7]);
    expect(indications.every(({ paddingIsZero }) => paddingIsZero)).toBe(true);
    expect(datagrams.every(({ from }) => from.equals(client.server))).toBe(true);
  },
);

onEveryTransport(
  'RFC 8489 s6: no two Data indications have the same transaction id',
  async (world) => {
    const { client, host, relayed } = await permitted(world);
    const other = await TurnClient.of(world);
    const second = await other.allocate();
    await other.permit(host.address);
    for (let i = 0; i < 300; i++)
      host.send(Uint8Array.of(i), i % 2 === 0 ? relayed : second.relayed);
    const datagrams = [...(await client.endpoint.rest()), ...(await other.endpoint.rest())];
    const ids = datagrams.map((each) =>
      new ReceivedMessage(each.bytes).transaction.toString('hex'),
    );
    expect(ids).toHaveLength(300);
    expect(new Set(ids).size).toBe(300);
  },
);

onEveryTransport(
  'RFC 8656 s11.3: with a channel for one port of a host, others come as Data indications',
  async (world) => {
    const { client, host, relayed } = await permitted(world);
    const other = await world.endpoint();
    await client.bind(0x4000, host.address);
    host.send(bytes('a'), relayed);
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 a']);
    other.send(bytes('b'), relayed);
    expect(await client.relayedToMe()).toEqual([`data ${other.address.toString()} b`]);
  },
);

onEveryTransport(
  'RFC 8656 s11.3: what looks like STUN, TURN or RTP from a peer is data',
  async (world) => {
    const { client, host, relayed } = await permitted(world);
    const allocate = Buffer.from('000300002112a442000102030405060708090a0b', 'hex');
    host.send(allocate, relayed);
    host.send(Buffer.from('40000000', 'hex'), relayed);
    host.send(Buffer.from('800000', 'hex'), relayed);
    const got = await client.relayedToMe();
    const from = host.address.toString();
    expect(got).toEqual(
      [allocate.toString('latin1'), '@\0\0\0', '\x80\0\0'].map((each) => `data ${from} ${each}`),
    );
  },
);

onEveryTransport('RFC 8656 s11: 65,000 bytes go both ways in indications', async (world) => {
  const { client, host, relayed } = await permitted(world);
  client.sendTo(host.address, Buffer.alloc(65_000, 'x'));
  host.send(Buffer.alloc(65_000, 'y'), relayed);
  const prefix = relayed.toString().length + 1;
  expect((await receivedBy(host)).map(({ length }) => length - prefix)).toEqual([65_000]);
  const header = `data ${host.address.toString()} `.length;
  expect((await client.relayedToMe()).map(({ length }) => length - header)).toEqual([65_000]);
});

for (const family of [4, 6] as const) {
  onEveryTransport(
    `RFC 8656 s11.3: the largest datagram of an IPv${family} peer that fits is relayed, larger ones counted`,
    async (world) => {
      const { client, host, relayed } = await permitted(world, family);
      // STUN header, XOR-PEER-ADDRESS and DATA header leave this much of 65,507 bytes, padded to 4.
      const fits = 65_507 - 20 - (family === 4 ? 12 : 24) - 4 - 3;
      host.send(Buffer.alloc(fits), relayed);
      expect(await client.relayedToMe()).toHaveLength(1);
      host.send(Buffer.alloc(fits + 1), relayed);
      host.send(Buffer.alloc(65_507), relayed);
      expect(await client.relayedToMe()).toEqual([]);
      expect(await allDrops(world)).toEqual({ 'too-large': 2 });
    },
  );
}

onBoth(
  'RFC 8656 s11: datagrams of 0 and 65,507 bytes to listener and relay hurt nobody',
  async (world) => {
    const { client, host, relayed } = await permitted(world);
    for (const size of [0, 65_507]) {
      for (const fill of [0x00, 0x40, 0x80]) {
        client.endpoint.send(Buffer.alloc(size, fill), client.server);
        host.send(Buffer.alloc(size, fill), relayed);
      }
    }
    const got = await client.relayedToMe();
    expect(got).toEqual(Array(3).fill(`data ${host.address.toString()} `));
    expect((await client.refresh()).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8656 s11.3: a reserved port becomes a relay of its taker alone',
  async (world) => {
    const { host } = await permitted(world);
    const first = await TurnClient.of(world);
    const token = (await first.allocate(EVEN_PORT_RESERVE)).response.value(0x0022);
    const second = await TurnClient.of(world);
    const { relayed } = await second.allocate([0x0022, token]);
    await first.permit(host.address);
    await second.permit(host.address);
    host.send(bytes('x'), relayed);
    expect(await second.relayedToMe()).toHaveLength(1);
    expect(await first.relayedToMe()).toEqual([]);
  },
);

onEveryTransport(
  'RFC 8656 s11: packets and bytes are counted for the allocation, each way',
  async (world) => {
    const { client, host, relayed } = await permitted(world);
    client.sendTo(host.address, bytes('12345'));
    host.send(bytes('123'), relayed);
    host.send(bytes('1234'), relayed);
    await world.settle();
    await client.refresh(0);
    expect(world.events.deleted).toMatchObject([
      { sentPackets: 1, sentBytes: 5, receivedPackets: 2, receivedBytes: 7 },
    ]);
  },
);
