// RFC 8656 s3.1, s12.5, s12.6, s15 and RFC 8489 s6.2.2: clients over TCP and TLS, whose messages are a stream.
// What holds for every transport is tested in the other files, behind TCP as well.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  ALLOCATE,
  BINDING,
  CHANNEL_BIND,
  channelNumber,
  CREATE_PERMISSION,
  peer,
  receivedBy,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onStream } from '../support/turn/drivers.ts';
import { upTo } from '../support/turn/in-turn.ts';
import { channelData, concat, message } from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { firstMessage, type StreamWorld } from '../support/turn/stream-world.ts';
import { address, allDrops } from '../support/turn/world.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const binding = (fill: number): Uint8Array => message(BINDING, new Uint8Array(12).fill(fill));

async function bound(world: StreamWorld) {
  const client = await TurnClient.of(world);
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  expect((await client.bind(0x4000, host.address)).outcome).toBe('success');
  return { client, host, relayed };
}

/** What the server wrote to its connections since the last time, one after the other. */
function written(world: StreamWorld): Buffer {
  const all = world.said.splice(0).map((event) => (event.type === 'turn.bytes' ? event.bytes : []));
  return Buffer.concat(all.map((each) => Buffer.from(each)));
}

onStream('RFC 8656 s3.1: the server converts between TCP and UDP', async (world) => {
  const { client, host, relayed } = await bound(world);
  client.sendChannel(0x4000, bytes('to the peer'));
  expect(await receivedBy(host)).toEqual([`${relayed.toString()} to the peer`]);
  host.send(bytes('to the client'), relayed);
  expect(await client.relayedToMe()).toEqual(['channel 0x4000 to the client']);
  expect(world.events.created).toMatchObject([{ transport: 'tcp' }]);
});

onStream('RFC 8656 s3.1: TCP and TLS to the server, but UDP to the peer alone', async (world) => {
  const client = await TurnClient.of(world);
  const outcome = await client.request(ALLOCATE, [0x0019, [6, 0, 0, 0]]);
  expect(outcome.outcome).toBe('442');
});

onStream('RFC 8656 s6: the protocol is part of the 5-tuple', async (world) => {
  const { client } = await bound(world);
  const tls = address('127.0.0.1', 5349);
  world.listenAt(tls, 'tls');
  const other = new TurnClient(client.endpoint, tls);
  await other.challenge();
  expect((await other.refresh()).outcome).toBe('437');
  // Nor is the datagram from the same address to the same one of the client on the connection.
  const { engine } = world;
  const request = client.build(0x0004, []);
  engine.inject(client.endpoint.address, world.listener4, request);
  expect((await client.response(request)).outcome).toMatch(/^437/);
  expect((await client.refresh()).outcome).toBe('success');
});

onStream(
  'RFC 8489 s6.2.2: requests that come one behind the other are answered one by one',
  async (world) => {
    const endpoint = await world.endpoint();
    const stream = concat(...upTo(20).map(binding));
    world.write(endpoint.address, world.listener4, stream);
    const got = (await endpoint.rest()).map((each) => new ReceivedMessage(each.bytes));
    expect(got.map((each) => each.outcome)).toEqual(upTo(20).map(() => 'success unsigned'));
    expect(got.map((each) => each.transaction[0])).toEqual(upTo(20));
  },
);

onStream('RFC 8489 s6.2.2: a client asks again over the connection it has', async (world) => {
  const client = await TurnClient.of(world);
  const { relayed } = await client.allocate();
  const stream = world.streamOf(client.endpoint.address, client.server);
  const requests = [
    client.build(CREATE_PERMISSION, [peer(address('127.0.0.2'))]),
    client.build(CHANNEL_BIND, [channelNumber(0x4000), peer(address('127.0.0.2', 9))]),
    client.build(ALLOCATE, [UDP]),
  ];
  for (const request of requests) client.endpoint.send(request, client.server);
  const answers = await client.endpoint.rest();
  expect(answers.map((each) => new ReceivedMessage(each.bytes).outcome)).toEqual([
    'success',
    'success',
    '437',
  ]);
  expect(world.streamOf(client.endpoint.address, client.server)).toBe(stream);
  expect(relayed.port).toBeGreaterThan(0);
});

onStream('RFC 8656 s12.5: ChannelData over TCP is padded to a multiple of four', async (world) => {
  const { host, relayed } = await bound(world);
  const sizes = upTo(9);
  for (const size of sizes) {
    written(world);
    host.send(new Uint8Array(size).fill(0xff), relayed);
    world.run();
    const got = written(world);
    expect(got).toHaveLength(4 + ((size + 3) & ~3));
    expect(got.readUInt16BE(2)).toBe(size);
    expect(got.subarray(4 + size).every((byte) => byte === 0)).toBe(true);
  }
  for (const size of sizes) host.send(new Uint8Array(size).fill(0xff), relayed);
  world.run();
  let rest = written(world);
  for (const size of sizes) {
    const first = firstMessage(rest)!;
    expect(first).toHaveLength(4 + size);
    rest = rest.subarray((first.length + 3) & ~3);
  }
  expect(rest).toHaveLength(0);
});

onStream(
  'RFC 8656 s12.6: over TCP the length of ChannelData is its own, and padding is not relayed',
  async (world) => {
    const { client, host, relayed } = await bound(world);
    for (const size of upTo(9)) client.sendChannel(0x4000, new Uint8Array(size).fill(0x61));
    const from = relayed.toString();
    expect(await receivedBy(host)).toEqual(upTo(9).map((size) => `${from} ${'a'.repeat(size)}`));
    expect(await allDrops(world)).toEqual({});
  },
);

onStream(
  'RFC 8656 s12.6: what begins with a reserved number is no message, and ends a stream',
  async (world) => {
    const { client, host } = await bound(world);
    client.sendChannel(0x5000, bytes('abcd'));
    client.sendChannel(0x4000, bytes('abcd'));
    expect(await receivedBy(host)).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'not-stun': 1 });
    expect(world.events.deleted).toMatchObject([{ reason: 'disconnected' }]);
  },
);

onStream('RFC 8656 s12.6: what stands in a message is never taken for one', async (world) => {
  const { client, host } = await bound(world);
  const inner = concat(...upTo(0xffe0 / 20).map(() => binding(1)));
  for (const length of [0xfffc, 0xfffd, 0xfffe, 0xffff]) {
    const data = new Uint8Array(length);
    data.set(inner);
    client.endpoint.send(channelData(0x4001, data), client.server);
  }
  client.sendChannel(0x4000, bytes('next'));
  expect((await host.rest()).map((each) => each.bytes.toString())).toEqual(['next']);
  expect(await client.endpoint.rest()).toEqual([]);
  expect(await allDrops(world)).toEqual({ 'no-channel': 4 });
});

onStream(
  'RFC 8656 s15: with DONT-FRAGMENT what came over TCP goes out whole',
  async (world) => {
    const { client, host } = await bound(world);
    const whole: number[] = [];
    const { engine } = world;
    const sendWhole = engine.sendWhole.bind(engine);
    engine.sendWhole = (socket, to, data, offset, length) => {
      whole.push(length);
      sendWhole(socket, to, data, offset, length);
    };
    client.indicate(peer(host.address), [0x001a, []], [0x0013, bytes('whole')]);
    client.indicate(peer(host.address), [0x0013, bytes('or not')]);
    expect(await host.rest()).toHaveLength(2);
    expect(whole).toEqual([5]);
  },
  { canSetDontFragment: true },
);
