// RFC 8489 s9.2.4 on the server: the checks of a request in their order, what each refusal has and has not,
// and how the attempt to bid a client down to MD5 is found out.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import {
  ALLOCATE,
  BINDING,
  CHANNEL_BIND,
  CREATE_PERMISSION,
  type Flavour,
  REFRESH,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { type AttributeSource, message, sign, text } from '../support/turn/message.ts';
import type { ReceivedMessage } from '../support/turn/received.ts';
import type { World } from '../support/turn/world.ts';

const ERROR_CODE = 0x0009;
const USERNAME = 0x0006;
const REALM = 0x0014;
const NONCE = 0x0015;
const PASSWORD_ALGORITHM = 0x001d;
const PASSWORD_ALGORITHMS = 0x8002;
const USERHASH = 0x001e;

/** What a challenge has, and nothing else: no SOFTWARE, no integrity, no reason phrase. */
const CHALLENGE = [ERROR_CODE, REALM, NONCE, PASSWORD_ALGORITHMS];

const SHA256_THEN_MD5 = Buffer.from([0, 2, 0, 0, 0, 1, 0, 0]);

/** Sends a request with these attributes, signed with the client's key whatever they say. */
function sendSigned(
  client: TurnClient,
  attributes: readonly AttributeSource[],
  method = ALLOCATE,
): Promise<ReceivedMessage> {
  const unsigned = message(method, randomBytes(12), attributes);
  return client.exchange(sign(unsigned, client.hash, client.key));
}

/** The client's credentials with one attribute left out, or replaced. */
function without(client: TurnClient, type: number, ...instead: AttributeSource[]) {
  const kept = client
    .credentials()
    .filter((attribute) => typeof attribute === 'function' || attribute[0] !== type);
  return [UDP, ...kept, ...instead];
}

async function isChallenge(response: ReceivedMessage, code: number): Promise<void> {
  expect(response.outcome).toBe(`${code} unsigned`);
  expect(response.types).toEqual(CHALLENGE);
  expect(response.reason).toBe('');
  expect(response.text(REALM)).toBe('example.org');
  expect(response.value(PASSWORD_ALGORITHMS)).toEqual(SHA256_THEN_MD5);
  expect(response.text(NONCE)).toMatch(/^obMatJos2[\w+/]{4}/);
}

for (const [name, method] of Object.entries({
  Allocate: ALLOCATE,
  Refresh: REFRESH,
  CreatePermission: CREATE_PERMISSION,
  ChannelBind: CHANNEL_BIND,
})) {
  onEveryTransport(
    `RFC 8489 s9.2.4: ${name} without integrity is refused 401 with realm, nonce, algorithms`,
    async (world) => {
      const client = await TurnClient.unchallenged(world);
      await isChallenge(await client.exchange(message(method, randomBytes(12))), 401);
    },
  );
}

