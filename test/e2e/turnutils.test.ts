// Debian coturn's client programs against our TURN server over UDP: every way of theirs to relay, and nothing lost.
// turnutils_uclient opens two allocations for each client towards an outside peer unless -c leaves the RTCP one out.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../support/e2e/child.ts';
import { EchoPeer, lossless, uclient } from '../support/e2e/coturn.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { ATTR, errorCodeOf, TYPE } from '../support/e2e/stun-message.ts';
import { StunTap } from '../support/e2e/stun-tap.ts';
import type { TappedMessage } from '../support/e2e/stun-tap.ts';

const MESSAGES = 10;
const CLIENTS = 2;
const SIZE = ['-n', `${MESSAGES}`, '-m', `${CLIENTS}`];
const USER = ['-u', 'user', '-w', 'pass'];
const SECRET = 'shared-secret';

/** What uclient -J makes its tokens with: this name is told to it, the keys are built in, each with a line feed. */
const OAUTH = {
  serverName: 'blackdow.carleon.gov',
  keys: {
    north: 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEK',
    union: 'MTIzNDU2Nzg5MDEyMzQ1Ngo=',
    oldempire: 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIK',
  },
};

/** RFC 8656 s12. */
const CHANNEL_NUMBER_MAX = 0x4fff;

const turn = (more: Record<string, unknown>): Record<string, unknown> => ({
  turn: {
    listeners: ['udp://127.0.0.1:0', 'udp://[::1]:0'],
    users: { user: 'pass' },
    secrets: [SECRET],
    peers: { allow: ['127.0.0.0/8', '::1/128'] },
    // All clients are of one user and come from one address; those that vanish keep their allocations.
    quota: { perUser: 1000 },
    limits: { unauthorizedPerSecond: 0, allocationsPerSecond: 0 },
    ...more,
  },
});

let peer: EchoPeer;
let sterna: Sterna;

beforeAll(async () => {
  // uclient draws channel numbers from all of RFC 5766's range.
  [peer, sterna] = await Promise.all([
    EchoPeer.start(),
    Sterna.start({ config: turn({ legacyChannels: true, oauth: OAUTH }) }),
  ]);
});

afterAll(async () => {
  await peer?.stop();
  await sterna?.stop();
});

const toPeer = (host: string): string[] => ['-e', host, '-r', `${peer.port}`];
const tokenOf = ({ attributes }: TappedMessage): string | undefined =>
  attributes.get(ATTR.RESERVATION_TOKEN)?.toString('hex');
const ticketOf = (message: TappedMessage | undefined): string | undefined =>
  message?.attributes.get(ATTR.MOBILITY_TICKET)?.toString('latin1');

const V4 = ['-X', '-c'];
const V6 = ['-x', '-c'];

describe.concurrent('turnutils_uclient is refused what it must not have', () => {
  test.each([
    ['a wrong password', ['-u', 'user', '-w', 'wrong']],
    ['an unknown user', ['-u', 'nobody', '-w', 'pass']],
    ['a wrong shared secret', ['-u', 'tester', '-W', 'another-secret']],
    ['another separator than a colon (-C)', ['-u', 'tester', '-W', SECRET, '-C', '+']],
  ])('%s: no allocation', async (_name, credentials) => {
    const run = await uclient(sterna.listener(4), [...credentials, '-y', '-c']);
    expect(run.output).toContain('Cannot complete Allocation');
    expect(run.code).toBe(255);
    expect(run.sent).toBeNaN();
  });

  test('a second channel to a peer that has one (-N): 400', async () => {
    const run = await uclient(sterna.listener(4), [...USER, '-N', ...V4, ...toPeer('127.0.0.1')]);
    expect(run.output).toContain('channel bind: error 400');
    expect(run.code).toBe(255);
  });

  test('Send without a permission (-I -s): nothing comes through', async () => {
    const args = [...USER, '-n', '2', '-m', '1', '-I', '-s', ...V4, ...toPeer('127.0.0.1')];
    const { sent, received } = await uclient(sterna.listener(4), args);
    expect({ sent, received }).toEqual({ sent: 2, received: 0 });
  });
});

