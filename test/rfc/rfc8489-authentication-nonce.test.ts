// RFC 8489 s9.2, RFC 8656 s5: nonces on the server: bound to a client's address and port, good for a time,
// never twice.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { NonceMint } from '../../turn/nonce.ts';
import { ALLOCATE, TurnClient, UDP } from '../support/turn/client.ts';
import { onBoth, onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { message } from '../support/turn/message.ts';
import { address } from '../support/turn/world.ts';

const NONCE = 0x0015;
const HOUR_MS = 3_600_000;

/** The mint of a server of its own. */
const newMint = (): NonceMint =>
  new NonceMint(1, HOUR_MS, { nonceSecret: randomBytes(32), workers: 1, self: 0 });

onEveryTransport(
  'RFC 8489 s9.2.4: a nonce replayed from another port is refused 438',
  async (world) => {
    const client = await TurnClient.of(world);
    const thief = await TurnClient.of(world);
    const fresh = thief.nonce;
    thief.nonce = client.nonce;
    const refused = await thief.request(ALLOCATE, UDP);
    expect(refused.outcome).toBe('438 unsigned');
    thief.nonce = fresh;
    expect((await thief.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
);

onCore('RFC 8489 s9.2.4: a nonce replayed from another address is refused 438', async (world) => {
  const client = new TurnClient(world.endpointAt('198.51.100.1', 4000), world.listener4);
  const thief = new TurnClient(world.endpointAt('198.51.100.2', 4000), world.listener4);
  await client.challenge();
  await thief.challenge();
  thief.nonce = client.nonce;
  expect((await thief.request(ALLOCATE, UDP)).outcome).toBe('438 unsigned');
});

onEveryTransport('RFC 8489 s9.2.4: the nonce of a 438 is good at once', async (world) => {
  const client = await TurnClient.of(world);
  client.nonce = Buffer.from(client.nonce).fill('A', 20, 24);
  client.take(await client.request(ALLOCATE, UDP));
  expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
});

onCore(
  'RFC 8489 s9.2.4: a captured request replayed from another port changes nothing',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const captured = client.build(0x0004, [[0x000d, [0, 0, 0, 0]]]);
    const thief = await TurnClient.of(world);
    thief.endpoint.send(captured, thief.server);
    const response = await thief.response(captured);
    expect(response.outcome).toBe('438 unsigned');
    expect(world.server.stats().allocations).toBe(1);
  },
);

onCore(
  'RFC 8656 s5: a nonce is refused 438 once its hour is over, and not before',
  async (world) => {
    const client = await TurnClient.of(world);
    world.advance(HOUR_MS - 1000);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
    world.advance(1000);
    const stale = await client.refresh();
    expect(stale.outcome).toBe('438 unsigned');
  },
);

onCore('RFC 8656 s5: a client lives through the change of its nonce', async (world) => {
  const client = await TurnClient.of(world);
  await client.allocate();
  const outcomes = await inTurn(upTo(20), async () => {
    world.advance(500_000);
    const response = await client.refresh();
    if (response.code === 438) client.take(response);
    return response.code === 438 ? (await client.refresh()).outcome : response.outcome;
  });
  expect(new Set(outcomes)).toEqual(new Set(['success']));
});

onEveryTransport(
  'RFC 8489 s9.2.4: a nonce changed in any one byte is refused 438',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'legacy' });
    const original = Buffer.from(client.nonce);
    const outcomes = await inTurn(upTo(original.length), async (i) => {
      const changed = Buffer.from(original);
      changed[i] = changed[i] === 0x41 ? 0x42 : 0x41;
      client.nonce = changed;
      return (await client.request(ALLOCATE, UDP)).outcome;
    });
    expect(outcomes).toEqual(Array(original.length).fill('438 unsigned'));
  },
);

onBoth(
  'RFC 8489 s9.2.4: a nonce that is cut, lengthened, empty, huge or no base64 is refused 438',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'legacy' });
    const own = Buffer.from(client.nonce);
    const nonces = [
      Buffer.alloc(0),
      own.subarray(0, 13),
      own.subarray(0, own.length - 1),
      Buffer.concat([own, Buffer.from('A')]),
      Buffer.concat([own, own]),
      Buffer.alloc(763, 'n'),
      Buffer.alloc(60_000, 'n'),
      Buffer.concat([own.subarray(0, 13), Buffer.alloc(20, 0xff)]),
      Buffer.concat([own.subarray(0, 13), Buffer.alloc(20, '=')]),
    ];
    const outcomes = await inTurn(nonces, async (nonce) => {
      client.nonce = nonce;
      return (await client.request(ALLOCATE, UDP)).outcome;
    });
    expect(outcomes).toEqual(Array(nonces.length).fill('438 unsigned'));
  },
);

onCore(
  'RFC 8489 s9.2.4: a nonce of another server, or of the server before its restart, is refused 438',
  async (world) => {
    const client = new TurnClient(world.endpointAt('127.0.0.1', 4000), world.listener4);
    await client.challenge();
    const mint = newMint();
    client.nonce = Buffer.from(mint.mint(address('127.0.0.1', 4000), world.engine.now));
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('438 unsigned');
  },
);

it('RFC 8489 s9.2.4: no two nonces are alike, whoever asks and however fast', () => {
  const mint = newMint();
  const nonces = new Set<string>();
  const client = new TransportAddress();
  for (let i = 0; i < 100_000; i++) {
    client.setV4(0xc6336400 + (i & 3), 1024 + (i & 0xfff));
    nonces.add(mint.mint(client, 1_000_000 + (i >> 10)));
  }
  expect(nonces.size).toBe(100_000);
  expect(Math.max(...[...nonces].slice(0, 1000).map(({ length }) => length))).toBeLessThan(128);
});

it('RFC 8489 s9.2.4: what is unpredictable in a nonce differs for each, address by address', () => {
  const mint = newMint();
  const tails = [address('192.0.2.1', 1), address('192.0.2.1', 2), address('2001:db8::1', 1)].map(
    (client) => mint.mint(client, 1000).slice(-10),
  );
  expect(new Set(tails).size).toBe(3);
  const again = newMint().mint(address('192.0.2.1', 1), 1000).slice(-10);
  expect(tails).not.toContain(again);
});

it('RFC 8489 s9.2.4: IPv4 and IPv6 clients with the same leading bytes do not share nonces', () => {
  const mint = newMint();
  const six = new TransportAddress().setV6(0xc0000201, 0, 0, 0, 5000);
  const four = new TransportAddress().setV4(0xc0000201, 5000);
  const nonce = Buffer.from(mint.mint(six, 0));
  expect(mint.check(nonce, six, 0)).toBe(true);
  expect(mint.check(nonce, four, 0)).toBe(false);
  expect(mint.check(nonce, new TransportAddress().setV6(0xc0000201, 0, 0, 1, 5000), 0)).toBe(false);
});

onEveryTransport(
  'RFC 8489 s9.2.4: asking for nonces leaves nothing behind in the server',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const nonces = await inTurn(upTo(200), async () => {
      const response = await client.exchange(message(ALLOCATE, randomBytes(12)));
      return response.text(NONCE);
    });
    expect(new Set(nonces).size).toBe(200);
    expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 0, users: 0 });
    expect(world.counters.sockets).toBe(2);
  },
);