onEveryTransport(
  'RFC 8489 s9.2.4: the 401 is small against the request it answers',
  async (world) => {
    const client = await TurnClient.unchallenged(world);
    const software = text(0x8022, 'some client 1.0');
    const requests = {
      bare: message(ALLOCATE, randomBytes(12)),
      usual: message(ALLOCATE, randomBytes(12), [UDP]),
      browser: message(ALLOCATE, randomBytes(12), [UDP, software]),
    };
    const ratios = await inTurn(Object.entries(requests), async ([name, request]) => {
      const response = await client.exchange(request);
      expect(response.bytes.length).toBeLessThanOrEqual(100);
      // 28 bytes of IPv4 and UDP header travel with each.
      const ratio = (response.bytes.length + 28) / (request.length + 28);
      return `${name} ${request.length} -> ${response.bytes.length} bytes, ${ratio.toFixed(2)}x on the wire`;
    });
    process.stdout.write(`401: ${ratios.join('; ')}\n`);
    expect(ratios.map((line) => Number(/([\d.]+)x/.exec(line)?.[1]) < 2.7)).toEqual([
      true,
      true,
      true,
    ]);
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: credentials without integrity are no authentication',
  async (world) => {
    const client = await TurnClient.of(world);
    const request = message(ALLOCATE, randomBytes(12), [UDP, ...client.credentials()]);
    await isChallenge(await client.exchange(request), 401);
  },
);

for (const [name, type] of Object.entries({ USERNAME, REALM, NONCE })) {
  onEveryTransport(
    `RFC 8489 s9.2.4: integrity without ${name} is refused 400, without integrity`,
    async (world) => {
      const responses = await inTurn(['legacy', 'md5', 'sha256'] as const, async (flavour) => {
        const client = await TurnClient.of(world, { flavour });
        return sendSigned(client, without(client, type));
      });
      expect(responses.map(({ outcome }) => outcome)).toEqual(Array(3).fill('400 unsigned'));
      expect(responses.flatMap(({ types }) => types)).toEqual(Array(3).fill(ERROR_CODE));
    },
  );
}

onEveryTransport('RFC 8489 s9.2.4: integrity alone is refused 400', async (world) => {
  const client = await TurnClient.of(world);
  expect((await sendSigned(client, [UDP])).outcome).toBe('400 unsigned');
});

onEveryTransport(
  'RFC 8489 s9.2.4: the missing attribute (400) comes before the unknown user (401)',
  async (world) => {
    const client = await TurnClient.of(world, { username: 'nobody' });
    expect((await sendSigned(client, without(client, NONCE))).outcome).toBe('400 unsigned');
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: without PASSWORD-ALGORITHM(S) the key is MD5 and the answer has MESSAGE-INTEGRITY',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'legacy' });
    const { response } = await client.allocate();
    expect(response.integrity(client.key)).toBe('sha1');
    const refused = await client.request(ALLOCATE, UDP);
    expect([refused.outcome, refused.integrity(client.key)]).toEqual(['437', 'sha1']);
    expect(
      response.types.filter((type) => [REALM, NONCE, USERNAME, USERHASH].includes(type)),
    ).toEqual([]);
  },
);

for (const flavour of ['sha256', 'md5'] as const) {
  onEveryTransport(
    `RFC 8489 s9.2.4: with PASSWORD-ALGORITHM ${flavour} the answer has MESSAGE-INTEGRITY-SHA256`,
    async (world) => {
      const client = await TurnClient.of(world, { flavour });
      const { response } = await client.allocate();
      expect(response.integrity(client.key)).toBe('sha256');
      const refused = await client.request(ALLOCATE, UDP);
      expect([refused.outcome, refused.integrity(client.key)]).toEqual(['437', 'sha256']);
    },
  );
}

onEveryTransport(
  'RFC 8489 s9.2.4: MESSAGE-INTEGRITY with PASSWORD-ALGORITHM is taken, and answered with SHA256',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'sha256' });
    const unsigned = message(ALLOCATE, randomBytes(12), [UDP, ...client.credentials()]);
    const response = await client.exchange(sign(unsigned, 'sha1', client.key));
    expect([response.outcome, response.integrity(client.key)]).toEqual(['success', 'sha256']);
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: SHA256 integrity without PASSWORD-ALGORITHM is taken, and answered with SHA-1',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'legacy' });
    const unsigned = message(ALLOCATE, randomBytes(12), [UDP, ...client.credentials()]);
    const response = await client.exchange(sign(unsigned, 'sha256', client.key));
    expect([response.outcome, response.integrity(client.key)]).toEqual(['success', 'sha1']);
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: of both integrity attributes the SHA256 one is checked',
  async (world) => {
    const client = await TurnClient.of(world);
    const unsigned = message(ALLOCATE, randomBytes(12), [UDP, ...client.credentials()]);
    const wrong = Buffer.alloc(32, 7);
    const wrongSecond = sign(sign(unsigned, 'sha1', client.key), 'sha256', wrong);
    await isChallenge(await client.exchange(wrongSecond), 401);
    const wrongFirst = sign(sign(unsigned, 'sha1', wrong), 'sha256', client.key);
    expect((await client.exchange(wrongFirst)).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8489 s14.6: a truncated MESSAGE-INTEGRITY-SHA256 is refused 401, TURN does not allow it',
  async (world) => {
    const client = await TurnClient.of(world);
    const responses = await inTurn([0, 4, 16, 20, 28], (length) => {
      const unsigned = message(ALLOCATE, randomBytes(12), [UDP, ...client.credentials()]);
      return client.exchange(sign(unsigned, 'sha256', client.key, length));
    });
    expect(responses.map(({ outcome }) => outcome)).toEqual(Array(5).fill('401 unsigned'));
  },
);

onEveryTransport(
  'RFC 8489 s14.5: a MESSAGE-INTEGRITY of another length than 20 is refused 401',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'legacy' });
    const responses = await inTurn([0, 1, 4, 16, 19], (length) => {
      const unsigned = message(ALLOCATE, randomBytes(12), [UDP, ...client.credentials()]);
      return client.exchange(sign(unsigned, 'sha1', client.key, length));
    });
    expect(responses.map(({ outcome }) => outcome)).toEqual(Array(5).fill('401 unsigned'));
  },
);

