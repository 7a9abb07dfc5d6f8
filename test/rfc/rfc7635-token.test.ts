// RFC 7635 s6.2 and appendix A: which tokens are good, byte for byte.
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { decodeAccessToken, encodeAccessToken } from '../../shared/stun/access-token.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import {
  KEYS,
  type Presented,
  sealToken,
  TokenClient,
  WITH_TOKENS,
} from '../support/turn/token-client.ts';
import type { World } from '../support/turn/world.ts';

const outcomeOf = async (world: World, presented: Presented): Promise<string> =>
  (await TokenClient.with(world, presented)).outcome();

/** What Allocate says to a token of these bytes. */
async function outcomesOf(world: World, tokens: readonly Uint8Array[], macKey: Uint8Array) {
  const client = await TokenClient.with(world, { macKey });
  return inTurn(tokens, (token) => {
    client.token = token;
    return client.outcome();
  });
}

const nowOf = (world: World): number => Math.floor(world.options.clock.wall() / 1000);
const REFUSED = '401 unsigned';

for (const [kid, algorithm] of [
  ['north', 'A256GCM'],
  ['union', 'A128GCM'],
] as const) {
  onBoth(
    `RFC 7635 s6.2: a token encrypted with ${algorithm} lets its client in`,
    async (world) => {
      const client = await TokenClient.with(world, { kid });
      const response = await client.tryAllocate();
      expect(response.messageClass).toBe('success');
      expect(response.integrity(client.key)).toBe('sha1');
    },
    WITH_TOKENS,
  );
}

