// RFC 8656 s7.2: what an Allocate request is answered, one test a check, in the RFC's order. Sockets that
// open late or not at all are in rfc8656-relays.test.ts.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import {
  ADDITIONAL_6,
  ALLOCATE,
  EVEN_PORT,
  EVEN_PORT_RESERVE,
  FAMILY_4,
  FAMILY_6,
  reservationToken,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { type AttributeSource, message, u8 } from '../support/turn/message.ts';
import { relayOn } from '../support/turn/world.ts';

const LIFETIME = 0x000d;
const XOR_RELAYED = 0x0016;
const XOR_MAPPED = 0x0020;
const TOKEN = 0x0022;
const ADDRESS_ERROR = 0x8001;
const SOFTWARE = 0x8022;
const UNKNOWN = 0x000a;

onEveryTransport(
  'RFC 8656 s7.2: a success has relayed address, lifetime and mapped address',
  async (world) => {
    const client = await TurnClient.of(world);
    const { response, relayed } = await client.allocate();
    expect(response.outcome).toBe('success');
    expect(response.types).toEqual([XOR_RELAYED, LIFETIME, XOR_MAPPED, SOFTWARE, 0x001c]);
    expect(relayed.host).toBe('127.0.0.1');
    expect(relayed.port).toBeGreaterThanOrEqual(49_152);
    expect(response.u32(LIFETIME)).toBe(600);
    expect(response.address(XOR_MAPPED).toString()).toBe(client.endpoint.address.toString());
    expect(world.events.created).toMatchObject([
      { user: 'user', client: client.endpoint.address.toString(), relayed: [relayed.toString()] },
    ]);
  },
);

onEveryTransport(
  'RFC 8656 s7.2: over IPv6 the mapped address is IPv6 and the relay IPv4 unless asked',
  async (world) => {
    const client = await TurnClient.of(world, { family: 6 });
    const { response, relayed } = await client.allocate();
    expect(relayed.host).toBe('127.0.0.1');
    expect(response.address(XOR_MAPPED).toString()).toBe(client.endpoint.address.toString());
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 1: an Allocate without authentication is refused 401',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const response = await client.challenge();
    expect(response.outcome).toBe('401 unsigned');
    expect(world.server.stats().allocations).toBe(0);
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 2: an Allocate on a 5-tuple in use is refused 437',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('437');
    expect(world.server.stats().allocations).toBe(1);
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 2: 437 comes before the checks of what is asked for',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.request(ALLOCATE)).outcome).toBe('437');
    expect((await client.request(ALLOCATE, u8(0x0019, 6))).outcome).toBe('437');
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 2: the same client may allocate at another listener',
  async (world) => {
    const first = await TurnClient.of(world);
    const second = await TurnClient.of(world, { family: 6 });
    const relayed = [await first.allocate(), await second.allocate()].map((each) =>
      each.relayed.toString(),
    );
    expect(new Set(relayed).size).toBe(2);
  },
);

onEveryTransport(
  'RFC 8656 s7.2: a retransmission gets the same answer and no second allocation',
  async (world) => {
    const client = await TurnClient.of(world);
    const request = client.build(ALLOCATE, [UDP, EVEN_PORT_RESERVE]);
    const first = await client.exchange(request);
    const second = await client.exchange(request);
    expect(first.outcome).toBe('success');
    expect(first.has(TOKEN)).toBe(true);
    expect(second.types).toEqual(first.types);
    expect(second.value(XOR_RELAYED)).toEqual(first.value(XOR_RELAYED));
    expect(second.value(TOKEN)).toEqual(first.value(TOKEN));
    expect(world.server.stats()).toMatchObject({ allocations: 1, reservations: 1 });
    expect(world.events.created).toHaveLength(1);
  },
);

onCore(
  'RFC 8656 s7.2: the answer to a late retransmission says how much lifetime is left',
  async (world) => {
    const client = await TurnClient.of(world);
    const request = client.build(ALLOCATE, [UDP]);
    await client.exchange(request);
    world.advance(100_000);
    expect((await client.exchange(request)).u32(LIFETIME)).toBe(500);
  },
);

const MALFORMED_TRANSPORT: [string, AttributeSource[]][] = [
  ['missing', []],
  ['empty', [[0x0019, []]]],
  ['of 1 byte', [[0x0019, [17]]]],
  ['of 3 bytes', [[0x0019, [17, 0, 0]]]],
  ['of 5 bytes', [[0x0019, [17, 0, 0, 0, 0]]]],
];
for (const [what, attributes] of MALFORMED_TRANSPORT) {
  onEveryTransport(
    `RFC 8656 s7.2 step 3: REQUESTED-TRANSPORT ${what} is refused 400`,
    async (world) => {
      const client = await TurnClient.of(world);
      expect((await client.request(ALLOCATE, ...attributes)).outcome).toBe('400');
    },
  );
}

onEveryTransport(
  'RFC 8656 s7.2 step 3: a transport other than UDP is refused 442',
  async (world) => {
    const client = await TurnClient.of(world);
    const codes = await inTurn([0, 1, 6, 16, 18, 255], async (protocol) =>
      client.request(ALLOCATE, u8(0x0019, protocol)),
    );
    expect(codes.map(({ outcome }) => outcome)).toEqual(Array(6).fill('442'));
  },
);

onEveryTransport(
  'RFC 8656 s18.8: the reserved bytes of REQUESTED-TRANSPORT are ignored',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, [0x0019, [17, 1, 2, 3]])).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 4: DONT-FRAGMENT without a DF bit to set is an unknown attribute',
  async (world) => {
    const client = await TurnClient.of(world);
    const response = await client.request(ALLOCATE, UDP, [0x001a, []]);
    const can = world.canSetDontFragment;
    expect(response.outcome).toBe(can ? 'success' : '420');
    const unknown = can ? [] : [0x00, 0x1a];
    expect(response.has(UNKNOWN) ? [...response.value(UNKNOWN)] : []).toEqual(unknown);
    expect(world.server.stats().allocations).toBe(can ? 1 : 0);
  },
);

