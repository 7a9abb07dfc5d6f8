// What TURN clients can make the log of `sterna serve` say: one line for each allocation that begins or ends, whatever
// their user names hold, and none for what is not authenticated.

import { randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { mintRestCredential } from '../../turn/index.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { ALLOCATE, BINDING, CREATE_PERMISSION, TurnClient, UDP } from '../support/turn/client.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import { channelData, message, sign, text } from '../support/turn/message.ts';
import { type UdpEndpoint, udpEndpoint } from '../support/turn/udp-endpoint.ts';
import { address } from '../support/turn/world.ts';

const SECRET = 'a secret of TURN for tests';
const EXPIRES = 4_000_000_000;

/** Each follows an expiry, its colon and `user `. */
const NAMES = [
  '%s%s%n%x %d',
  `' OR 1=1; -- "`,
  '\r\n{"level":"error","event":"media.fault","msg":"forged"}',
  '\u001b[2J\u001b]0;owned\u0007',
  'nul \u0000 inside',
  '\u2028\u2029\u202e\u0085\u009b31m',
  '$(reboot) `reboot` ${jndi:ldap://x}',
  // 508 bytes in all, the most that a user name may have (RFC 8489 s14.3).
  '\n'.repeat(508 - '4000000000:user '.length),
];

let sterna: Sterna | undefined;
const endpoints: UdpEndpoint[] = [];

afterEach(async () => {
  for (const endpoint of endpoints.splice(0)) endpoint.close();
  await sterna?.stop();
  sterna = undefined;
});

async function start(limits: Record<string, number>): Promise<Sterna> {
  sterna = await Sterna.start({
    config: {
      workers: 1,
      sfu: { enabled: false },
      turn: {
        listeners: ['udp://127.0.0.1:0'],
        relay: { addresses: ['127.0.0.1'] },
        secrets: [SECRET],
        limits,
      },
    },
  });
  return sterna;
}

async function clientOf({ listeners }: Sterna, user: string): Promise<TurnClient> {
  const endpoint = await udpEndpoint(4, () => Promise.resolve());
  endpoints.push(endpoint);
  const { host, port } = listeners[0]!;
  const { username, credential: password } = mintRestCredential(SECRET, user, EXPIRES);
  return new TurnClient(endpoint, address(host, port), { username, password });
}

/** The lines of the log that tell of an allocation, as they are written. */
const linesOf = ({ output }: Sterna, event: string): string[] =>
  output.split('\n').filter((line) => line.includes(event));

test('a hostile user name is one escaped line for each event', async () => {
  const server = await start({});
  await inTurn(NAMES, async (name) => {
    const client = await clientOf(server, `user ${name}`);
    await client.challenge();
    await client.allocate();
    expect((await client.refresh(0)).outcome).toBe('success');
  });
  await expect.poll(() => linesOf(server, 'allocation.deleted')).toHaveLength(NAMES.length);
  const created = linesOf(server, 'allocation.created');
  const users = created.map((line) => (JSON.parse(line) as { user: string }).user);
  expect(users.slice(0, 2)).toEqual([`user ${NAMES[0]}`, `user ${NAMES[1]}`]);
  expect(users.at(-1)).toBe(`user ${'\\u000a'.repeat(NAMES.at(-1)!.length)}`);
  expect(users).toHaveLength(NAMES.length);
  // oxlint-disable-next-line eslint/no-control-regex -- these are what a terminal would obey
  expect(server.output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
  expect(server.events('media.fault')).toEqual([]);
});

test('datagrams that are not authenticated write no line', async () => {
  const server = await start({ unauthorizedPerSecond: 0 });
  const client = await clientOf(server, 'ann');
  await client.challenge();
  const before = server.output;
  const named = (name: string): Uint8Array =>
    message(ALLOCATE, randomBytes(12), [
      UDP,
      text(0x0006, name),
      text(0x0014, client.realm),
      [0x0015, client.nonce],
    ]);
  const floods: (() => Uint8Array)[] = [
    () => randomBytes(100),
    () => message(ALLOCATE, randomBytes(12), [UDP]),
    () => sign(named('stranger\n'), 'sha1', randomBytes(16)),
    () => sign(named(client.username), 'sha256', randomBytes(32)),
    () => message(CREATE_PERMISSION, randomBytes(12)),
    () => message(0x0aac, randomBytes(12)),
    () => channelData(0x4000, randomBytes(20)),
    () => message(BINDING, randomBytes(12), [[0x7abc, []]]),
  ];
  await inTurn(upTo(40), async () => {
    for (const datagram of floods) client.endpoint.send(datagram(), client.server);
    // Its answer says that those before have been looked at.
    await client.exchange(message(BINDING, randomBytes(12)));
  });
  expect(server.output).toBe(before);
});

test('a client that allocates and deletes in a loop writes no more lines than its network has allocations', async () => {
  const server = await start({ allocationsPerSecond: 2 });
  const client = await clientOf(server, 'ann');
  await client.challenge();
  const outcomes = await inTurn(upTo(20), async () => {
    const { outcome } = await client.request(ALLOCATE, UDP);
    if (outcome === 'success') await client.refresh(0);
    return outcome;
  });
  const made = outcomes.filter((outcome) => outcome === 'success').length;
  // Two at once; all of them would take 9 s.
  expect(made).toBeGreaterThanOrEqual(2);
  expect(made).toBeLessThan(20);
  expect(new Set(outcomes)).toEqual(new Set(['success', '508']));
  await expect.poll(() => server.events('allocation.deleted')).toHaveLength(made);
  expect(server.events('allocation.created')).toHaveLength(made);
});
