// RFC 8016: mobility with TURN, how a client gets a ticket and what a Refresh with one is answered.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { mintRestCredential } from '../../turn/index.ts';
import {
  ADDITIONAL_6,
  ALLOCATE,
  FAMILY_6,
  lifetime,
  MOBILITY,
  mobilityTicket,
  receivedBy,
  REFRESH,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { message } from '../support/turn/message.ts';
import { mobile, moved, show, ticketIn } from '../support/turn/mobile.ts';
import { address, OTHER_PASSWORD, OTHER_USER } from '../support/turn/world.ts';

const LIFETIME = 0x000d;
const XOR_RELAYED = 0x0016;
const TICKET = 0x8030;
const OTHER = { username: OTHER_USER, password: OTHER_PASSWORD };

onBoth('RFC 8016 s3.1.2: an empty MOBILITY-TICKET is answered with a ticket', async (world) => {
  const { response, ticket } = await mobile(world);
  expect(response.outcome).toBe('success');
  expect(ticket.length).toBeGreaterThan(0);
});

onBoth('RFC 8016 s3.1.2: who asks for no ticket gets none', async (world) => {
  const client = await TurnClient.of(world);
  const { response } = await client.allocate();
  expect(response.has(TICKET)).toBe(false);
});

onBoth('RFC 8016 s3.1.2: a ticket in an Allocate request is refused 400', async (world) => {
  const { ticket } = await mobile(world);
  const client = await TurnClient.of(world);
  const outcomes = await inTurn([ticket, randomBytes(1), randomBytes(500)], (bytes) =>
    client.request(ALLOCATE, UDP, mobilityTicket(bytes)),
  );
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(3).fill('400'));
  expect(world.server.stats().allocations).toBe(1);
});

onBoth(
  'RFC 8016 s3.1.2: where mobility is forbidden, asking for a ticket is refused 405',
  async (world) => {
    const client = await TurnClient.of(world);
    const refused = await client.request(ALLOCATE, UDP, MOBILITY);
    expect([refused.outcome, refused.reason]).toEqual(['405', 'Mobility Forbidden']);
    expect(world.server.stats().allocations).toBe(0);
    await client.allocate();
    expect((await show(client, randomBytes(32))).outcome).toBe('405');
  },
  { mobility: false },
);

onBoth('RFC 8016 s3.1.2: a retransmitted Allocate request gets the same ticket', async (world) => {
  const client = await TurnClient.of(world);
  const request = client.build(ALLOCATE, [UDP, MOBILITY]);
  const first = await client.exchange(request);
  const second = await client.exchange(request);
  expect(ticketIn(second)).toEqual(ticketIn(first));
  expect(second.addresses(XOR_RELAYED)).toEqual(first.addresses(XOR_RELAYED));
});

onBoth('RFC 8016 s3.1.2: no two allocations have the same ticket', async (world) => {
  const all = await inTurn(Array(5).keys(), () => mobile(world));
  expect(new Set(all.map(({ ticket }) => ticket.toString('hex'))).size).toBe(5);
});

onBoth(
  'RFC 8016 s3.2.2: a Refresh with a ticket from a new 5-tuple succeeds, with a lifetime and another ticket',
  async (world) => {
    const { ticket } = await mobile(world);
    const client = await TurnClient.of(world);
    const response = await client.request(REFRESH, mobilityTicket(ticket), lifetime(1000));
    expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', 1000]);
    expect(ticketIn(response)).not.toEqual(ticket);
    expect(world.server.stats().allocations).toBe(1);
  },
);

onBoth(
  'RFC 8016 s3.2.2: relayed address, permissions and channels go along to the new 5-tuple',
  async (world) => {
    const host = await world.endpoint();
    const other = await world.endpoint();
    const { client: old, relayed, ticket } = await mobile(world);
    await old.bind(0x4000, host.address);
    await old.permit(other.address);
    const { client } = await moved(world, ticket);
    client.sendChannel(0x4000, Buffer.from('here'));
    expect(await receivedBy(host)).toEqual([`${relayed.toString()} here`]);
    host.send(Buffer.from('channel'), relayed);
    await world.settle();
    other.send(Buffer.from('indication'), relayed);
    expect(await client.relayedToMe()).toEqual([
      'channel 0x4000 channel',
      `data ${other.address.toString()} indication`,
    ]);
    expect(await old.relayedToMe()).toEqual([]);
  },
);

