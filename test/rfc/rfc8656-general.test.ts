// RFC 8656 s5 and the base rules of RFC 8489 it stands on, as the server keeps them: which messages are
// answered at all, attributes after integrity, duplicates, unknown attributes, FINGERPRINT, Binding,
// padding.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import {
  ADDITIONAL_6,
  ALLOCATE,
  channelNumber,
  CREATE_PERMISSION,
  EVEN_PORT_RESERVE,
  lifetime,
  peer,
  receivedBy,
  REFRESH,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import {
  append,
  type AttributeSource,
  concat,
  fingerprinted,
  message,
  sign,
  text,
} from '../support/turn/message.ts';
import { address, allDrops, drops, type World } from '../support/turn/world.ts';

const UNKNOWN_ATTRIBUTES = 0x000a;
const LIFETIME = 0x000d;

/** Sends bytes and says what came back: nothing, as a rule. */
async function answersTo(world: World, bytes: Uint8Array): Promise<number> {
  const endpoint = await world.endpoint();
  endpoint.send(bytes, world.listener4);
  return (await endpoint.rest()).length;
}

const METHODS_UNKNOWN = [0x000, 0x002, 0x005, 0x00a, 0x00b, 0x00c, 0x00d, 0x080, 0xfff];
const typeOf = (method: number, bits: number): number =>
  (method & 0xf) | ((method & 0x70) << 1) | ((method & 0xf80) << 2) | bits;

onBoth(
  'RFC 8489 s6.3: a request of an unknown method is silently dropped, and counted',
  async (world) => {
    const answers = await inTurn(METHODS_UNKNOWN, (method) =>
      answersTo(world, message(typeOf(method, 0), randomBytes(12), [UDP])),
    );
    expect(answers).toEqual(METHODS_UNKNOWN.map(() => 0));
    expect(await allDrops(world)).toEqual({ unexpected: METHODS_UNKNOWN.length });
  },
);

onBoth(
  'RFC 8489 s6.3: Send and Data are indications; as requests they are silently dropped',
  async (world) => {
    expect(await answersTo(world, message(0x0006, randomBytes(12)))).toBe(0);
    expect(await answersTo(world, message(0x0007, randomBytes(12)))).toBe(0);
    expect(await drops(world, 'unexpected')).toBe(2);
  },
);

onBoth(
  'RFC 8489 s6.3: responses, and indications other than Send, are silently dropped',
  async (world) => {
    const types = [0x0011, 0x0013, 0x0017, 0x0101, 0x0103, 0x0111, 0x0113, 0x0114, 0x0118, 0x0119];
    const answers = await inTurn(types, (type) => answersTo(world, message(type, randomBytes(12))));
    expect(answers).toEqual(types.map(() => 0));
    expect(await allDrops(world)).toEqual({ unexpected: types.length });
  },
);

onBoth('RFC 8489 s6.3: what is not STUN is silently dropped, and counted', async (world) => {
  const good = message(ALLOCATE, randomBytes(12), [UDP]);
  const changed = (index: number, value: number): Uint8Array => {
    const bytes = good.slice();
    bytes[index] = value;
    return bytes;
  };
  const wrong = [
    new Uint8Array(0),
    Uint8Array.of(0),
    good.subarray(0, 19),
    good.subarray(0, good.length - 1),
    good.subarray(0, good.length - 4),
    concat(good, Uint8Array.of(0, 0, 0, 0)),
    changed(4, 0x20), // no magic cookie
    changed(3, 7), // a length that is no multiple of 4
    changed(23, 200), // an attribute past the end
    changed(0, 0x80),
    changed(0, 0xc0),
    new Uint8Array(200).fill(0x16),
    new Uint8Array(200).fill(0xff),
    new Uint8Array(1200).fill(0x50), // reserved first bytes (RFC 7983)
    new Uint8Array(1200).fill(0x7f),
  ];
  const answers = await inTurn(wrong, (bytes) => answersTo(world, bytes));
  expect(answers).toEqual(wrong.map(() => 0));
  expect(await allDrops(world)).toEqual({ 'not-stun': wrong.length });
});

onBoth(
  'RFC 8656 s5: without an allocation requests are refused 437, indications and data ignored',
  async (world) => {
    const client = await TurnClient.of(world);
    const to = address('127.0.0.1', 5000);
    const refused = [
      await client.refresh(),
      await client.refresh(0),
      await client.permit(to),
      await client.bind(0x4000, to),
    ];
    expect(refused.map(({ outcome }) => outcome)).toEqual(['437', '437', '437', '437']);
    client.sendTo(to, Buffer.from('x'));
    client.sendChannel(0x4000, Buffer.from('x'));
    expect(await client.endpoint.rest()).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'no-allocation': 2 });
  },
);