onBoth(
  'RFC 7635 s6.2: a session key of 32 bytes is for MESSAGE-INTEGRITY-SHA256, both ways',
  async (world) => {
    const client = await TokenClient.with(world, { macKey: randomBytes(32) });
    const response = await client.tryAllocate();
    expect(response.messageClass).toBe('success');
    expect(response.integrity(client.key)).toBe('sha256');
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s6.2: a session key is good for the hash of its length alone',
  async (world) => {
    const outcomes = await inTurn(
      [
        { macKey: randomBytes(20), hash: 'sha256' },
        { macKey: randomBytes(32), hash: 'sha1' },
      ] as const,
      (presented) => outcomeOf(world, presented),
    );
    expect(outcomes).toEqual([REFUSED, REFUSED]);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s6.2: session keys of other lengths are refused',
  async (world) => {
    const lengths = [0, 1, 16, 19, 21, 24, 31, 33, 48, 64, 400];
    const outcomes = await inTurn(lengths, (length) =>
      outcomeOf(world, { macKey: randomBytes(length) }),
    );
    expect(outcomes).toEqual(lengths.map(() => REFUSED));
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s6.2: a key_length that the block does not have is refused',
  async (world) => {
    const lies = [0, 16, 19, 21, 32, 34, 0x7fff, 0xffff];
    const outcomes = await inTurn(lies, (keyLength) => outcomeOf(world, { keyLength }));
    expect(outcomes).toEqual(lies.map(() => REFUSED));
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s6.2: a nonce_length beyond the token, 0xFFFF among them, is refused and harms nobody',
  async (world) => {
    const macKey = randomBytes(20);
    const good = sealToken({ macKey, issuedAt: nowOf(world) });
    const lies = [0, 1, 11, 13, 50, 62, 63, 64, 0x0100, 0x7fff, 0xffff];
    const tokens = lies.map((length) =>
      Buffer.concat([Buffer.of(length >> 8, length & 0xff), good.subarray(2)]),
    );
    expect(await outcomesOf(world, tokens, macKey)).toEqual(lies.map(() => REFUSED));
    expect(await outcomesOf(world, [good], macKey)).toEqual(['success']);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s6.2: a nonce is of the 12 bytes that RFC 5116 gives AES-GCM',
  async (world) => {
    const lengths = [8, 11, 13, 16];
    const outcomes = await inTurn(lengths, (length) =>
      outcomeOf(world, { nonce: randomBytes(length) }),
    );
    expect(outcomes).toEqual(lengths.map(() => REFUSED));
  },
  WITH_TOKENS,
);

onCore(
  'RFC 7635 s6.2: a token that is cut anywhere, longer, or wrong in one bit is refused',
  async (world) => {
    const macKey = randomBytes(20);
    const good = sealToken({ macKey, issuedAt: nowOf(world) });
    const bent = [
      ...upTo(good.length).map((length) => good.subarray(0, length)),
      ...upTo(good.length).map((at) => good.map((byte, i) => (i === at ? byte ^ 0x10 : byte))),
      ...[1, 2, 4, 12, 16].map((more) => Buffer.concat([good, Buffer.alloc(more)])),
    ];
    expect(new Set(await outcomesOf(world, bent, macKey))).toEqual(new Set([REFUSED]));
    expect(await outcomesOf(world, [good], macKey)).toEqual(['success']);
  },
  WITH_TOKENS,
);

onBoth(
  'RFC 7635 s6.2: a token for another server, or under the key of another kid, is refused',
  async (world) => {
    const outcomes = await inTurn(
      [
        { serverName: 'other.example.org' },
        { serverName: '' },
        { kid: 'north', key: KEYS['union']! },
        { kid: 'north', key: randomBytes(32) },
        { kid: 'union', key: KEYS['north']! },
      ],
      (presented) => outcomeOf(world, presented),
    );
    expect(outcomes).toEqual(outcomes.map(() => REFUSED));
  },
  WITH_TOKENS,
);

onCore(
  'RFC 7635 s6.2: the last 16 bits of the timestamp are 64000ths of a second',
  async (world) => {
    const from = async (fraction: number, aheadMs: number): Promise<string> => {
      const client = await TokenClient.with(world, { lifetime: 100, age: 105, fraction });
      world.wallMs += aheadMs;
      const outcome = await client.outcome();
      world.wallMs -= aheadMs;
      return outcome;
    };
    expect(await from(0, 0)).toBe(REFUSED);
    expect(await from(64, 0)).toBe('success');
    expect(await from(64, 1)).toBe(REFUSED);
    expect(await from(32_000, 499)).toBe('success');
    expect(await from(32_000, 500)).toBe(REFUSED);
  },
  WITH_TOKENS,
);

// appendix A

const SAMPLE = {
  serverName: Buffer.from('blackdow.carleon.gov'),
  key: Buffer.from('HGkj32KJGiuy098sdfaqbNjOiaz71923'),
  nonce: Buffer.from('h4j3k2l2n4b5'),
  token: { macKey: Buffer.from('ZksjpweoixXmvn67534m'), issuedAtMs: 0, lifetimeSeconds: 3600 },
};
SAMPLE.token.issuedAtMs = (92_470_300_704_768 / 65_536) * 1000;

it.each([
  [
    'AEAD_AES_256_GCM',
    32,
    '000c68346a336b326c326e346235617ef134a3d5e44e9a19cc7dc104b0c03d03b2a551d8fdf5cd3b6dca6f10cfb77e5b2ddec84d293a5c50499359f0c2e26f76',
  ],
  [
    'AEAD_AES_128_GCM',
    16,
    '000c68346a336b326c326e3462357fb9e99f0827be3df1e1bd651493d3031d36df57079784aee5eacb65fad4f27fab1a3f97974b69f851b24bf5af09eda357e0',
  ],
])('RFC 7635 appendix A: the sample token of %s is written and read', (_name, bytes, sample) => {
  const { serverName, nonce, token } = SAMPLE;
  const key = SAMPLE.key.subarray(0, bytes);
  expect(Buffer.from(encodeAccessToken(token, key, serverName, nonce)).toString('hex')).toBe(
    sample,
  );
  expect(decodeAccessToken(Buffer.from(sample, 'hex'), key, serverName)).toEqual(token);
});