onCore(
  'RFC 8656 s7.2 step 4: DONT-FRAGMENT is accepted where the engine can set the DF bit',
  async (world) => {
    const client = await TurnClient.of(world);
    const { response } = await client.allocate([0x001a, []]);
    expect(response.outcome).toBe('success');
  },
  { canSetDontFragment: true },
);

const WITH_TOKEN: [string, AttributeSource][] = [
  ['EVEN-PORT', EVEN_PORT],
  ['REQUESTED-ADDRESS-FAMILY', FAMILY_4],
  ['ADDITIONAL-ADDRESS-FAMILY', ADDITIONAL_6],
];
for (const [name, attribute] of WITH_TOKEN) {
  onEveryTransport(
    `RFC 8656 s7.2 step 5: RESERVATION-TOKEN with ${name} is refused 400`,
    async (world) => {
      const client = await TurnClient.of(world);
      const token = (await client.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
      const other = await TurnClient.of(world);
      const response = await other.request(ALLOCATE, UDP, reservationToken(token), attribute);
      expect(response.outcome).toBe('400');
      expect((await other.allocate(reservationToken(token))).response.outcome).toBe('success');
    },
  );
}

onEveryTransport(
  'RFC 8656 s7.2 step 5: an unknown RESERVATION-TOKEN is refused 508',
  async (world) => {
    const client = await TurnClient.of(world);
    const response = await client.request(ALLOCATE, UDP, reservationToken(randomBytes(8)));
    expect(response.outcome).toBe('508');
  },
);

onEveryTransport(
  'RFC 8656 s18.10: a RESERVATION-TOKEN that is not 8 bytes long is refused 400',
  async (world) => {
    const client = await TurnClient.of(world);
    const outcomes = await inTurn([0, 7, 9, 16], (length) =>
      client.request(ALLOCATE, UDP, reservationToken(new Uint8Array(length))),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['400', '400', '400', '400']);
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 6: both address family attributes at once are refused 400',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP, FAMILY_6, ADDITIONAL_6)).outcome).toBe('400');
    expect((await client.request(ALLOCATE, UDP, FAMILY_4, ADDITIONAL_6)).outcome).toBe('400');
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 7: REQUESTED-ADDRESS-FAMILY chooses the family',
  async (world) => {
    const four = await TurnClient.of(world);
    const six = await TurnClient.of(world);
    expect((await four.allocate(FAMILY_4)).relayed.host).toBe('127.0.0.1');
    expect((await six.allocate(FAMILY_6)).relayed.host).toBe('::1');
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 7: a family that does not exist is refused 440',
  async (world) => {
    const client = await TurnClient.of(world);
    const outcomes = await inTurn([0, 3, 255], (family) =>
      client.request(ALLOCATE, UDP, u8(0x0017, family)),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['440', '440', '440']);
  },
);

onEveryTransport(
  'RFC 8656 s18.6: a REQUESTED-ADDRESS-FAMILY of another length is refused 400',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP, [0x0017, [1]])).outcome).toBe('400');
    expect((await client.request(ALLOCATE, UDP, [0x0017, [1, 0, 0, 0, 0]])).outcome).toBe('400');
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 7: a family without relay addresses is refused 440',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP, FAMILY_6)).outcome).toBe('440');
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { relays: [relayOn('127.0.0.1')] },
);

onEveryTransport(
  'RFC 8656 s7.2 step 7: no family asked for and no IPv4 relay is refused 440',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('440');
    expect((await client.request(ALLOCATE, UDP, FAMILY_6)).outcome).toBe('success');
  },
  { relays: [relayOn('::1')] },
);

