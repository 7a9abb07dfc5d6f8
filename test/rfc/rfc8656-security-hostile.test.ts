// RFC 8656 s21 and RFC 8489 s16: what strangers and clients that mean harm send, on every engine. Nothing of it is
// more than counted: small answers, no log lines, no message read where none is, no exhaustion.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { createLogger } from '../../shared/log.ts';
import { settingsSchema } from '../../shared/config/schema.ts';
import { mintRestCredential } from '../../turn/index.ts';
import { commonsOptions } from '../../server/media/turn-options.ts';
import {
  ALLOCATE,
  BINDING,
  CHANNEL_BIND,
  channelNumber,
  CREATE_PERMISSION,
  EVEN_PORT,
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
  channelData,
  concat,
  message,
  sign,
  text,
  withLength,
} from '../support/turn/message.ts';
import { ReceivedMessage } from '../support/turn/received.ts';
import { address, allDrops, drops } from '../support/turn/world.ts';

const USERNAME = 0x0006;
const ERROR_CODE = 0x0009;
const REALM = 0x0014;
const NONCE = 0x0015;
const PASSWORD_ALGORITHMS = 0x8002;
const UNKNOWN_ATTRIBUTES = 0x000a;
const XOR_MAPPED = 0x0020;

const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

// ---- Reflection (RFC 8489 s16.1, s16.2) ----

const IP_AND_UDP = 28;

const request = (method: number, ...attributes: AttributeSource[]): Uint8Array =>
  message(method, randomBytes(12), attributes);

/** Requests of strangers, what the answer may consist of, and how much longer than the request it may be on the wire. */
function strangers(): [name: string, request: Uint8Array, attributes: number[], ratio: number][] {
  const challenge = [ERROR_CODE, REALM, NONCE, PASSWORD_ALGORITHMS];
  const unsigned = request(ALLOCATE, text(USERNAME, 'user'), text(REALM, 'example.org'));
  return [
    ['Binding', request(BINDING), [XOR_MAPPED], 1.4],
    [
      'Binding with an unknown attribute',
      request(BINDING, [0x7abc, []]),
      [ERROR_CODE, UNKNOWN_ATTRIBUTES],
      1.4,
    ],
    ['Allocate', request(ALLOCATE), challenge, 2.7],
    ['Refresh', request(REFRESH), challenge, 2.7],
    ['CreatePermission', request(CREATE_PERMISSION), challenge, 2.7],
    ['ChannelBind', request(CHANNEL_BIND), challenge, 2.7],
    ['an unsigned request with a name', unsigned, challenge, 2],
    ['integrity without a nonce', sign(unsigned, 'sha1', randomBytes(16)), [ERROR_CODE], 1],
  ];
}

onBoth(
  'RFC 8489 s16.1: what a stranger is answered is as small as can be: no SOFTWARE, no reason phrase',
  async (world) => {
    await inTurn(strangers(), async ([name, asked, attributes, most]) => {
      const client = await TurnClient.unchallenged(world);
      const response = await client.exchange(asked);
      expect({ name, types: response.types }).toEqual({ name, types: attributes });
      if (response.has(ERROR_CODE)) expect(response.value(ERROR_CODE)).toHaveLength(4);
      const ratio = (response.bytes.length + IP_AND_UDP) / (asked.length + IP_AND_UDP);
      expect({ name, small: ratio <= most, ratio }).toMatchObject({ small: true });
    });
  },
);

onCore(
  'RFC 8489 s16.1: the cap on answers to strangers is on by default, for a /32 and a /64',
  async (world) => {
    for (const hosts of [
      ['198.51.100.1', '198.51.100.1'],
      ['2a00:1:2:3::1', '2a00:1:2:3:ffff::2'],
    ]) {
      const flooders = hosts.map((host) => world.endpointAt(host, 5000));
      const listener = flooders[0]!.address.family === 4 ? world.listener4 : world.listener6;
      for (const i of upTo(100)) {
        flooders[i & 1]!.send(message(ALLOCATE, randomBytes(12)), listener);
      }
      const boxes = await inTurn([...new Set(flooders)], (flooder) => flooder.rest());
      expect(boxes.flat()).toHaveLength(10);
    }
  },
  { unauthorizedPerSecond: commonsOptions(settingsSchema.parse({}).turn, 1).unauthorizedPerSecond },
);

// ---- Logs ----

/** Who has the secret chooses the name: RFC 8489 s14.3 has it as it came. */
const HOSTILE_NAMES = [
  '%s%n%x%d',
  `'; DROP TABLE users; --`,
  '"\\"\\u0000\\x1b[2J{}',
  '${jndi:ldap://127.0.0.1/a}',
  '\u{1f600}\u{10ffff}',
  'x'.repeat(480),
  'a\r\nb',
  'a\0b',
  '\u001b[2J',
  'a\tb',
  '\u007f',
];
const SECRET = 'a shared secret of thirty-two bytes';