async function altered(
  world: World,
  flavour: Flavour,
  type: number,
  value: readonly number[] | undefined,
): Promise<string> {
  const client = await TurnClient.of(world, { flavour });
  const instead: AttributeSource[] = value === undefined ? [] : [[type, value]];
  return (await sendSigned(client, without(client, type, ...instead))).outcome;
}

const LISTS: [string, number[] | undefined][] = [
  ['stripped', undefined],
  ['emptied', []],
  ['cut down to MD5', [0, 1, 0, 0]],
  ['cut down to SHA-256', [0, 2, 0, 0]],
  ['reordered', [0, 1, 0, 0, 0, 2, 0, 0]],
  ['lengthened', [0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0]],
  ['given parameters', [0, 2, 0, 4, 0, 1, 0, 0]],
  ['given other parameters', [0, 2, 0, 0, 0, 1, 0, 1]],
  ['replaced', [0, 3, 0, 0, 0, 1, 0, 0]],
  ['cut in the middle', [0, 2, 0, 0, 0, 1, 0]],
];
for (const [what, value] of LISTS) {
  onEveryTransport(`RFC 8489 s9.2.4: PASSWORD-ALGORITHMS ${what} is refused 400`, async (world) => {
    const outcomes = await inTurn(['sha256', 'md5'] as const, (flavour) =>
      altered(world, flavour, PASSWORD_ALGORITHMS, value),
    );
    expect(outcomes).toEqual(['400 unsigned', '400 unsigned']);
  });
}

const CHOICES: [string, number[] | undefined][] = [
  ['missing beside the list', undefined],
  ['empty', []],
  ['0', [0, 0, 0, 0]],
  ['3, which was not offered', [0, 3, 0, 0]],
  ['0x0102', [1, 2, 0, 0]],
  ['with a parameter length', [0, 2, 0, 4]],
  ['with parameters', [0, 2, 0, 4, 1, 2, 3, 4]],
  ['cut', [0, 2, 0]],
];
for (const [what, value] of CHOICES) {
  onEveryTransport(`RFC 8489 s9.2.4: PASSWORD-ALGORITHM ${what} is refused 400`, async (world) => {
    expect(await altered(world, 'sha256', PASSWORD_ALGORITHM, value)).toBe('400 unsigned');
  });
}

onEveryTransport(
  'RFC 8489 s9.2.4: PASSWORD-ALGORITHM names the key: SHA-256 said and MD5 used is refused 401',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'sha256' });
    const unsigned = message(ALLOCATE, randomBytes(12), [UDP, ...client.credentials()]);
    const md5 = await TurnClient.of(world, { flavour: 'md5' });
    await isChallenge(await client.exchange(sign(unsigned, 'sha256', md5.key)), 401);
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: a bad list (400) comes before an unknown user (401)',
  async (world) => {
    const client = await TurnClient.of(world, { username: 'nobody' });
    const attributes = without(client, PASSWORD_ALGORITHMS, [PASSWORD_ALGORITHMS, [0, 1, 0, 0]]);
    expect((await sendSigned(client, attributes)).outcome).toBe('400 unsigned');
  },
);