onBoth('RFC 8489 s14.5: attributes after MESSAGE-INTEGRITY are ignored', async (world) => {
  const flavours = ['legacy', 'sha256'] as const;
  const outcomes = await inTurn(flavours, async (flavour) => {
    const client = await TurnClient.of(world, { flavour });
    await client.allocate();
    const signed = client.build(CREATE_PERMISSION, [peer(address('127.0.0.1'))]);
    const tail: AttributeSource[] = [
      peer(address('127.0.0.2')),
      peer(address('10.0.0.1')),
      [0x7abc, [1, 2, 3]],
      lifetime(0),
    ];
    const response = await client.exchange(fingerprinted(append(signed, ...tail)));
    client.sendTo(address('127.0.0.2', 5000), Buffer.from('x'));
    return [response.outcome, response.fingerprint, await drops(world, 'no-permission')];
  });
  expect(outcomes).toEqual([
    ['success', 'right', 1],
    ['success', 'right', 2],
  ]);
});

onBoth('RFC 8489 s14.5: a LIFETIME of zero behind the integrity deletes nothing', async (world) => {
  const client = await TurnClient.of(world);
  await client.allocate();
  const response = await client.exchange(append(client.build(REFRESH, []), lifetime(0)));
  expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', 600]);
  expect(world.server.stats().allocations).toBe(1);
});

onBoth(
  'RFC 8489 s14.5: what stands between MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 is ignored',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const allowed = peer(address('127.0.0.1'));
    const attributes = [allowed, ...client.credentials()];
    const first = sign(message(CREATE_PERMISSION, randomBytes(12), attributes), 'sha1', client.key);
    const between = append(first, peer(address('127.0.0.2')));
    const response = await client.exchange(sign(between, 'sha256', client.key));
    expect(response.outcome).toBe('success');
    client.sendTo(address('127.0.0.2', 5000), Buffer.from('x'));
    expect(await drops(world, 'no-permission')).toBe(1);
  },
);

onBoth('RFC 8489 s14.5: credentials behind the integrity do not count (400)', async (world) => {
  const client = await TurnClient.of(world);
  const signed = sign(message(ALLOCATE, randomBytes(12), [UDP]), 'sha256', client.key);
  const response = await client.exchange(append(signed, ...client.credentials()));
  expect(response.outcome).toBe('400 unsigned');
});

onBoth('RFC 8489 s14: of duplicate attributes the first counts', async (world) => {
  const client = await TurnClient.of(world);
  const { response } = await client.allocate(lifetime(1000), lifetime(2000));
  expect(response.u32(LIFETIME)).toBe(1000);
  const kept = await client.refresh(undefined, lifetime(700), lifetime(0));
  expect(kept.u32(LIFETIME)).toBe(700);
  const bound = await client.request(
    0x0009,
    channelNumber(0x4001),
    channelNumber(0x4002),
    peer(address('127.0.0.1', 5001)),
    peer(address('127.0.0.1', 5002)),
  );
  expect(bound.outcome).toBe('success');
  expect((await client.bind(0x4001, address('127.0.0.1', 5001))).outcome).toBe('success');
  expect((await client.bind(0x4002, address('127.0.0.1', 5002))).outcome).toBe('success');
});

onBoth('RFC 8489 s14: of duplicate credentials the first count', async (world) => {
  const client = await TurnClient.of(world);
  const attributes = [UDP, ...client.credentials(), text(0x0006, 'nobody'), text(0x0014, 'x')];
  const unsigned = message(ALLOCATE, randomBytes(12), attributes);
  expect((await client.exchange(sign(unsigned, 'sha256', client.key))).outcome).toBe('success');
});

onBoth('RFC 8489 s14: the padding of a request may be anything', async (world) => {
  const client = await TurnClient.of(world, { username: 'other', password: 'word' });
  const attributes = [UDP, ...client.credentials()];
  const unsigned = message(ALLOCATE, randomBytes(12), attributes, 0x5a);
  expect((await client.exchange(sign(unsigned, 'sha256', client.key))).outcome).toBe('success');
});