describe.concurrent('the server beside them', () => {
  test('clients that allocate and run (-O) or garble their own messages (-R) harm nobody', async () => {
    const quick = await uclient(sterna.listener(4), [
      ...USER,
      '-m',
      '20',
      '-O',
      ...V4,
      ...toPeer('127.0.0.1'),
    ]);
    expect(quick.code, quick.output).toBe(0);
    // -R overwrites bytes of its own requests and then waits for ever for answers to them, so it is ended.
    const garbling = Array.from({ length: 5 }, () => {
      const args = ['-p', `${sterna.listener(4).port}`, ...USER, '-R', '-y', '-c', '127.0.0.1'];
      return new Child('turnutils_uclient', args);
    });
    await Promise.race([
      Promise.all(garbling.map(({ exited }) => exited)),
      new Promise((resolve) => setTimeout(resolve, 3000)),
    ]);
    const args = [...USER, ...SIZE, ...V4, ...toPeer('127.0.0.1')];
    expect(await uclient(sterna.listener(4), args)).toMatchObject(lossless(MESSAGES * CLIENTS));
    await Promise.all(garbling.map((child) => child.kill()));
  });

  test('channel numbers above 0x4FFF are refused with 400 by default, while Send goes on', async () => {
    const strict = await Sterna.start({ config: turn({}) });
    const tap = await StunTap.start(strict.listener(4));
    try {
      // It gives up at the first refusal; eight random numbers of 0x4000-0x7FFF hold one above 0x4FFF.
      const channels = await uclient(tap.endpoint, [...USER, '-n', '1', '-m', '8', '-y', '-c']);
      expect(channels.output).toContain('channel bind: error 400');
      const binds = tap
        .ofType(TYPE.CHANNEL_BIND_REQUEST)
        .filter(({ attributes }) => attributes.has(ATTR.MESSAGE_INTEGRITY));
      const answers = binds.map((request) => ({
        number: request.attributes.get(ATTR.CHANNEL_NUMBER)?.readUInt16BE(0) ?? 0,
        code: errorCodeOf(tap.answerTo(request)),
      }));
      expect(answers.length).toBeGreaterThan(0);
      for (const { number, code } of answers) {
        expect({ number, code }).toEqual({
          number,
          code: number > CHANNEL_NUMBER_MAX ? 400 : undefined,
        });
      }
      const args = [...USER, ...SIZE, '-s', ...V4, ...toPeer('127.0.0.1')];
      expect(await uclient(strict.listener(4), args)).toMatchObject(lossless(MESSAGES * CLIENTS));
    } finally {
      tap.stop();
      await strict.stop();
    }
  });

  test.each([4, 6] as const)(
    'turnutils_stunclient gets its address by Binding, IPv%i',
    async (v) => {
      const { host, port } = sterna.listener(v);
      const child = new Child('turnutils_stunclient', ['-p', `${port}`, host]);
      expect(await child.exited).toBe(0);
      expect(child.output).toMatch(
        v === 4
          ? /IPv4\. UDP reflexive addr: 127\.0\.0\.1:\d+/
          : /IPv6\. UDP reflexive addr: ::1:\d+/,
      );
    },
  );

  test('every allocation is in the log with what it relayed', async () => {
    // A size that no other client here has.
    const size = ['-n', '3', '-m', '1', '-l', '173'];
    const args = [...USER, ...size, ...V4, ...toPeer('127.0.0.1')];
    expect(await uclient(sterna.listener(4), args)).toMatchObject(lossless(3));
    const [used] = await sterna.waitForEvents(
      'allocation.deleted',
      1,
      ({ sentBytes }) => sentBytes === 3 * 173,
    );
    expect(used).toMatchObject({
      user: 'user',
      sentPackets: 3,
      sentBytes: 3 * 173,
      receivedPackets: 3,
      receivedBytes: 3 * 173,
      reason: 'refreshed-to-zero',
    });
    expect(used?.['relayed']).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});

// -Z (dual allocation) is not among them: uclient 4.6.1 sends it as attribute 0x8032, which is not
// ADDITIONAL-ADDRESS-FAMILY (0x8000, RFC 8656 s18.11).
describe.concurrent('turnutils_uclient over UDP loses nothing', () => {
  test.each<[string, 4 | 6, string[]]>([
    ['IPv4, channels', 4, V4],
    ['IPv4, Send and Data', 4, ['-s', ...V4]],
    ['IPv6, channels', 6, V6],
    ['IPv6, Send and Data', 6, ['-s', ...V6]],
    ['IPv4 relay for an IPv6 client', 6, V4],
    ['IPv6 relay for an IPv4 client', 4, V6],
    ['padded channel data (-D)', 4, ['-D', ...V4]],
    ['refreshed permissions and channels (-G)', 4, ['-G', ...V4]],
    ['datagrams that must not be fragmented (-g)', 4, ['-g', ...V4]],
    ['all of these three', 4, ['-g', '-D', '-G', ...V4]],
    ['attributes that nobody knows (-a, -o)', 4, ['-a', '9', '-o', 'http://a.example', ...V4]],
    ['wrong requests in between (-N)', 4, ['-N', '-s', ...V4]],
    ['clients that vanish and come back (-B)', 4, ['-B', ...V4]],
    ['channels without CreatePermission (-I)', 4, ['-I', ...V4]],
    ['clients that move to other ports (-M), channels', 4, ['-M', ...V4]],
    ['clients that move to other ports (-M), Send and Data', 6, ['-M', '-s', ...V6]],
  ])('%s', async (_name, family, flags) => {
    const peerHost = flags.includes('-x') ? '::1' : '127.0.0.1';
    const run = await uclient(sterna.listener(family), [
      ...USER,
      ...SIZE,
      ...flags,
      ...toPeer(peerHost),
    ]);
    expect(run).toMatchObject(lossless(MESSAGES * CLIENTS));
  });

  test('a client that moves (-M) shows its ticket, and gets another one each time', async () => {
    const tap = await StunTap.start(sterna.listener(4));
    try {
      const args = ['-n', `${MESSAGES}`, '-m', '1', '-M', ...V4, ...toPeer('127.0.0.1')];
      expect(await uclient(tap.endpoint, [...USER, ...args])).toMatchObject(lossless(MESSAGES));
      const moves = tap
        .ofType(TYPE.REFRESH_REQUEST)
        .filter(({ attributes }) => attributes.has(ATTR.MOBILITY_TICKET))
        .map((request) => [ticketOf(request), ticketOf(tap.answerTo(request))] as const)
        .filter(([, next]) => next !== undefined);
      expect(moves.length).toBeGreaterThan(0);
      for (const [shown, next] of moves) expect(next).not.toBe(shown);
    } finally {
      tap.stop();
    }
  });

  test('client to client: EVEN-PORT reserves the next port, RESERVATION-TOKEN takes it', async () => {
    const tap = await StunTap.start(sterna.listener(4));
    try {
      const run = await uclient(tap.endpoint, [...USER, '-n', `${MESSAGES}`, '-m', '1', '-y']);
      // Two ends, RTP and RTCP each.
      expect(run).toMatchObject(lossless(MESSAGES * 4));
      const given = tap.ofType(TYPE.ALLOCATE_SUCCESS).map(tokenOf);
      const taken = tap
        .ofType(TYPE.ALLOCATE_REQUEST)
        .filter((request) => tap.answerTo(request)?.type === TYPE.ALLOCATE_SUCCESS)
        .map(tokenOf)
        .filter((token) => token !== undefined);
      // A request that is sent again has the same one.
      expect(new Set(taken).size).toBe(2);
      expect(given).toEqual(expect.arrayContaining(taken));
    } finally {
      tap.stop();
    }
  });

  test('client to client over IPv6', async () => {
    const args = [...USER, '-n', `${MESSAGES}`, '-m', '1', '-x', '-y'];
    expect(await uclient(sterna.listener(6), args)).toMatchObject(lossless(MESSAGES * 4));
  });

  test('REST credentials of the shared secret', async () => {
    const args = ['-u', 'tester', '-W', SECRET, ...SIZE, ...V4, ...toPeer('127.0.0.1')];
    expect(await uclient(sterna.listener(4), args)).toMatchObject(lossless(MESSAGES * CLIENTS));
  });

  // It draws a key, and makes a token of its own, for each Allocate and Refresh.
  test('tokens of an authorization server (-J), beside passwords', async () => {
    const tap = await StunTap.start(sterna.listener(4));
    try {
      const args = ['-J', '-u', 'gorst', '-w', 'hero', '-n', '3', '-m', '4', '-y', '-c'];
      const run = await uclient(tap.endpoint, args);
      expect(run).toMatchObject(lossless(3 * 4));
      const signed = tap
        .ofType(TYPE.ALLOCATE_REQUEST)
        .filter(({ attributes }) => attributes.has(ATTR.MESSAGE_INTEGRITY));
      expect(signed.length).toBeGreaterThanOrEqual(4);
      expect(signed.every(({ attributes }) => attributes.has(ATTR.ACCESS_TOKEN))).toBe(true);
      expect(signed.map((request) => tap.answerTo(request)?.type)).toEqual(
        signed.map(() => TYPE.ALLOCATE_SUCCESS),
      );
      const kids = signed.map(({ attributes }) => attributes.get(ATTR.USERNAME)?.toString());
      expect(Object.keys(OAUTH.keys)).toEqual(expect.arrayContaining([...new Set(kids)]));
    } finally {
      tap.stop();
    }
  });

  test('ten clients that send a packet every 5 ms', async () => {
    const args = [...USER, '-n', '100', '-m', '10', '-l', '170', '-z', '5', ...V4];
    const run = await uclient(sterna.listener(4), [...args, ...toPeer('127.0.0.1')]);
    expect(run).toMatchObject(lossless(100 * 10));
  });

  test('twenty clients at once', async () => {
    const args = [...USER, '-n', '25', '-m', '20', '-l', '170', ...V4, ...toPeer('127.0.0.1')];
    expect(await uclient(sterna.listener(4), args)).toMatchObject(lossless(25 * 20));
  });
});
