// RFC 8489 s9.2.2 to s9.2.4 on the server: whose credentials are good: static users, USERHASH, REST
// credentials that expire, names of every kind; and that a refusal does not tell which part was wrong.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { createHash, createHmac } from 'node:crypto';
import { expect } from 'vitest';
import { mintRestCredential } from '../../turn/index.ts';
import {
  ALLOCATE,
  type Flavour,
  reservationToken,
  EVEN_PORT_RESERVE,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { WALL_START_MS } from '../support/turn/core-world.ts';
import { onBoth, onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import type { AttributeSource } from '../support/turn/message.ts';
import {
  address,
  OTHER_PASSWORD,
  OTHER_USER,
  PASSWORD,
  REALM,
  USER,
  type World,
} from '../support/turn/world.ts';

const USERNAME = 0x0006;
const USERHASH = 0x001e;
const SECRET = 'a shared secret';
const START_S = WALL_START_MS / 1000;

/** The password of a REST user name (draft-uberti-behave-turn-rest-00). */
const rest = (username: string): string =>
  createHmac('sha1', SECRET).update(username).digest('base64');

async function outcomeFor(world: World, username: string, password: string, flavour?: Flavour) {
  const options = { username, password, ...(flavour === undefined ? {} : { flavour }) };
  const client = await TurnClient.of(world, options);
  return (await client.request(ALLOCATE, UDP)).outcome;
}

onEveryTransport(
  'RFC 8489 s9.2.4: an unknown user and a wrong password cannot be told apart',
  async (world) => {
    const answers = await inTurn(
      [
        [USER, 'wrong'],
        ['nobody', PASSWORD],
        [`${START_S + 999_999}:x`, PASSWORD],
        ['1:expired', PASSWORD],
        ['', PASSWORD],
      ] as const,
      async ([username, password]) => {
        const client = await TurnClient.of(world, { username, password });
        const response = await client.request(ALLOCATE, UDP);
        return `${response.outcome} ${response.bytes.length} ${response.types.join(',')}`;
      },
    );
    expect(answers[0]).toMatch(/^401 unsigned/);
    expect(new Set(answers).size).toBe(1);
  },
);

for (const flavour of ['legacy', 'md5', 'sha256'] as const) {
  onEveryTransport(`RFC 8489 s9.2.2: a static user gets in with ${flavour} keys`, async (world) => {
    expect(await outcomeFor(world, USER, PASSWORD, flavour)).toBe('success');
    expect(await outcomeFor(world, OTHER_USER, OTHER_PASSWORD, flavour)).toBe('success');
    expect(await outcomeFor(world, USER, OTHER_PASSWORD, flavour)).toBe('401 unsigned');
    expect(await outcomeFor(world, USER.toUpperCase(), PASSWORD, flavour)).toBe('401 unsigned');
  });
}

const NAMES: Record<string, string> = {
  'a format string': '%s%n%x',
  quotes: `o'"neill"`,
  'CR LF': 'a\r\nb: c',
  NUL: 'a\0b',
  'an escape': '\x1b[2J',
  'a space': 'a b',
  'a slash': '../../etc/passwd',
  'a key of objects': '__proto__',
  'another key of objects': 'constructor',
  '508 bytes': 'n'.repeat(508),
  'a colon': 'a:b',
};
for (const [what, username] of Object.entries(NAMES)) {
  onEveryTransport(
    `RFC 8489 s14.3: an unknown user name with ${what} is refused 401 like any other`,
    async (world) => {
      expect(await outcomeFor(world, username, PASSWORD)).toBe('401 unsigned');
    },
  );
}

onBoth(
  'RFC 8489 s14.3: a user name of 508 bytes is taken, one of 509 refused 401',
  async (world) => {
    expect(await outcomeFor(world, 'n'.repeat(508), 'p')).toBe('success');
    expect(await outcomeFor(world, 'm'.repeat(509), 'p')).toBe('401 unsigned');
    expect(await outcomeFor(world, 'm'.repeat(20_000), 'p')).toBe('401 unsigned');
  },
  { users: { ['n'.repeat(508)]: 'p', ['m'.repeat(509)]: 'p' } },
);

onEveryTransport(
  'RFC 8489 s14.3: user names that look like markup, keys of objects or UTF-8 are names',
  async (world) => {
    const outcomes = await inTurn(Object.keys(world.options.users), (name) =>
      outcomeFor(world, name, 'p'),
    );
    expect(outcomes).toEqual(Array(5).fill('success'));
  },
  {
    users: Object.fromEntries(
      ['%s', `o'neill`, 'constructor', 'häns 日本', 'a:b:c'].map((name) => [name, 'p']),
    ),
  },
);

onEveryTransport('RFC 8489 s14.3: a user name that is not UTF-8 is refused 401', async (world) => {
  const client = await TurnClient.of(world);
  const credentials: AttributeSource[] = client
    .credentials()
    .map((attribute) =>
      typeof attribute !== 'function' && attribute[0] === USERNAME
        ? [USERNAME, [0xc3, 0x28, 0xff]]
        : attribute,
    );
  client.credentials = () => credentials;
  expect((await client.request(ALLOCATE, UDP)).outcome).toBe('401 unsigned');
});

function asUserHash(client: TurnClient, value?: Uint8Array): void {
  const hash = createHash('sha256').update(`${client.username}:${REALM}`).digest();
  const credentials = client
    .credentials()
    .map((attribute): AttributeSource =>
      typeof attribute !== 'function' && attribute[0] === USERNAME
        ? [USERHASH, value ?? hash]
        : attribute,
    );
  client.credentials = () => credentials;
}

const cookieBits = (client: TurnClient): Buffer =>
  Buffer.from(Buffer.from(client.nonce).toString('latin1', 9, 13), 'base64');

onEveryTransport(
  'RFC 8489 s9.2.4: USERHASH stands for USERNAME, and the cookie says that it may',
  async (world) => {
    const client = await TurnClient.of(world);
    expect(cookieBits(client)[0]! & 0x40).toBe(0x40);
    asUserHash(client);
    const { response } = await client.allocate();
    expect([response.outcome, response.has(USERHASH)]).toEqual(['success', false]);
    expect(world.events.created[0]?.user).toBe(USER);
    expect((await client.refresh()).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: an unknown, short or long USERHASH is refused 401',
  async (world) => {
    const values = [Buffer.alloc(32, 1), Buffer.alloc(31), Buffer.alloc(33), Buffer.alloc(0)];
    const outcomes = await inTurn(values, async (value) => {
      const client = await TurnClient.of(world);
      asUserHash(client, value);
      return (await client.request(ALLOCATE, UDP)).outcome;
    });
    expect(outcomes).toEqual(Array(4).fill('401 unsigned'));
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: with REST secrets username anonymity is not announced',
  async (world) => {
    const client = await TurnClient.of(world);
    expect(cookieBits(client)[0]! & 0xc0).toBe(0x80);
    expect(cookieBits(client)[2]! & 0x03).toBe(0x01);
  },
  { secrets: [SECRET] },
);

onCore(
  'RFC 8489 s9.2.4: a REST credential is good until its time and refused 401 from then on',
  async (world) => {
    const { username, credential } = mintRestCredential(SECRET, 'anna', START_S + 60);
    expect(username).toBe(`${START_S + 60}:anna`);
    world.advance(59_999);
    expect(await outcomeFor(world, username, credential)).toBe('success');
    world.advance(1);
    expect(await outcomeFor(world, username, credential)).toBe('401 unsigned');
  },
  { secrets: [SECRET] },
);

onCore(
  'RFC 8489 s9.2.4: an expired REST credential keeps its allocation alive, and makes no new one',
  async (world) => {
    const { username, credential } = mintRestCredential(SECRET, 'anna', START_S + 60);
    const client = await TurnClient.of(world, { username, password: credential });
    const other = await TurnClient.of(world, { username, password: credential });
    const token = (await client.allocate(EVEN_PORT_RESERVE)).response.value(0x0022);
    world.advance(60_000);
    expect((await client.refresh()).outcome).toBe('success');
    expect((await client.permit(address('127.0.0.1'))).outcome).toBe('success');
    expect((await client.bind(0x4000, address('127.0.0.1', 9))).outcome).toBe('success');
    expect((await other.request(ALLOCATE, UDP)).outcome).toBe('401 unsigned');
    const taken = await other.request(ALLOCATE, UDP, reservationToken(token));
    expect(taken.outcome).toBe('401 unsigned');
    await client.refresh(0);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('401 unsigned');
  },
  { secrets: [SECRET] },
);

onEveryTransport(
  'RFC 8489 s9.2.4: REST credentials of every configured secret are good, of no other',
  async (world) => {
    const expiry = Math.floor(world.options.clock.wall() / 1000) + 60;
    const outcomes = await inTurn(['new secret', 'old secret', 'third'], async (secret) => {
      const { username, credential } = mintRestCredential(secret, 'anna', expiry);
      const flavours = ['legacy', 'md5', 'sha256'] as const;
      return inTurn(flavours, (flavour) => outcomeFor(world, username, credential, flavour));
    });
    expect(outcomes).toEqual([
      Array(3).fill('success'),
      Array(3).fill('success'),
      Array(3).fill('401 unsigned'),
    ]);
  },
  { secrets: ['new secret', 'old secret'] },
);

onCore(
  'RFC 8489 s9.2.4: a REST name is digits, then perhaps a colon and a user, and nothing else',
  async (world) => {
    const expiry = START_S + 60;
    const names = [`${expiry}`, `${expiry}:`, `${expiry}:a:b`, `${expiry}:日本`];
    const wrong = [`+${expiry}`, ` ${expiry}:a`, `${expiry}x:a`, `1e99:a`, `0x7fffffff:a`, `-1:a`];
    const many = `${'9'.repeat(400)}:a`;
    const outcomes = await inTurn([...names, ...wrong, many], (username) =>
      outcomeFor(world, username, rest(username)),
    );
    expect(outcomes.slice(0, 4)).toEqual(Array(4).fill('success'));
    expect(outcomes.slice(4)).toEqual(Array(7).fill('401 unsigned'));
  },
  { secrets: [SECRET] },
);

onCore(
  'RFC 8656 s7.2 step 10: REST credentials of one user share its quota, whatever their expiry',
  async (world) => {
    const outcomes = await inTurn([60, 61, 62], async (seconds) => {
      const { username, credential } = mintRestCredential(SECRET, 'anna', START_S + seconds);
      return outcomeFor(world, username, credential);
    });
    expect(outcomes).toEqual(['success', 'success', '486']);
    const { username, credential } = mintRestCredential(SECRET, 'bert', START_S + 60);
    expect(await outcomeFor(world, username, credential)).toBe('success');
    expect(world.events.created.map(({ user }) => user)).toEqual(['anna', 'anna', 'bert']);
  },
  { secrets: [SECRET], quota: { perUser: 2, total: 100 } },
);

onEveryTransport(
  'RFC 8489 s9.2.4: a static user whose name looks like a REST name keeps its password',
  async (world) => {
    expect(await outcomeFor(world, '12345', 'static')).toBe('success');
    expect(await outcomeFor(world, '12345', rest('12345'))).toBe('401 unsigned');
  },
  { users: { '12345': 'static' }, secrets: [SECRET] },
);

onEveryTransport(
  'RFC 8656 s5: a request by another user on the 5-tuple is refused 441',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    client.username = OTHER_USER;
    client.password = OTHER_PASSWORD;
    const peer = address('127.0.0.1', 5000);
    const responses = [
      await client.refresh(0),
      await client.permit(peer),
      await client.bind(0x4000, peer),
    ];
    expect(responses.map(({ outcome }) => outcome)).toEqual(['441', '441', '441']);
    expect(world.server.stats().allocations).toBe(1);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('437');
  },
);