onBoth(
  'RFC 8489 s14.3: hostile user names get in as names, and are one line of the log each',
  async (world) => {
    const expiry = Math.floor(world.options.clock.wall() / 1000) + 3600;
    const outcomes = await inTurn(HOSTILE_NAMES, async (name) => {
      const { username, credential } = mintRestCredential(SECRET, name, expiry);
      const client = await TurnClient.of(world, { username, password: credential });
      return (await client.request(ALLOCATE, UDP)).outcome;
    });
    expect(outcomes).toEqual(HOSTILE_NAMES.map(() => 'success'));
    for (const format of ['json', 'pretty'] as const) {
      const lines: string[] = [];
      const log = createLogger({ level: 'info', format, write: (line) => lines.push(line) });
      for (const event of world.events.created) log.info('allocation.created', { ...event });
      expect(lines).toHaveLength(HOSTILE_NAMES.length);
      // eslint-disable-next-line no-control-regex
      expect(lines.filter((line) => /[\u0000-\u001f\u007f]/.test(line.slice(0, -1)))).toEqual([]);
    }
  },
  { secrets: [SECRET] },
);

onBoth('RFC 8489 s6.3: a flood of bad packets is counted and makes no log line', async (world) => {
  const stranger = await world.endpoint();
  const forged = sign(strangers()[6]![1], 'sha1', randomBytes(16));
  const bad: [Uint8Array, string][] = [
    [new Uint8Array(0), 'not-stun'],
    [bytes('\x16\x03\x01 hello'), 'not-stun'],
    [message(0x0101, randomBytes(12)), 'unexpected'],
    [message(0x0fff, randomBytes(12)), 'unexpected'],
    [channelData(0x4000, bytes('x')), 'no-allocation'],
    [
      message(0x0016, randomBytes(12), [peer(address('127.0.0.1', 9)), [0x0013, [1]]]),
      'no-allocation',
    ],
  ];
  for (const _ of upTo(100)) {
    for (const [datagram] of bad) stranger.send(datagram, world.listener4);
    stranger.send(forged, world.listener4);
  }
  await world.settle();
  const expected: Record<string, number> = {};
  for (const [, reason] of bad) expected[reason] = (expected[reason] ?? 0) + 100;
  expect(await allDrops(world)).toEqual(expected);
  // The observer is where the core's log lines come from; a fault would fail the world's close.
  expect([world.events.created, world.events.deleted]).toEqual([[], []]);
});

// ---- Framing ----

const HTTP = [
  'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n',
  'GET /.well-known/acme-challenge/x HTTP/1.0\r\n\r\n',
  'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
  'HEAD / HTTP/1.1\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];

onBoth('RFC 7983 s7: HTTP at the TURN port is neither answered nor read', async (world) => {
  const client = await TurnClient.of(world);
  await client.allocate();
  for (const line of HTTP) client.endpoint.send(bytes(line), world.listener4);
  expect(await client.endpoint.rest()).toEqual([]);
  const dropped = Object.values(await allDrops(world)).reduce((sum, count) => sum + count, 0);
  expect(dropped).toBe(HTTP.length);
});

onBoth(
  'RFC 8489 s6.3: a length that is not that of the datagram hides no message inside',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const inner = client.build(REFRESH, [lifetime(0)]);
    const lengths = [0, 4, 0x7ffc, 0xffec, 0xfff0, 0xfff4, 0xfff8, 0xfffc, 0xffff];
    for (const length of lengths) {
      const outer = message(BINDING, randomBytes(12), [[0x8099, inner]]);
      outer.set([length >> 8, length & 0xff], 2);
      client.endpoint.send(outer, world.listener4);
    }
    // The same of an attribute: one that may be ignored, in a message whose own length is right.
    const past = lengths.filter((length) => length > inner.length);
    for (const length of past) {
      const attribute = Uint8Array.of(0x80, 0x99, length >> 8, length & 0xff);
      const outer = concat(message(BINDING, randomBytes(12)), attribute, inner);
      client.endpoint.send(withLength(outer), world.listener4);
    }
    expect(await client.endpoint.rest()).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'not-stun': lengths.length + past.length });
    expect(world.server.stats().allocations).toBe(1);
  },
);

