// RFC 7635 s5, s6.1 and s7 on the server: what a challenge offers, until when a token is good, what is signed with
// its key, and that a refusal does not tell what was wrong. What TURN adds is in rfc7635-turn.test.ts.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { ALLOCATE, BINDING, TurnClient, UDP } from '../support/turn/client.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { append, type AttributeSource, message, sign } from '../support/turn/message.ts';
import {
  ACCESS_TOKEN,
  KEYS,
  type Presented,
  SERVER_NAME,
  THIRD_PARTY_AUTHORIZATION,
  TokenClient,
  WITH_TOKENS,
} from '../support/turn/token-client.ts';
import { PASSWORD, REALM, USER, type World } from '../support/turn/world.ts';

const ERROR_CODE = 0x0009;
const USERNAME = 0x0006;
const REALM_ATTRIBUTE = 0x0014;
const NONCE = 0x0015;
const PASSWORD_ALGORITHMS = 0x8002;
const USERHASH = 0x001e;

const CHALLENGE = [ERROR_CODE, REALM_ATTRIBUTE, NONCE, PASSWORD_ALGORITHMS];

const outcomeOf = async (world: World, presented: Presented): Promise<string> =>
  (await TokenClient.with(world, presented)).outcome();

const REFUSED = '401 unsigned';

// s6.1

onBoth(
  'RFC 7635 s6.1: a 401 offers third-party authorization and names the server',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const response = await client.challenge();
    expect(response.code).toBe(401);
    expect(response.types).toEqual([...CHALLENGE, THIRD_PARTY_AUTHORIZATION]);
    expect(response.text(THIRD_PARTY_AUTHORIZATION)).toBe(SERVER_NAME);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s6.1: without keys nothing is offered, and the 401 is no larger',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    expect((await client.challenge()).types).toEqual(CHALLENGE);
  },
);

onBoth(
  'RFC 7635 s6.1: a 438 offers it as well, and the token goes on being good',
  async (world) => {
    const client = await TokenClient.with(world);
    const { nonce } = client;
    client.nonce = Uint8Array.from(nonce, (byte, i) => (i === nonce.length - 1 ? byte ^ 1 : byte));
    const stale = await client.tryAllocate();
    expect(stale.code).toBe(438);
    expect(stale.text(THIRD_PARTY_AUTHORIZATION)).toBe(SERVER_NAME);
    client.take(stale);
    expect(await client.outcome()).toBe('success');
  },
  WITH_TOKENS,
);

// s5, s7