onBoth(
  'RFC 8016 s3.2.2: until data comes from the new 5-tuple, the old one sends and receives all of it',
  async (world) => {
    const host = await world.endpoint();
    const { client: old, relayed, ticket } = await mobile(world);
    await old.bind(0x4000, host.address);
    const { client } = await moved(world, ticket);
    expect((await client.refresh()).outcome).toBe('success');
    expect((await client.permit(address('127.0.0.9'))).outcome).toBe('success');
    host.send(Buffer.from('in'), relayed);
    old.sendChannel(0x4000, Buffer.from('out'));
    expect(await old.relayedToMe()).toEqual(['channel 0x4000 in']);
    expect(await client.relayedToMe()).toEqual([]);
    expect(await receivedBy(host)).toEqual([`${relayed.toString()} out`]);
    expect((await old.refresh()).outcome).toBe('success');
  },
);

const FIRST_DATA: [string, (client: TurnClient) => void][] = [
  ['a Send indication', (client) => client.sendTo(address('127.0.0.1', 9), Buffer.from('x'))],
  ['ChannelData', (client) => client.sendChannel(0x4000, Buffer.from('x'))],
];
for (const [what, send] of FIRST_DATA) {
  onBoth(
    `RFC 8016 s3.2.2: ${what} takes the new 5-tuple into use, and the old one is forgotten`,
    async (world) => {
      const { client: old, ticket } = await mobile(world);
      await old.bind(0x4000, address('127.0.0.1', 9));
      const { client } = await moved(world, ticket);
      send(client);
      await world.settle();
      expect((await old.refresh()).outcome).toBe('437');
      expect((await old.permit(address('127.0.0.1'))).outcome).toBe('437');
      expect((await client.refresh()).outcome).toBe('success');
      // What the 5-tuple had is gone, so it is free for another allocation.
      expect((await old.request(ALLOCATE, UDP)).outcome).toBe('success');
      expect(world.server.stats().allocations).toBe(2);
    },
  );
}

onBoth('RFC 8016 s3.2.2: what is no ticket of ours is refused 400', async (world) => {
  const { ticket } = await mobile(world);
  const client = await TurnClient.of(world);
  const wrong = [
    Buffer.alloc(0),
    ticket.subarray(1),
    Buffer.concat([ticket, Buffer.from('A')]),
    Buffer.alloc(ticket.length),
    randomBytes(ticket.length),
    randomBytes(600),
    ...Array.from(ticket, (byte, i) => Buffer.from(ticket).fill(byte ^ 1, i, i + 1)),
  ];
  const responses = await inTurn(wrong, (bytes) => show(client, bytes));
  expect(new Set(responses.map(({ outcome }) => outcome))).toEqual(new Set(['400']));
  expect((await show(client, ticket)).outcome).toBe('success');
});

onBoth(
  'RFC 8016 s3.2.2: the ticket of an allocation that is gone is refused 437',
  async (world) => {
    const { client: old, ticket } = await mobile(world);
    await old.refresh(0);
    expect((await show(await TurnClient.of(world), ticket)).outcome).toBe('437');
  },
);

onBoth(
  'RFC 8016 s3.2.2: a ticket from the same 5-tuple is refused 400, and Refresh without it goes on',
  async (world) => {
    const { client, ticket } = await mobile(world);
    expect((await show(client, ticket)).outcome).toBe('400');
    expect((await client.refresh()).outcome).toBe('success');
    const { client: next, ticket: second } = await moved(world, ticket);
    expect((await show(next, second)).outcome).toBe('400');
  },
);

onBoth('RFC 8016 s3.2.2: the ticket of one user is refused 441 to another', async (world) => {
  const host = await world.endpoint();
  const { client, relayed, ticket } = await mobile(world);
  await client.bind(0x4000, host.address);
  const thief = await TurnClient.of(world, OTHER);
  expect((await show(thief, ticket)).outcome).toBe('441');
  expect((await thief.request(REFRESH, mobilityTicket(ticket), lifetime(0))).outcome).toBe('441');
  thief.sendChannel(0x4000, Buffer.from('x'));
  host.send(Buffer.from('y'), relayed);
  expect(await client.relayedToMe()).toEqual(['channel 0x4000 y']);
  expect(await thief.relayedToMe()).toEqual([]);
  expect(await receivedBy(host)).toEqual([]);
  expect((await thief.request(ALLOCATE, UDP)).outcome).toBe('success');
});