onBoth(
  'RFC 8656 s12.6: a length of ChannelData that lies hides no message inside',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    await client.allocate();
    expect((await client.bind(0x4000, host.address)).outcome).toBe('success');
    const inner = client.build(REFRESH, [lifetime(0)]);
    for (const claimed of [0xfffc, 0xfffd, 0xfffe, 0xffff, inner.length + 1]) {
      client.sendChannel(0x4000, inner, claimed);
    }
    expect(await drops(world, 'malformed')).toBe(5);
    client.sendChannel(0x4000, inner, 0);
    client.sendChannel(0x4000, inner, 2);
    const got = (await receivedBy(host)).map((line) => line.slice(line.indexOf(' ') + 1));
    expect(got).toEqual(['', '\0\x04']);
    expect(await client.endpoint.rest()).toEqual([]);
    expect(world.server.stats().allocations).toBe(1);
  },
);

/** Every attribute that a request may have; a response has others. */
const REQUEST_ATTRIBUTES = [
  0x0001, 0x0003, 0x0006, 0x0008, 0x0009, 0x000a, 0x000c, 0x000d, 0x0012, 0x0013, 0x0014, 0x0015,
  0x0016, 0x0017, 0x0018, 0x0019, 0x001a, 0x001b, 0x001c, 0x001d, 0x001e, 0x0020, 0x0022, 0x0026,
  0x0027, 0x8000, 0x8001, 0x8002, 0x8004, 0x8022, 0x8028,
];

onCore(
  'RFC 8489 s14: any length of any attribute in any request is answered or dropped, and nothing is read past it',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const methods = [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND, BINDING];
    const outcomes = new Set<string>();
    for (const type of REQUEST_ATTRIBUTES) {
      for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 19, 20, 21, 32, 33, 509, 1500]) {
        // Zeros would be harmless numbers.
        const value = new Uint8Array(length).fill(0xff);
        for (const method of methods) {
          client.endpoint.send(client.build(method, [[type, value]]), client.server);
          client.endpoint.send(append(client.build(method, []), [type, value]), client.server);
        }
        client.indicate([type, value]);
      }
      world.engine.run();
      for (const { bytes: answer } of world.engine.inbox(client.endpoint.address).splice(0)) {
        const response = client.check(new ReceivedMessage(answer));
        outcomes.add(`${response.code ?? response.messageClass}`);
      }
    }
    expect([...outcomes].toSorted()).toEqual(['400', '401', '420', '437', '443', 'success']);
    expect(world.server.stats().allocations).toBe(1);
  },
);

// ---- Exhaustion ----

for (const [what, attributes] of [
  ['', []],
  [', EVEN-PORT with R = 0', [EVEN_PORT]],
  [', EVEN-PORT with R = 1', [EVEN_PORT_RESERVE]],
] as const) {
  onBoth(
    `RFC 8656 s7.2 step 10: allocating and deleting a hundred times${what} leaves the quota as it was`,
    async (world) => {
      const client = await TurnClient.of(world);
      await inTurn(upTo(100), async () => {
        const response = await client.request(ALLOCATE, UDP, ...attributes);
        expect(response.outcome).toBe('success');
        expect((await client.refresh(0)).outcome).toBe('success');
        // A reservation outlives its allocation; somebody takes it up.
        if (!response.has(0x0022)) return;
        const token: AttributeSource = [0x0022, response.value(0x0022)];
        expect((await client.request(ALLOCATE, UDP, token)).outcome).toBe('success');
        expect((await client.refresh(0)).outcome).toBe('success');
      });
      expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 0, users: 0 });
    },
    { quota: { perUser: 2, total: 2 } },
  );
}

onBoth(
  'RFC 8656 s7.2 step 10: a client that comes back from another port does not escape its quota',
  async (world) => {
    await (await TurnClient.of(world)).allocate();
    const again = await TurnClient.of(world);
    expect((await again.request(ALLOCATE, UDP)).outcome).toBe('486');
    expect((await again.request(ALLOCATE, UDP, EVEN_PORT_RESERVE)).outcome).toBe('486');
    expect((await again.bind(0x4000, address('127.0.0.1', 9))).outcome).toBe('437');
  },
  { quota: { perUser: 1, total: 10 } },
);

onBoth(
  'RFC 8656 s9: 70,000 peers in many requests end at the bound, and the client goes on',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const perRequest = 1000;
    const outcomes = await inTurn(upTo(70), async (i) => {
      const peers = upTo(perRequest).map((n) => peer(address(`127.${i}.${n >> 8}.${n & 0xff}`)));
      return (await client.request(CREATE_PERMISSION, ...peers)).outcome;
    });
    expect(outcomes).toEqual(['success', ...Array<string>(69).fill('508')]);
    const host = await world.endpoint();
    expect(
      (
        await client.request(
          CHANNEL_BIND,
          channelNumber(0x4000),
          peer(address('127.0.0.1', host.address.port)),
        )
      ).outcome,
    ).toBe('success');
    client.sendChannel(0x4000, bytes('still'));
    expect(await receivedBy(host)).toHaveLength(1);
  },
);