onBoth(
  'RFC 8489 s6.3.1: unknown attributes are named in a 420, after authentication and with integrity',
  async (world) => {
    const client = await TurnClient.of(world);
    const odd: AttributeSource[] = [
      [0x7abc, []],
      [0x0055, [1]],
      [0x7abc, [2]],
    ];
    const response = await client.request(ALLOCATE, UDP, ...odd);
    expect(response.outcome).toBe('420');
    expect(response.value(UNKNOWN_ATTRIBUTES)).toEqual(Buffer.from([0x7a, 0xbc, 0x00, 0x55]));
    client.password = 'wrong';
    expect((await client.request(ALLOCATE, UDP, ...odd)).outcome).toBe('401 unsigned');
    const unsigned = message(ALLOCATE, randomBytes(12), [UDP, ...odd]);
    expect((await client.exchange(unsigned)).outcome).toBe('401 unsigned');
  },
);

onBoth(
  'RFC 8489 s6.3.1: 420 comes before the allocation is looked for, and before any other check',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.refresh(0, [0x7abc, []])).outcome).toBe('420');
    await client.allocate();
    expect((await client.request(ALLOCATE, [0x7abc, []])).outcome).toBe('420');
    expect((await client.refresh(0, [0x7abc, []])).outcome).toBe('420');
    expect(world.server.stats().allocations).toBe(1);
  },
);

onBoth('RFC 8489 s6.3.1: thousands of unknown attributes make a small 420', async (world) => {
  const client = await TurnClient.of(world);
  const many = upTo(10_000).map((i): AttributeSource => [0x1000 + i, []]);
  const response = await client.request(ALLOCATE, ...many);
  expect(response.outcome).toBe('420');
  expect(response.bytes.length).toBeLessThan(200);
});

onBoth(
  'RFC 8489 s6.3: unknown comprehension-optional and known but unexpected attributes are ignored',
  async (world) => {
    const client = await TurnClient.of(world);
    const { response } = await client.allocate(
      [0xfabc, randomBytes(33)],
      text(0x8022, 'client'),
      channelNumber(0x4000),
      peer(address('10.0.0.1')),
      [0x0013, [1]],
      [0x0009, [0, 0, 4, 0]],
      [0x000a, [0, 1]],
      [0x802c, randomBytes(7)],
    );
    expect(response.outcome).toBe('success');
  },
);

onBoth('RFC 8489 s6.3.2: an indication with an unknown attribute is discarded', async (world) => {
  const client = await TurnClient.of(world);
  const host = await world.endpoint();
  await client.allocate();
  await client.permit(host.address);
  client.indicate(peer(host.address), [0x0013, [0x61]], [0x7abc, []]);
  client.indicate(peer(host.address), [0x0013, [0x62]], [0xfabc, []]);
  expect((await receivedBy(host)).map((line) => line.at(-1))).toEqual(['b']);
  expect(await allDrops(world)).toEqual({ unexpected: 1 });
});

onBoth(
  'RFC 8489 s14: padding in every response is zero, whatever was in the buffer before',
  async (world) => {
    const clients = await inTurn(upTo(3), () => TurnClient.of(world));
    // Long and short messages in turn would show in one what is left of another.
    const many = upTo(40).map((i): AttributeSource => [0x1000 + i, randomBytes(5)]);
    const responses = [
      await clients[0]!.request(ALLOCATE, ...many),
      await clients[0]!.challenge(),
      await clients[1]!.request(ALLOCATE, UDP, [0x7abc, []]),
      await clients[1]!.request(ALLOCATE, UDP, ADDITIONAL_6),
      await clients[2]!.request(ALLOCATE, UDP, EVEN_PORT_RESERVE),
      await clients[2]!.request(ALLOCATE, UDP),
      await clients[2]!.permit(address('10.0.0.1')),
      await clients[2]!.bind(0x3fff, address('127.0.0.1', 5)),
    ];
    const padded = responses.flatMap(({ attributes }) => attributes.map(({ padding }) => padding));
    expect(padded.filter(({ length }) => length > 0).length).toBeGreaterThan(8);
    expect(responses.every(({ paddingIsZero }) => paddingIsZero)).toBe(true);
  },
);

onCore('RFC 8656 s5: SOFTWARE is in Refresh responses, success or failure', async (world) => {
  const client = await TurnClient.of(world);
  expect((await client.refresh()).text(0x8022)).toBe('Sterna');
  await client.allocate();
  expect((await client.refresh()).text(0x8022)).toBe('Sterna');
});
