// RFC 5780 s6, s7, s10: NAT behavior discovery. Every request goes to each of the four transport addresses in turn;
// where an answer comes from and goes to is what the network says, not what the answer does.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { TurnServer } from '../../turn/index.ts';
import { ALLOCATE, BINDING, TurnClient, UDP } from '../support/turn/client.ts';
import type { CoreWorld } from '../support/turn/core-world.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { FakeEngine } from '../support/turn/fake-engine.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { type AttributeSource, fingerprinted, message } from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { address, drops, relayOn, turnOptions, type World } from '../support/turn/world.ts';

const MAPPED = 0x0001;
const UNKNOWN_ATTRIBUTES = 0x000a;
const XOR_MAPPED = 0x0020;
const PADDING = 0x0026;
const RESPONSE_ORIGIN = 0x802b;
const OTHER_ADDRESS = 0x802c;

const changeRequest = (flags: number): AttributeSource => [0x0003, [0, 0, 0, flags]];
const padding = (length: number): AttributeSource => [PADDING, new Uint8Array(length).fill(0x61)];
const responsePort = (port: number): AttributeSource => [0x0027, [port >> 8, port & 0xff, 0, 0]];

const CHANGE_IP = 4;
const CHANGE_PORT = 2;

const primary = address('127.0.0.1', 3478);
const OPTIONS = { natDiscovery: { primary, alternate: address('127.0.0.2', 3479) } };

interface Answer {
  readonly from: string;
  readonly response: ReceivedMessage;
}

const bindingRequest = (...attributes: AttributeSource[]): Uint8Array =>
  message(BINDING, randomBytes(12), attributes);

/** One request from a socket of its own; the answer, which must come to that socket. */
async function ask(world: World, to: TransportAddress, request: Uint8Array): Promise<Answer> {
  const endpoint = await world.endpoint(to.family);
  endpoint.send(request, to);
  const { from, bytes } = await endpoint.receive();
  const response = new ReceivedMessage(bytes);
  expect(response.transaction).toEqual(Buffer.from(request.subarray(8, 20)));
  expect(response.paddingIsZero).toBe(true);
  if (response.has(XOR_MAPPED)) {
    expect(response.address(XOR_MAPPED).toString()).toBe(endpoint.address.toString());
    expect(plainAddress(response, MAPPED)).toBe(endpoint.address.toString());
  }
  return { from: from.toString(), response };
}

/** An address that is not XORed (RFC 8489 s14.1). */
function plainAddress(response: ReceivedMessage, type: number): string {
  const value = response.value(type);
  const host =
    value[1] === 1
      ? value.subarray(4).join('.')
      : (value.toString('hex', 4).match(/.{4}/g) ?? []).join(':');
  return address(host, value.readUInt16BE(2)).toString();
}

/** The four transport addresses; each differs from another by the XOR of their indices. */
function corners({ options }: World): TransportAddress[] {
  const { primary: one, alternate: two } = options.natDiscovery!;
  const [a, b] = [one.host, two.host];
  return [one, address(a, two.port), address(b, one.port), two];
}

const outcomesOf = (world: World, requests: readonly Uint8Array[]): Promise<string[]> =>
  inTurn(requests, async (request) => {
    const { response } = await ask(world, corners(world)[0]!, request);
    return response.outcome;
  });

onBoth(
  'RFC 5780 s6.1: every Binding response has MAPPED-ADDRESS, RESPONSE-ORIGIN and OTHER-ADDRESS',
  async (world) => {
    const all = corners(world);
    await inTurn(all, async (at, i) => {
      const { from, response } = await ask(world, at, bindingRequest());
      expect(response.types).toEqual([XOR_MAPPED, MAPPED, RESPONSE_ORIGIN, OTHER_ADDRESS]);
      expect(from).toBe(at.toString());
      expect(plainAddress(response, RESPONSE_ORIGIN)).toBe(at.toString());
      expect(plainAddress(response, OTHER_ADDRESS)).toBe(all[i ^ 3]!.toString());
    });
  },
  OPTIONS,
);

for (const [flags, differs, what] of [
  [0, 0, 'no flag: from where it was asked'],
  [CHANGE_IP, 2, 'change IP: from the other address and the same port'],
  [CHANGE_PORT, 1, 'change port: from the same address and the other port'],
  [CHANGE_IP | CHANGE_PORT, 3, 'both flags: from the other address and the other port'],
  [0xff & ~CHANGE_IP, 1, 'bits without a meaning are ignored'],
] as const) {
  onBoth(
    `RFC 5780 s6.1: Table 1, ${what}`,
    async (world) => {
      const all = corners(world);
      await inTurn(all, async (at, i) => {
        const { from, response } = await ask(world, at, bindingRequest(changeRequest(flags)));
        const source = all[i ^ differs]!.toString();
        expect(from).toBe(source);
        expect(plainAddress(response, RESPONSE_ORIGIN)).toBe(source);
        expect(plainAddress(response, OTHER_ADDRESS)).toBe(all[i ^ 3]!.toString());
      });
    },
    OPTIONS,
  );
}