onBoth('RFC 8016 s3.2.2: a ticket is nothing without MESSAGE-INTEGRITY', async (world) => {
  const { ticket } = await mobile(world);
  const client = await TurnClient.unchallenged(world);
  const unsigned = message(REFRESH, randomBytes(12), [mobilityTicket(ticket)]);
  const challenge = await client.exchange(unsigned);
  expect(challenge.outcome).toBe('401 unsigned');
  client.take(challenge);
  expect((await show(client, ticket)).outcome).toBe('success');
});

onBoth('RFC 8016 s3.2.2: the nonce of the old 5-tuple is stale at the new one', async (world) => {
  const { client: old, ticket } = await mobile(world);
  const client = await TurnClient.of(world);
  client.nonce = old.nonce;
  expect((await show(client, ticket)).outcome).toBe('438 unsigned');
});

onBoth(
  'RFC 8016 s3.2.2: a retransmitted Refresh gets the same ticket, before and after the first data',
  async (world) => {
    const { client: old, ticket } = await mobile(world);
    await old.bind(0x4000, address('127.0.0.1', 9));
    const client = await TurnClient.of(world);
    const request = client.build(REFRESH, [mobilityTicket(ticket)]);
    const first = await client.exchange(request);
    expect(ticketIn(await client.exchange(request))).toEqual(ticketIn(first));
    client.sendChannel(0x4000, Buffer.from('x'));
    expect(ticketIn(await client.exchange(request))).toEqual(ticketIn(first));
  },
);

onBoth(
  'RFC 8016 s3.2.2: a client that got no answer may ask again in a new transaction',
  async (world) => {
    const { ticket } = await mobile(world);
    const { client, ticket: second } = await moved(world, ticket);
    expect(ticketIn(await show(client, ticket))).toEqual(second);
  },
);

onCore('RFC 8016 s3.2.2: the old ticket is recognised for 30 s more', async (world) => {
  const { client: old, ticket } = await mobile(world);
  await old.bind(0x4000, address('127.0.0.1', 9));
  const client = await TurnClient.of(world);
  const request = client.build(REFRESH, [mobilityTicket(ticket)]);
  const first = await client.exchange(request);
  client.sendChannel(0x4000, Buffer.from('x'));
  await world.settle();
  world.advance(29_999);
  expect(ticketIn(await client.exchange(request))).toEqual(ticketIn(first));
  world.advance(1);
  expect((await client.exchange(request)).outcome).toBe('400');
});

onBoth('RFC 8016 s3.2.2: once data has come, the old ticket moves nothing', async (world) => {
  const { client: old, ticket } = await mobile(world);
  await old.bind(0x4000, address('127.0.0.1', 9));
  const { client } = await moved(world, ticket);
  client.sendChannel(0x4000, Buffer.from('x'));
  await world.settle();
  expect((await show(client, ticket)).outcome).toBe('400');
  expect((await show(old, ticket)).outcome).toBe('400');
  expect((await show(await TurnClient.of(world), ticket)).outcome).toBe('400');
});

onBoth(
  'RFC 8016 s3.2.2: the old ticket is for retransmissions, not for a third 5-tuple',
  async (world) => {
    const { ticket } = await mobile(world);
    const { ticket: second } = await moved(world, ticket);
    const third = await TurnClient.of(world);
    expect((await show(third, ticket)).outcome).toBe('400');
    expect((await show(third, second)).outcome).toBe('success');
  },
);

onBoth(
  'RFC 8016 s3.2.2: a chain of moves leaves one 5-tuple announced and one in use',
  async (world) => {
    const host = await world.endpoint();
    const { client: old, relayed, ticket } = await mobile(world);
    await old.bind(0x4000, host.address);
    const chain = [{ client: old, ticket }];
    await inTurn(Array(5).keys(), async () => {
      chain.push(await moved(world, chain.at(-1)!.ticket));
    });
    const outcomes = await inTurn(chain, async ({ client }) => (await client.refresh()).outcome);
    expect(outcomes).toEqual(['success', '437', '437', '437', '437', 'success']);
    chain[3]!.client.sendChannel(0x4000, Buffer.from('forgotten'));
    host.send(Buffer.from('still here'), relayed);
    expect(await old.relayedToMe()).toEqual(['channel 0x4000 still here']);
    expect(await receivedBy(host)).toEqual([]);
    expect(world.server.stats()).toMatchObject({ allocations: 1, users: 1 });
  },
);

