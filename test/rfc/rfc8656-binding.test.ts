// RFC 8489 s12 and s14.7 in the TURN server: Binding, and FINGERPRINT in every kind of message.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import {
  ALLOCATE,
  BINDING,
  peer,
  receivedBy,
  SEND_INDICATION,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { append, type AttributeSource, fingerprinted, message } from '../support/turn/message.ts';
import { allDrops, drops, type World } from '../support/turn/world.ts';

const UNKNOWN_ATTRIBUTES = 0x000a;
const XOR_MAPPED = 0x0020;

/** Sends bytes and says what came back: nothing, as a rule. */
async function answersTo(world: World, bytes: Uint8Array): Promise<number> {
  const endpoint = await world.endpoint();
  endpoint.send(bytes, world.listener4);
  return (await endpoint.rest()).length;
}

onEveryTransport(
  'RFC 8489 s14.7: a wrong FINGERPRINT drops the message, a right one is echoed',
  async (world) => {
    const client = await TurnClient.of(world, { fingerprint: true });
    const request = client.build(ALLOCATE, [UDP]);
    const wrong = request.slice();
    wrong[wrong.length - 1]! ^= 1;
    expect(await answersTo(world, wrong)).toBe(0);
    const moved = append(request, [0x8022, [1, 2, 3, 4]]);
    expect(await answersTo(world, moved)).toBe(0);
    expect(await allDrops(world)).toEqual({ 'bad-fingerprint': 2 });
    const response = await client.exchange(request);
    expect([response.outcome, response.fingerprint]).toEqual(['success', 'right']);
  },
);

onEveryTransport(
  'RFC 8489 s14.7: FINGERPRINT is in every answer to a request that has it, and in no other',
  async (world) => {
    const plain = await TurnClient.of(world);
    const marked = await TurnClient.of(world, { fingerprint: true });
    const prints = await inTurn([plain, marked], async (client) => {
      const challenge = message(ALLOCATE, randomBytes(12));
      const binding = message(BINDING, randomBytes(12));
      const mark = client.fingerprint ? fingerprinted : (bytes: Uint8Array) => bytes;
      const responses = [
        await client.exchange(mark(challenge)),
        await client.exchange(mark(binding)),
        await client.refresh(),
        (await client.allocate()).response,
        await client.refresh(),
      ];
      return responses.map(({ fingerprint }) => fingerprint);
    });
    expect(prints).toEqual([Array(5).fill('none'), Array(5).fill('right')]);
  },
);

onEveryTransport(
  'RFC 8489 s14.7: a wrong FINGERPRINT drops a Send indication too',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    await client.allocate();
    await client.permit(host.address);
    const attributes = [peer(host.address), [0x0013, [0x61]] as const];
    const right = fingerprinted(message(SEND_INDICATION, randomBytes(12), attributes));
    const wrong = right.slice();
    wrong[10]! ^= 1;
    client.endpoint.send(wrong, client.server);
    client.endpoint.send(right, client.server);
    expect(await receivedBy(host)).toHaveLength(1);
    expect(await drops(world, 'bad-fingerprint')).toBe(1);
  },
);

for (const family of [4, 6] as const) {
  onEveryTransport(
    `RFC 8489 s12: Binding over IPv${family} tells the mapped address, and amplifies little`,
    async (world) => {
      const client = await TurnClient.unchallenged(world, { family });
      const requests = [
        message(BINDING, randomBytes(12)),
        fingerprinted(message(BINDING, randomBytes(12))),
      ];
      const headers = family === 4 ? 28 : 48;
      const ratios = await inTurn(requests, async (request) => {
        const response = await client.exchange(request);
        expect(response.address(XOR_MAPPED).toString()).toBe(client.endpoint.address.toString());
        expect(response.attributes.length).toBeLessThanOrEqual(2);
        return (response.bytes.length + headers) / (request.length + headers);
      });
      expect(Math.max(...ratios)).toBeLessThan(1.4);
    },
  );
}

onEveryTransport(
  'RFC 8489 s6.3.1: Binding with an unknown attribute is refused 420, unsigned and small',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const request = message(BINDING, randomBytes(12), [[0x7abc, []]]);
    const response = await client.exchange(request);
    expect(response.outcome).toBe('420 unsigned');
    expect(response.value(UNKNOWN_ATTRIBUTES)).toEqual(Buffer.from([0x7a, 0xbc]));
    expect(response.bytes.length).toBeLessThanOrEqual(2 * request.length);
  },
);

onEveryTransport('RFC 8489 s6.3.2: a Binding indication gets no answer', async (world) => {
  expect(await answersTo(world, message(0x0011, randomBytes(12)))).toBe(0);
});

onEveryTransport(
  'RFC 5780 s7: CHANGE-REQUEST, RESPONSE-PORT and PADDING are unknown, so nothing goes elsewhere',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const attributes: AttributeSource[] = [
      [0x0003, [0, 0, 0, 6]],
      [0x0027, [0x10, 0, 0, 0]],
      [0x0026, new Uint8Array(64)],
    ];
    const outcomes = await inTurn(attributes, async (attribute) => {
      const request = message(BINDING, randomBytes(12), [attribute]);
      return (await client.exchange(request)).outcome;
    });
    expect(outcomes).toEqual(Array(3).fill('420 unsigned'));
  },
);