onBoth(
  'RFC 7635 s5: the integrity is keyed with mac_key itself, or with the 16 bytes of it that coturn takes',
  async (world) => {
    // RFC 2104 s2: HMAC fills a key with zeros, so that one less of those at its end is no other key.
    const macKey = randomBytes(20).map((byte) => byte | 1);
    const client = await TokenClient.with(world, { macKey });
    const keys = [macKey.subarray(0, 19), macKey.subarray(0, 15), macKey.subarray(4), Buffer.of()];
    const refused = await inTurn(keys, (key) => {
      client.signWith(key);
      return client.outcome();
    });
    expect(refused).toEqual(keys.map(() => REFUSED));
    client.signWith(macKey.subarray(0, 16));
    // The client checks the integrity of the answer with the same key.
    expect(await client.outcome()).toBe('success');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: the kid is the user name; USERHASH may stand for it',
  async (world) => {
    const client = await TokenClient.with(world);
    const hash = createHash('sha256').update(`north:${REALM}`).digest();
    const attributes: AttributeSource[] = [
      UDP,
      [USERHASH, hash],
      [REALM_ATTRIBUTE, Buffer.from(REALM)],
      [NONCE, client.nonce],
      [ACCESS_TOKEN, client.token],
    ];
    const unsigned = message(ALLOCATE, randomBytes(12), attributes);
    const response = await client.exchange(sign(unsigned, 'sha1', client.key));
    expect(response.outcome).toBe('success');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: nothing tells an unknown kid, a forged, an expired, an unsigned-for token apart',
  async (world) => {
    const answers = await inTurn(
      [
        { kid: 'nobody' },
        { kid: '' },
        { kid: '__proto__', key: KEYS['north']! },
        { key: randomBytes(32) },
        { age: 4000 },
        { hash: 'sha256' },
        { macKey: randomBytes(24) },
      ] as const,
      async (presented) => {
        const client = await TokenClient.with(world, presented);
        const response = await client.tryAllocate();
        return `${response.outcome} ${response.bytes.length} ${response.types.join(',')}`;
      },
    );
    expect(answers[0]).toMatch(/^401 unsigned/);
    expect(new Set(answers).size).toBe(1);
  },
  WITH_TOKENS,
);

for (const [age, fate] of [
  [0, 'success'],
  [100, 'success'],
  [104, 'success'],
  [105, REFUSED],
  [106, REFUSED],
  [1_000_000, REFUSED],
  [-5, 'success'],
  [-104, 'success'],
  [-105, REFUSED],
  [-1_000_000, REFUSED],
] as const) {
  onCore(
    `RFC 7635 s7: 100 s + Delta > |${age} s|: ${fate === 'success' ? 'good' : 'refused'}`,
    async (world) => {
      expect(await outcomeOf(world, { lifetime: 100, age })).toBe(fate);
    },
    WITH_TOKENS,
  );
}

onBoth(
  'RFC 7635 s7: a lifetime of zero allows nothing; one of 2^32 - 1 is a number like others',
  async (world) => {
    expect(await outcomeOf(world, { lifetime: 0 })).toBe(REFUSED);
    expect(await outcomeOf(world, { lifetime: 0xffff_ffff })).toBe('success');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: the checks of RFC 8489 come first: 400 without USERNAME, REALM or NONCE',
  async (world) => {
    const client = await TokenClient.with(world);
    const without = await inTurn([USERNAME, REALM_ATTRIBUTE, NONCE], (missing) => {
      const all: [number, Uint8Array][] = [
        [0x0019, Buffer.of(17, 0, 0, 0)],
        [ACCESS_TOKEN, client.token],
        [USERNAME, Buffer.from('north')],
        [REALM_ATTRIBUTE, Buffer.from(REALM)],
        [NONCE, client.nonce],
      ];
      const left = all.filter(([type]) => type !== missing);
      return client.exchange(sign(message(ALLOCATE, randomBytes(12), left), 'sha1', client.key));
    });
    expect(without.map(({ outcome }) => outcome)).toEqual(Array(3).fill('400 unsigned'));
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: a token that is not good is not made good by a password',
  async (world) => {
    const client = await TurnClient.of(world);
    const token: AttributeSource = [ACCESS_TOKEN, randomBytes(64)];
    expect((await client.request(ALLOCATE, UDP, token)).outcome).toBe(REFUSED);
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: a token behind MESSAGE-INTEGRITY is not protected, and so not there',
  async (world) => {
    const client = await TokenClient.with(world);
    const { token } = client;
    client.token = new Uint8Array(0);
    const bent = append(client.build(ALLOCATE, [UDP]), [ACCESS_TOKEN, token]);
    expect((await client.exchange(bent)).outcome).toBe(REFUSED);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: whoever is in gets MESSAGE-INTEGRITY with mac_key, refusals included',
  async (world) => {
    const client = await TokenClient.with(world);
    // The client throws where integrity does not fit its key.
    expect((await client.request(ALLOCATE)).outcome).toBe('400');
    expect((await client.request(ALLOCATE, [0x0019, [6, 0, 0, 0]])).outcome).toBe('442');
    expect((await client.refresh(600)).outcome).toBe('437');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: the bid-down checks of RFC 8489 hold beside a token, whose key says how to sign',
  async (world) => {
    const client = await TokenClient.with(world, {}, { flavour: 'sha256' });
    const response = await client.tryAllocate();
    expect([response.outcome, response.integrity(client.key)]).toEqual(['success', 'sha1']);
    const other = await TokenClient.with(world, {}, { flavour: 'sha256' });
    other.algorithms = other.algorithms.subarray(0, 4);
    expect(await other.outcome()).toBe('400 unsigned');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s7: where no token was asked for, ACCESS-TOKEN is an unknown attribute: 420',
  async (world) => {
    const client = await TurnClient.of(world, { username: USER, password: PASSWORD });
    const token: AttributeSource = [ACCESS_TOKEN, randomBytes(64)];
    const response = await client.request(ALLOCATE, UDP, token);
    expect(response.outcome).toBe('420');
    expect([...response.value(0x000a)]).toEqual([0, ACCESS_TOKEN]);
  },
);

onBoth(
  'RFC 7635 s7: Binding never asks for a token: 420',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const token: AttributeSource = [ACCESS_TOKEN, randomBytes(64)];
    const response = await client.exchange(message(BINDING, randomBytes(12), [token]));
    expect(response.outcome).toBe('420 unsigned');
  },
  WITH_TOKENS,
);
