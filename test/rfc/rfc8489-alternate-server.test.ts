// RFC 8489 s10 and s14.15, as RFC 8656 s7.2 step 11 uses them: new clients are sent to another server.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { ALLOCATE, BINDING, EVEN_PORT, TurnClient, UDP } from '../support/turn/client.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { message } from '../support/turn/message.ts';
import { mobile, moved } from '../support/turn/mobile.ts';
import type { ReceivedMessage } from '../support/turn/received.ts';
import { address, type WorldOptions } from '../support/turn/world.ts';

const ALTERNATE_SERVER = 0x8023;

const ALWAYS: WorldOptions = {
  redirect: 'always',
  alternateServers: [
    address('192.0.2.7', 3478),
    address('2001:db8::7', 5000),
    address('192.0.2.8', 65_535),
  ],
};

/** The value of ALTERNATE-SERVER: as MAPPED-ADDRESS, not XORed. */
const alternate = (response: ReceivedMessage): string =>
  response.value(ALTERNATE_SERVER).toString('hex');

const SEVEN = '00010d96c0000207';
const EIGHT = '0001ffffc0000208';
const SEVEN_6 = '0002138820010db8000000000000000000000007';

onBoth(
  'RFC 8489 s10: an Allocate request is answered 300 with ALTERNATE-SERVER, under MESSAGE-INTEGRITY',
  async (world) => {
    const client = await TurnClient.of(world);
    const response = await client.request(ALLOCATE, UDP);
    expect([response.outcome, response.reason]).toEqual(['300', 'Try Alternate']);
    expect(alternate(response)).toBe(SEVEN);
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0, draining: false });
  },
  ALWAYS,
);

onBoth(
  'RFC 8489 s14.15: the servers take turns, each of the family that the client came by',
  async (world) => {
    const four = await TurnClient.of(world);
    const six = await TurnClient.of(world, { family: 6 });
    const order = [four, six, four, six, four];
    const responses = await inTurn(order, (client) => client.request(ALLOCATE, UDP));
    expect(responses.map(alternate)).toEqual([SEVEN, SEVEN_6, EIGHT, SEVEN_6, SEVEN]);
  },
  ALWAYS,
);

onBoth(
  'RFC 8489 s10: who has not authenticated learns of no other server',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const challenge = await client.challenge();
    expect([challenge.outcome, challenge.has(ALTERNATE_SERVER)]).toEqual(['401 unsigned', false]);
    client.password = 'wrong';
    const refused = await client.request(ALLOCATE, UDP);
    expect([refused.outcome, refused.has(ALTERNATE_SERVER)]).toEqual(['401 unsigned', false]);
    const binding = await client.exchange(message(BINDING, randomBytes(12), []));
    expect(binding.messageClass).toBe('success');
  },
  ALWAYS,
);

onBoth(
  'RFC 8656 s7.2 step 11: what is wrong with the request is said first',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE)).outcome).toBe('400');
    expect((await client.request(ALLOCATE, UDP, [0x7abc, []])).outcome).toBe('420');
    expect((await client.request(ALLOCATE, UDP, EVEN_PORT)).outcome).toBe('300');
  },
  ALWAYS,
);

onBoth(
  'RFC 8489 s10: without a server of its family a client is served here',
  async (world) => {
    const six = await TurnClient.of(world, { family: 6 });
    expect((await six.request(ALLOCATE, UDP)).outcome).toBe('success');
    const four = await TurnClient.of(world);
    expect((await four.request(ALLOCATE, UDP)).outcome).toBe('300');
  },
  { redirect: 'always', alternateServers: [address('192.0.2.7', 3478)] },
);

onBoth(
  'RFC 8656 s7.2 step 11: clients are sent away while the server drains, and no longer',
  async (world) => {
    const client = await TurnClient.of(world);
    world.server.drain(true);
    expect(alternate(await client.request(ALLOCATE, UDP))).toBe(SEVEN);
    const six = await TurnClient.of(world, { family: 6 });
    expect((await six.request(ALLOCATE, UDP)).outcome).toBe('508');
    world.server.drain(false);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { alternateServers: [address('192.0.2.7', 3478)] },
);

onCore(
  'RFC 8656 s7.2 step 11: the transaction that made an allocation is answered again, and not sent away',
  async (world) => {
    const client = await TurnClient.of(world);
    const request = client.build(ALLOCATE, [UDP]);
    expect((await client.exchange(request)).outcome).toBe('success');
    world.server.drain(true);
    expect((await client.exchange(request)).outcome).toBe('success');
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('437');
  },
  { alternateServers: [address('192.0.2.7', 3478)] },
);

onBoth('RFC 8656 s7.2 step 11: existing allocations are not sent away', async (world) => {
  const { client, ticket } = await mobile(world);
  world.server.drain(true);
  expect((await client.refresh()).outcome).toBe('success');
  const { client: next } = await moved(world, ticket);
  expect((await next.permit(address('127.0.0.1'))).outcome).toBe('success');
  expect((await next.bind(0x4000, address('127.0.0.1', 9))).outcome).toBe('success');
});