onEveryTransport(
  'RFC 8489 s9.2.1: the cookie announces password algorithms, in either bit order',
  async (world) => {
    const client = await TurnClient.of(world);
    const bits = Buffer.from(Buffer.from(client.nonce).toString('latin1', 9, 13), 'base64');
    expect(bits[0]! & 0x80).toBe(0x80);
    expect(bits[2]! & 0x01).toBe(0x01);
  },
);

onEveryTransport(
  'RFC 8489 s9.2.1: a cookie with other feature bits, or without any, is refused 438',
  async (world) => {
    const outcomes = await inTurn(['AAAA', 'gAAA', 'AAAB', 'QAAC', '////'], async (bits) => {
      const client = await TurnClient.of(world, { flavour: 'legacy' });
      const nonce = Buffer.from(client.nonce);
      if (nonce.toString('latin1', 9, 13) === bits) return '438 unsigned';
      nonce.write(bits, 9, 'latin1');
      client.nonce = nonce;
      const response = await client.request(ALLOCATE, UDP);
      await isChallenge(response, 438);
      return response.outcome;
    });
    expect(outcomes).toEqual(Array(5).fill('438 unsigned'));
  },
);

onEveryTransport(
  'RFC 8489 s9.2.1: a client bid down by a cookie without the bit does not get in with MD5',
  async (world) => {
    const client = await TurnClient.of(world, { flavour: 'legacy' });
    client.nonce = Buffer.concat([Buffer.from('obMatJos2AAAA'), client.nonce.subarray(13)]);
    await isChallenge(await client.request(ALLOCATE, UDP), 438);
    client.nonce = client.nonce.subarray(13);
    await isChallenge(await client.request(ALLOCATE, UDP), 438);
    expect(world.server.stats().allocations).toBe(0);
  },
);

onEveryTransport('RFC 8489 s9.2.4: a wrong realm is refused 401', async (world) => {
  const outcomes = await inTurn(
    ['', 'example.com', 'Example.org', 'x'.repeat(800)],
    async (realm) => {
      const client = await TurnClient.of(world);
      client.realm = realm;
      const response = await client.request(ALLOCATE, UDP);
      return response.outcome;
    },
  );
  expect(outcomes).toEqual(Array(4).fill('401 unsigned'));
});

onEveryTransport(
  'RFC 8489 s9.2.4: a wrong REALM is refused 401 though the key be that of the right one',
  async (world) => {
    const client = await TurnClient.of(world);
    const responses = await inTurn(['', 'example.com', 'example.org '], (realm) =>
      sendSigned(client, without(client, REALM, text(REALM, realm))),
    );
    expect(responses.map(({ outcome }) => outcome)).toEqual(Array(3).fill('401 unsigned'));
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: wrong integrity (401) comes before a stale nonce (438)',
  async (world) => {
    const client = await TurnClient.of(world, { password: 'wrong' });
    client.nonce = Buffer.from('no nonce of ours');
    const legacy = await TurnClient.of(world, { flavour: 'legacy', password: 'wrong' });
    legacy.nonce = client.nonce;
    await isChallenge(await legacy.request(ALLOCATE, UDP), 401);
    legacy.password = 'pass';
    await isChallenge(await legacy.request(ALLOCATE, UDP), 438);
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: authentication (401) comes before the allocation is looked for (437)',
  async (world) => {
    const client = await TurnClient.of(world, { password: 'wrong' });
    await isChallenge(await client.refresh(), 401);
    client.password = 'pass';
    expect((await client.refresh()).outcome).toBe('437');
  },
);

onEveryTransport(
  'RFC 8489 s9.2.4: Binding needs no authentication, and ignores one that is wrong',
  async (world) => {
    const client = await TurnClient.of(world, { password: 'wrong' });
    const unsigned = message(BINDING, randomBytes(12), client.credentials());
    const response = await client.exchange(sign(unsigned, 'sha256', client.key));
    expect(response.outcome).toBe('success unsigned');
  },
);