onEveryTransport(
  'RFC 8656 s7.2 step 8: EVEN-PORT gives an even port, and nothing reserved with R = 0',
  async (world) => {
    const ports = await inTurn(Array(8).keys(), async () => {
      const client = await TurnClient.of(world);
      const { response, relayed } = await client.allocate(EVEN_PORT);
      expect(response.has(TOKEN)).toBe(false);
      return relayed.port;
    });
    expect(ports.filter((port) => port % 2 === 1)).toEqual([]);
    expect(world.server.stats().reservations).toBe(0);
  },
);

onEveryTransport('RFC 8656 s18.7: the bits of EVEN-PORT after R are ignored', async (world) => {
  const client = await TurnClient.of(world);
  const { response } = await client.allocate([0x0018, [0x7f]]);
  expect(response.has(TOKEN)).toBe(false);
});

onEveryTransport(
  'RFC 8656 s18.7: an EVEN-PORT that is not 1 byte long is refused 400',
  async (world) => {
    const client = await TurnClient.of(world);
    expect((await client.request(ALLOCATE, UDP, [0x0018, []])).outcome).toBe('400');
    expect((await client.request(ALLOCATE, UDP, [0x0018, [0x80, 0, 0, 0]])).outcome).toBe('400');
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 8: EVEN-PORT with R = 1 and ADDITIONAL-ADDRESS-FAMILY is refused 400',
  async (world) => {
    const client = await TurnClient.of(world);
    const response = await client.request(ALLOCATE, UDP, EVEN_PORT_RESERVE, ADDITIONAL_6);
    expect(response.outcome).toBe('400');
    expect((await client.allocate(EVEN_PORT, ADDITIONAL_6)).relayed.port % 2).toBe(0);
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 9: ADDITIONAL-ADDRESS-FAMILY IPv4 is refused 400, and any but IPv6',
  async (world) => {
    const client = await TurnClient.of(world);
    const outcomes = await inTurn([u8(0x8000, 1), u8(0x8000, 0), u8(0x8000, 3)], (attribute) =>
      client.request(ALLOCATE, UDP, attribute),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['400', '400', '400']);
    expect((await client.request(ALLOCATE, UDP, [0x8000, [2]])).outcome).toBe('400');
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 9: a dual allocation has two relayed addresses, IPv4 first',
  async (world) => {
    const client = await TurnClient.of(world);
    const { response } = await client.allocate(ADDITIONAL_6);
    const hosts = response.addresses(XOR_RELAYED).map(({ host }) => host);
    expect(hosts).toEqual(['127.0.0.1', '::1']);
    expect(response.has(ADDRESS_ERROR)).toBe(false);
    expect(world.server.stats().allocations).toBe(1);
  },
);

onEveryTransport(
  'RFC 8656 s7.2 step 9: a dual allocation without IPv6 relays is met in half, with 440',
  async (world) => {
    const client = await TurnClient.of(world);
    const { response } = await client.allocate(ADDITIONAL_6);
    expect(response.addresses(XOR_RELAYED).map(({ host }) => host)).toEqual(['127.0.0.1']);
    expect(response.value(ADDRESS_ERROR).subarray(0, 4)).toEqual(Buffer.from([2, 0, 4, 40]));
  },
  { relays: [relayOn('127.0.0.1')] },
);

onEveryTransport(
  'RFC 8656 s7.2 step 9: a dual allocation without IPv4 relays is met in half, with 440',
  async (world) => {
    const client = await TurnClient.of(world);
    const { response } = await client.allocate(ADDITIONAL_6);
    expect(response.addresses(XOR_RELAYED).map(({ host }) => host)).toEqual(['::1']);
    expect(response.value(ADDRESS_ERROR).subarray(0, 4)).toEqual(Buffer.from([1, 0, 4, 40]));
  },
  { relays: [relayOn('::1')] },
);

onEveryTransport('RFC 8656 s7.2: what failed may be asked for again at once', async (world) => {
  const client = await TurnClient.of(world);
  expect((await client.request(ALLOCATE, UDP, u8(0x0017, 9))).outcome).toBe('440');
  expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
});

onEveryTransport(
  'RFC 8656 s5: SOFTWARE is in Allocate responses, success or failure, once authenticated',
  async (world) => {
    const client = await TurnClient.of(world);
    const refused = await client.request(ALLOCATE);
    expect(refused.types).toEqual([0x0009, SOFTWARE, 0x001c]);
    const { response } = await client.allocate();
    expect(response.has(SOFTWARE)).toBe(true);
  },
);

onEveryTransport(
  'RFC 8656 s7.2: a bare Allocate header is answered like any unauthenticated one',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const response = await client.exchange(message(ALLOCATE, randomBytes(12)));
    expect(response.outcome).toBe('401 unsigned');
  },
);