onBoth(
  'RFC 5780 s6.1: FINGERPRINT comes with a request that has it, from elsewhere too',
  async (world) => {
    const prints = await inTurn([bindingRequest(), bindingRequest(changeRequest(6))], (request) =>
      ask(world, world.listener4, fingerprinted(request)),
    );
    expect(prints.map(({ response }) => response.fingerprint)).toEqual(['right', 'right']);
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s6.1: PADDING is answered by PADDING, up to the MTU and no longer than was asked',
  async (world) => {
    const lengths = await inTurn([0, 1, 4, 700, 1500, 1501, 9000], async (asked) => {
      const { response } = await ask(world, world.listener4, bindingRequest(padding(asked)));
      expect(response.value(PADDING).every((byte) => byte === 0)).toBe(true);
      return response.value(PADDING).length;
    });
    expect(lengths).toEqual([0, 4, 4, 700, 1500, 1500, 1500]);
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s6.1: PADDING together with RESPONSE-PORT is refused 400, to where the request came from',
  async (world) => {
    const other = await world.endpoint();
    const attributes = [padding(64), responsePort(other.address.port)];
    const requests = [bindingRequest(...attributes), bindingRequest(...attributes.toReversed())];
    expect(await outcomesOf(world, requests)).toEqual(['400 unsigned', '400 unsigned']);
    expect(await other.rest()).toEqual([]);
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s7.2: a CHANGE-REQUEST that is too short is refused 400',
  async (world) => {
    const requests = [[], [6], [0, 0, 6]].map((value) => bindingRequest([0x0003, value]));
    expect(await outcomesOf(world, requests)).toEqual(Array(3).fill('400 unsigned'));
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s7.5: RESPONSE-PORT sends the answer to that port of the same address, and nowhere else',
  async (world) => {
    const [sender, other] = [await world.endpoint(), await world.endpoint()];
    const { port } = other.address;
    const all = corners(world);
    const asked: [AttributeSource[], number][] = [
      [[responsePort(port)], 0],
      [[responsePort(port), changeRequest(CHANGE_IP | CHANGE_PORT)], 3],
      // The two bytes behind the port are padding, so an encoder may leave them out of the length.
      [[[0x0027, [port >> 8, port & 0xff]]], 0],
    ];
    await inTurn(asked, async ([attributes, differs]) => {
      sender.send(bindingRequest(...attributes), all[0]!);
      const { from, bytes } = await other.receive();
      const response = new ReceivedMessage(bytes);
      expect(from.toString()).toBe(all[differs]!.toString());
      expect(response.address(XOR_MAPPED).toString()).toBe(sender.address.toString());
    });
    expect(await sender.rest()).toEqual([]);
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s7.5: a RESPONSE-PORT of 0 or without a port is refused 400',
  async (world) => {
    const requests = [responsePort(0), [0x0027, [9]] as const, [0x0027, []] as const].map((one) =>
      bindingRequest(one),
    );
    expect(await outcomesOf(world, requests)).toEqual(Array(3).fill('400 unsigned'));
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s7: these attributes belong to Binding: an Allocate with one is refused 420',
  async (world) => {
    const client = await TurnClient.of(world);
    const outcomes = await inTurn([changeRequest(6), responsePort(9), padding(4)], async (one) => {
      const response = await client.request(ALLOCATE, UDP, one);
      return response.outcome;
    });
    expect(outcomes).toEqual(['420', '420', '420']);
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s7: other unknown attributes are still refused 420, by name, and nothing goes elsewhere',
  async (world) => {
    const other = await world.endpoint();
    const more = [responsePort(other.address.port), changeRequest(6)];
    const { from, response } = await ask(
      world,
      world.listener4,
      bindingRequest(...more, [0x7abc, []]),
    );
    expect([from, response.outcome]).toEqual([world.listener4.toString(), '420 unsigned']);
    expect(response.value(UNKNOWN_ATTRIBUTES)).toEqual(Buffer.from([0x7a, 0xbc]));
    expect(await other.rest()).toEqual([]);
  },
  OPTIONS,
);

onBoth(
  'RFC 5780 s6: a listener that is none of the four has no alternate address: 420 and no OTHER-ADDRESS',
  async (world) => {
    const endpoint = await world.endpoint(6);
    const responses = await inTurn([[], [changeRequest(6)]], async (attributes) => {
      endpoint.send(bindingRequest(...attributes), world.listener6);
      return new ReceivedMessage((await endpoint.receive()).bytes);
    });
    expect(responses.map(({ outcome }) => outcome)).toEqual(['success unsigned', '420 unsigned']);
    expect(responses[0]?.types).toEqual([XOR_MAPPED]);
  },
  OPTIONS,
);

it('RFC 5780 s6: with one of the four missing there is no alternate address: 420 and no OTHER-ADDRESS', () => {
  const engine = new FakeEngine();
  engine.refuse = ({ host, port }) =>
    host === '127.0.0.2' && port === 3479 ? 'unavailable' : undefined;
  const server = new TurnServer(turnOptions(OPTIONS), engine);
  const all = ['127.0.0.1:3478', '127.0.0.1:3479', '127.0.0.2:3478', '127.0.0.2:3479'];
  const listeners = all.map((each) => {
    const [host = '', port] = each.split(':');
    return { address: address(host, Number(port)) };
  });
  server.listen(listeners, () => undefined);
  engine.run();
  const client = address('127.0.0.1', 40_000);
  engine.inject(client, primary, bindingRequest());
  engine.inject(client, primary, bindingRequest(changeRequest(CHANGE_PORT)));
  engine.run();
  const responses = engine.inbox(client).map(({ bytes }) => new ReceivedMessage(bytes));
  expect(responses.map(({ outcome }) => outcome)).toEqual(['success unsigned', '420 unsigned']);
  expect(responses[0]?.types).toEqual([XOR_MAPPED]);
  server.close();
});

async function shownTo(world: CoreWorld): Promise<string[]> {
  const { response } = await ask(world, world.listener4, bindingRequest(changeRequest(CHANGE_IP)));
  return [RESPONSE_ORIGIN, OTHER_ADDRESS].map((type) => plainAddress(response, type));
}

onCore(
  'RFC 5780 s7.3, s7.4: behind a one-to-one NAT the addresses are the external ones',
  async (world) => {
    expect(await shownTo(world)).toEqual(['203.0.113.2:3478', '203.0.113.2:3479']);
  },
  { ...OPTIONS, relays: [relayOn('127.0.0.2', '203.0.113.2'), relayOn('::1')] },
);

onCore(
  'RFC 5780 s7.1: over IPv6 the addresses are of IPv6',
  async (world) => {
    const { from, response } = await ask(
      world,
      world.listener6,
      bindingRequest(changeRequest(CHANGE_IP)),
    );
    expect(from).toBe('[2001:db8::2]:3478');
    expect(plainAddress(response, RESPONSE_ORIGIN)).toBe(from);
    expect(plainAddress(response, OTHER_ADDRESS)).toBe('[2001:db8::2]:3479');
  },
  { natDiscovery: { primary: address('::1', 3478), alternate: address('2001:db8::2', 3479) } },
);

const IP_AND_UDP = 28;

onBoth(
  'RFC 5780 s10: no answer is more than twice its request, and a padded one hardly longer',
  async (world) => {
    const ratioOf = async (request: Uint8Array): Promise<number> => {
      const { response } = await ask(world, world.listener4, request);
      return (response.bytes.length + IP_AND_UDP) / (request.length + IP_AND_UDP);
    };
    expect(await ratioOf(bindingRequest())).toBeLessThanOrEqual(2);
    expect(await ratioOf(bindingRequest(padding(0)))).toBeLessThanOrEqual(2);
    expect(await ratioOf(bindingRequest(padding(4)))).toBeLessThanOrEqual(2);
    expect(await ratioOf(bindingRequest(padding(1500)))).toBeLessThan(1.05);
  },
  OPTIONS,
);

const CAP = 3;

for (const [what, attributes] of [
  ['CHANGE-REQUEST', [changeRequest(0)]],
  ['RESPONSE-PORT', [responsePort(9)]],
  ['PADDING', [padding(1500)]],
  ['an error', [responsePort(0)]],
] as const) {
  onCore(
    `RFC 5780 s10: ${what}: a flood of one source network is answered so often a second and no more`,
    async (world) => {
      const flooder = world.endpointAt('203.0.113.9');
      for (const i of upTo(100)) {
        flooder.send(bindingRequest(...attributes), corners(world)[i & 3]!);
      }
      await world.settle();
      const answers = [9, flooder.address.port].flatMap((port) =>
        world.engine.inbox(address('203.0.113.9', port)).splice(0),
      );
      expect(answers).toHaveLength(CAP);
      expect(await drops(world, 'unauthenticated-cap')).toBe(100 - CAP);
      flooder.send(bindingRequest(), world.listener4);
      expect(await flooder.rest()).toHaveLength(1);
      const other = world.endpointAt('203.0.113.10', 9);
      other.send(bindingRequest(...attributes), world.listener4);
      expect(await other.rest()).toHaveLength(1);
      world.advance(1000);
      flooder.send(bindingRequest(changeRequest(0)), world.listener4);
      expect(await flooder.rest()).toHaveLength(1);
    },
    { ...OPTIONS, unauthorizedPerSecond: CAP },
  );
}

onCore(
  'RFC 5780 s10: what is capped shares its allowance with refusals of the same source',
  async (world) => {
    const endpoint = await world.endpoint();
    for (const _ of upTo(CAP)) endpoint.send(message(ALLOCATE, randomBytes(12)), world.listener4);
    expect(await endpoint.rest()).toHaveLength(CAP);
    endpoint.send(bindingRequest(changeRequest(6)), world.listener4);
    endpoint.send(bindingRequest(padding(8)), world.listener4);
    expect(await endpoint.rest()).toHaveLength(0);
  },
  { ...OPTIONS, unauthorizedPerSecond: CAP },
);
