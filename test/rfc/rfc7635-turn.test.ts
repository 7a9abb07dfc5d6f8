// RFC 7635 s9 on the server: allocations that live by a token, from their Allocate to the Refresh with the next one,
// and long-term credentials beside them.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { mintRestCredential } from '../../turn/index.ts';
import {
  ALLOCATE,
  EVEN_PORT_RESERVE,
  lifetime,
  MOBILITY,
  receivedBy,
  REFRESH,
  reservationToken,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { show, ticketIn } from '../support/turn/mobile.ts';
import { ACCESS_TOKEN, TokenClient, WITH_TOKENS } from '../support/turn/token-client.ts';
import { address, OTHER_PASSWORD, OTHER_USER, PASSWORD, USER } from '../support/turn/world.ts';

const LIFETIME = 0x000d;
const RESERVATION_TOKEN = 0x0022;
const REFUSED = '401 unsigned';

for (const [name, tokenLifetime, age, asked, granted] of [
  ['the default, where the token lives longer', 3600, 0, undefined, 600],
  ['what was asked for, where the token lives longer', 3600, 0, 1800, 1800],
  ['the lifetime of the token, without Delta', 300, 0, undefined, 300],
  ['the lifetime of the token, whatever is asked for', 300, 0, 3600, 300],
  ['what is left of the token, and Delta', 300, 200, undefined, 105],
  ['what is left of the token, and Delta, to its last second', 300, 304, 3600, 1],
  ['the lifetime of a token from the future', 300, -2, undefined, 300],
] as const) {
  onCore(
    `RFC 7635 s9: LIFETIME is ${name}`,
    async (world) => {
      const client = await TokenClient.with(world, { lifetime: tokenLifetime, age });
      const attributes = asked === undefined ? [] : [lifetime(asked)];
      const response = await client.tryAllocate(...attributes);
      expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', granted]);
      const refreshed = await client.refresh(asked);
      expect([refreshed.outcome, refreshed.u32(LIFETIME)]).toEqual(['success', granted]);
    },
    WITH_TOKENS,
  );
}

onBoth(
  'RFC 7635 s9: an allocation moves (RFC 8016) with the token that it lives by, and with no other',
  async (world) => {
    const macKey = randomBytes(20);
    const client = await TokenClient.with(world, { macKey });
    const { response } = await client.allocate(MOBILITY);
    const ticket = ticketIn(response);
    for (const other of [{}, { kid: 'union' }, { macKey: randomBytes(32) }]) {
      expect((await show(await TokenClient.with(world, other), ticket)).outcome).toBe('441');
    }
    expect((await show(await TurnClient.of(world), ticket)).outcome).toBe('441');
    const there = await TokenClient.with(world, { macKey });
    expect((await show(there, ticket)).outcome).toBe('success');
    there.present({});
    expect((await there.refresh()).outcome).toBe('success');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s9: LIFETIME is at most that of the token on every engine',
  async (world) => {
    const client = await TokenClient.with(world, { lifetime: 77 });
    const answers = [await client.tryAllocate(lifetime(3600)), await client.refresh(3600)];
    expect(answers.map(({ outcome }) => outcome)).toEqual(['success', 'success']);
    expect(answers.map((answer) => answer.u32(LIFETIME))).toEqual([77, 77]);
  },
  WITH_TOKENS,
);

onCore(
  'RFC 7635 s9: an allocation ends with its token, and no Refresh with that token saves it',
  async (world) => {
    const client = await TokenClient.with(world, { lifetime: 100 });
    await client.allocate();
    client.token = new Uint8Array(0);
    world.advance(60_000);
    const response = await client.refresh(3600);
    expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', 40]);
    world.advance(39_999);
    expect((await client.permit(address('127.0.0.1', 9))).outcome).toBe('success');
    world.advance(1);
    expect((await client.permit(address('127.0.0.1', 9))).outcome).toBe(REFUSED);
    expect((await client.refresh(3600)).outcome).toBe(REFUSED);
    expect(world.events.deleted.map(({ reason }) => reason)).toEqual(['expired']);
  },
  WITH_TOKENS,
);

onCore(
  'RFC 7635 s9: the time that the relay takes to open is not added to the token',
  async (world) => {
    const client = await TokenClient.with(world, { lifetime: 100 });
    world.engine.holdOpens = true;
    const request = client.build(ALLOCATE, [UDP]);
    client.endpoint.send(request, client.server);
    await world.settle();
    world.advance(30_000);
    world.engine.holdOpens = false;
    const response = client.check(await client.response(request));
    expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', 70]);
    world.advance(70_000);
    expect((await client.permit(address('127.0.0.1', 9))).outcome).toBe(REFUSED);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s9: a token is good for several allocations',
  async (world) => {
    const [first, second] = [await TokenClient.with(world), await TokenClient.with(world)];
    await first.allocate();
    second.token = first.token;
    second.signWith(first.key);
    await second.allocate();
    expect(world.server.stats().allocations).toBe(2);
  },
  WITH_TOKENS,
);

for (const bytes of [20, 32]) {
  onBoth(
    `RFC 7635 s9: other requests go without the token, signed with its key of ${bytes} bytes`,
    async (world) => {
      const client = await TokenClient.with(world, { macKey: randomBytes(bytes) });
      const { relayed } = await client.allocate();
      const peer = await world.endpoint();
      expect((await client.permit(peer.address)).outcome).toBe('success');
      expect((await client.bind(0x4000, peer.address)).outcome).toBe('success');
      client.sendChannel(0x4000, Buffer.from('hello'));
      await world.settle();
      expect(await receivedBy(peer)).toEqual([`${relayed.toString()} hello`]);
      client.signWith(randomBytes(bytes));
      expect((await client.permit(peer.address)).outcome).toBe(REFUSED);
    },
    WITH_TOKENS,
  );
}

onBoth(
  'RFC 7635 s9: a Refresh with a new token, of another kid too, keeps the allocation',
  async (world) => {
    const client = await TokenClient.with(world, { lifetime: 300 });
    const { relayed } = await client.allocate();
    const old = client.key;
    client.present({ kid: 'union', macKey: randomBytes(32), lifetime: 3600 });
    const response = await client.refresh(1200);
    expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', 1200]);
    const peer = await world.endpoint();
    expect((await client.permit(peer.address)).outcome).toBe('success');
    client.sendTo(peer.address, Buffer.from('still here'));
    await world.settle();
    expect(await receivedBy(peer)).toEqual([`${relayed.toString()} still here`]);
    // The old key is over with that.
    client.present({ kid: 'north', macKey: old });
    expect((await client.permit(peer.address)).outcome).toBe(REFUSED);
    expect(world.server.stats().allocations).toBe(1);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s9: a Refresh with a token that is not good changes nothing',
  async (world) => {
    const client = await TokenClient.with(world);
    await client.allocate();
    const good = { macKey: client.key };
    client.present({ key: randomBytes(32) });
    expect((await client.refresh(0)).outcome).toBe(REFUSED);
    client.present({ age: 100_000 });
    expect((await client.refresh(0)).outcome).toBe(REFUSED);
    client.present(good);
    expect((await client.permit(address('127.0.0.1', 9))).outcome).toBe('success');
    expect((await client.refresh(0)).outcome).toBe('success');
    expect(world.server.stats().allocations).toBe(0);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s9: a token in other requests is checked, but changes nothing of the allocation',
  async (world) => {
    const client = await TokenClient.with(world);
    await client.allocate();
    const { key } = client;
    const peer = address('127.0.0.1', 9);
    client.present({});
    const request = (token: Uint8Array) =>
      client.request(8, [0x0012, xorPeer9], [ACCESS_TOKEN, token]);
    expect((await request(client.token)).outcome).toBe('success');
    expect((await request(client.token.subarray(1))).outcome).toBe(REFUSED);
    expect((await client.permit(peer)).outcome).toBe(REFUSED);
    client.signWith(key);
    expect((await client.permit(peer)).outcome).toBe('success');
  },
  WITH_TOKENS,
);

/** 127.0.0.1:9. */
const xorPeer9 = [0, 1, 0x21, 0x1b, 0x5e, 0x12, 0xa4, 0x43];

onBoth(
  'RFC 7635 s9: Allocate where there is an allocation is 437, a retransmission gets its answer',
  async (world) => {
    const client = await TokenClient.with(world);
    const request = client.build(ALLOCATE, [UDP]);
    const [first, second] = [await client.exchange(request), await client.exchange(request)];
    expect(second.addresses(0x0016)).toEqual(first.addresses(0x0016));
    expect(await client.outcome()).toBe('437');
    client.present({ kid: 'union' });
    expect(await client.outcome()).toBe('437');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s9: long-term credentials go on working beside tokens',
  async (world) => {
    const { username, credential } = mintRestCredential('a shared secret', 'ann', 4_000_000_000);
    const users = [
      { username: USER, password: PASSWORD },
      { username: OTHER_USER, password: OTHER_PASSWORD, flavour: 'legacy' },
      { username, password: credential },
    ] as const;
    const outcomes = await inTurn(users, async (options) => {
      const client = await TurnClient.of(world, options);
      return (await client.request(ALLOCATE, UDP)).outcome;
    });
    expect(outcomes).toEqual(['success', 'success', 'success']);
    const wrong = await TurnClient.of(world, { password: 'wrong' });
    expect((await wrong.request(ALLOCATE, UDP)).outcome).toBe(REFUSED);
  },
  { ...WITH_TOKENS, secrets: ['a shared secret'] },
);

onBoth(
  'RFC 7635 s9: a token and a password cannot change what the other made: 441, of one name too',
  async (world) => {
    const peer = address('127.0.0.1', 9);
    const token = await TokenClient.with(world);
    await token.allocate();
    const user = new TurnClient(token.endpoint, token.server, { username: 'north' });
    await user.challenge();
    expect((await user.permit(peer)).outcome).toBe('441');
    expect((await user.refresh(0)).outcome).toBe('441');
    expect((await user.request(ALLOCATE, UDP)).outcome).toBe('437');

    const other = await TokenClient.with(world);
    const maker = new TurnClient(other.endpoint, other.server, { username: 'north' });
    await maker.challenge();
    await maker.allocate();
    expect((await other.refresh(0)).outcome).toBe('441');
    expect((await maker.permit(peer)).outcome).toBe('success');
    expect((await token.permit(peer)).outcome).toBe('success');
  },
  { ...WITH_TOKENS, users: { north: PASSWORD } },
);

onBoth(
  'RFC 7635 s9: a token names no user, so the quota is one for each kid, and none of a user',
  async (world) => {
    const allocate = async (kid: string): Promise<string> =>
      (await TokenClient.with(world, { kid })).outcome();
    expect(await inTurn(['north', 'north', 'north'], allocate)).toEqual([
      'success',
      'success',
      '486',
    ]);
    expect(await allocate('union')).toBe('success');
    const user = await TurnClient.of(world, { username: 'north' });
    expect((await user.request(ALLOCATE, UDP)).outcome).toBe('success');
    expect(world.server.stats().users).toBe(3);
  },
  { ...WITH_TOKENS, users: { north: PASSWORD }, quota: { perUser: 2, total: 100 } },
);

onBoth(
  'RFC 7635 s9: what was refreshed under another kid counts on for the first, and is given back',
  async (world) => {
    const client = await TokenClient.with(world);
    await client.allocate();
    client.present({ kid: 'union' });
    expect((await client.refresh()).outcome).toBe('success');
    expect(await (await TokenClient.with(world)).outcome()).toBe('486');
    expect(await (await TokenClient.with(world, { kid: 'union' })).outcome()).toBe('success');
    expect((await client.refresh(0)).outcome).toBe('success');
    expect(await (await TokenClient.with(world)).outcome()).toBe('success');
  },
  { ...WITH_TOKENS, quota: { perUser: 1, total: 100 } },
);

onBoth(
  'RFC 7635 s9: a reserved port is for tokens of the same kid',
  async (world) => {
    const reserve = async (kid: string, user?: string) => {
      const maker = await TokenClient.with(world);
      const { response } = await maker.allocate(EVEN_PORT_RESERVE);
      const wish = reservationToken(response.value(RESERVATION_TOKEN));
      const taker =
        user === undefined
          ? await TokenClient.with(world, { kid })
          : await TurnClient.of(world, { username: user });
      return (await taker.request(ALLOCATE, UDP, wish)).outcome;
    };
    expect(await reserve('north')).toBe('success');
    expect(await reserve('union')).toBe('508');
    expect(await reserve('', 'north')).toBe('508');
  },
  { ...WITH_TOKENS, users: { north: PASSWORD } },
);

onCore(
  'RFC 7635 s9: the log knows an allocation by the kid of its first token',
  async (world) => {
    const client = await TokenClient.with(world);
    await client.allocate();
    client.present({ kid: 'union' });
    await client.request(REFRESH, lifetime(0));
    expect(world.events.created.map(({ user }) => user)).toEqual(['north']);
    expect(world.events.deleted.map(({ user }) => user)).toEqual(['north']);
  },
  WITH_TOKENS,
);