onBoth(
  'RFC 8016 s3.2.2: a 5-tuple that has an allocation takes no other: 437, and both live on',
  async (world) => {
    const { client: old, ticket } = await mobile(world);
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await show(client, ticket)).outcome).toBe('437');
    expect((await old.refresh()).outcome).toBe('success');
    expect((await client.refresh()).outcome).toBe('success');
  },
);

onBoth('RFC 8016 s3.2.2: an announced 5-tuple is in use for Allocate: 437', async (world) => {
  const { ticket } = await mobile(world);
  const { client } = await moved(world, ticket);
  expect((await client.request(ALLOCATE, UDP)).outcome).toBe('437');
});

onBoth(
  'RFC 8016 s3.2.1: a Refresh with a ticket and lifetime zero deletes the allocation',
  async (world) => {
    const { client: old, ticket } = await mobile(world);
    const client = await TurnClient.of(world);
    const response = await client.request(REFRESH, mobilityTicket(ticket), lifetime(0));
    expect([response.outcome, response.has(TICKET)]).toEqual(['success', false]);
    expect((await old.refresh()).outcome).toBe('437');
    expect((await show(client, ticket)).outcome).toBe('437');
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
  },
);

onBoth(
  'RFC 8016 s3.2.1: a Refresh that is refused for what else it asks moves nothing',
  async (world) => {
    const { ticket } = await mobile(world);
    const client = await TurnClient.of(world);
    const refused = await client.request(REFRESH, mobilityTicket(ticket), FAMILY_6);
    expect(refused.outcome).toBe('443');
    expect((await client.refresh()).outcome).toBe('437');
    expect((await show(client, ticket)).outcome).toBe('success');
  },
);

onBoth('RFC 8016 s3.2.2: a client may come by another listener and family', async (world) => {
  const host = await world.endpoint();
  const old = await TurnClient.of(world);
  const { response, relayed } = await old.allocate(MOBILITY, ADDITIONAL_6);
  await old.bind(0x4000, host.address);
  const { client } = await moved(world, ticketIn(response), { family: 6 });
  client.sendChannel(0x4000, Buffer.from('from afar'));
  expect(await receivedBy(host)).toEqual([`${relayed.toString()} from afar`]);
  host.send(Buffer.from('and back'), relayed);
  expect(await client.relayedToMe()).toEqual(['channel 0x4000 and back']);
});

onCore(
  'RFC 8016 s3.2.2: an allocation that is moving expires as it would, and leaves nothing behind',
  async (world) => {
    const { ticket } = await mobile(world);
    const { client, ticket: second } = await moved(world, ticket);
    world.advance(600_000);
    expect((await client.refresh()).outcome).toBe('437');
    expect((await show(await TurnClient.of(world), second)).outcome).toBe('437');
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
);

onCore(
  'RFC 8016 s3.2.2: a REST credential that has expired still moves the allocation it made',
  async (world) => {
    const { username, credential } = mintRestCredential('secret', 'ann', world.wallMs / 1000 + 60);
    const options = { username, password: credential };
    const { ticket } = await mobile(world, options);
    world.advance(60_000);
    const { client } = await moved(world, ticket, options);
    expect((await client.refresh()).outcome).toBe('success');
    expect((await (await TurnClient.of(world, options)).request(ALLOCATE, UDP)).outcome).toBe(
      '401 unsigned',
    );
  },
  { secrets: ['secret'] },
);

onBoth(
  'RFC 8016 s5: moving is no way around the quota, nor is the 5-tuple left behind',
  async (world) => {
    const { client: old, ticket } = await mobile(world);
    await old.bind(0x4000, address('127.0.0.1', 9));
    const { client } = await moved(world, ticket);
    client.sendChannel(0x4000, Buffer.from('x'));
    await world.settle();
    expect((await old.request(ALLOCATE, UDP, MOBILITY)).outcome).toBe('486');
    await client.refresh(0);
    expect((await old.request(ALLOCATE, UDP, MOBILITY)).outcome).toBe('success');
  },
  { quota: { perUser: 1, total: 10 } },
);
