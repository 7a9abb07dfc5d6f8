// TURN over TCP and TLS as real clients use it: Debian coturn's programs and Chromium, relays alone.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { EchoPeer, lossless, uclient } from '../support/e2e/coturn.ts';
import { MeetingPage } from '../support/e2e/meeting-page.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { makeTlsFiles } from '../support/tls-files.ts';

const MESSAGES = 10;
const CLIENTS = 2;
const SIZE = ['-n', `${MESSAGES}`, '-m', `${CLIENTS}`];
const USER = ['-u', 'user', '-w', 'pass'];

const { cert, key } = makeTlsFiles();

const turn = (listeners: readonly string[]): Record<string, unknown> => ({
  listeners,
  tls: { cert, key },
  users: { user: 'pass' },
  secrets: ['a secret for tests, long enough to be one'],
  peers: { allow: ['127.0.0.0/8', '::1/128'] },
  // uclient draws channel numbers from all of RFC 5766's range.
  legacyChannels: true,
  // All clients come from one address.
  limits: { unauthorizedPerSecond: 0 },
});

describe.concurrent('turnutils_uclient loses nothing', () => {
  let peer: EchoPeer;
  let linux: Sterna;
  let portable: Sterna;

  beforeAll(async () => {
    const listeners = ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0', 'tls://[::1]:0'];
    [peer, linux, portable] = await Promise.all([
      EchoPeer.start(),
      Sterna.start({ config: { turn: turn(listeners), workers: 2 } }),
      Sterna.start({ config: { turn: turn(listeners), engine: 'portable' } }),
    ]);
  });

  afterAll(async () => {
    await peer?.stop();
    await linux?.stop();
    await portable?.stop();
  });

  const toPeer = (host: string): string[] => ['-e', host, '-r', `${peer.port}`];

  test.each<[string, () => Sterna, string[]]>([
    ['channels', () => linux, []],
    ['channels that must not be fragmented (-g)', () => linux, ['-g']],
    ['Send and Data, portable engine', () => portable, ['-s']],
  ])('over TCP: %s', async (_name, server, flags) => {
    const args = ['-t', ...USER, ...SIZE, ...flags, '-X', '-c', ...toPeer('127.0.0.1')];
    const run = await uclient(server().listener(4, 'tcp'), args);
    expect(run).toMatchObject(lossless(MESSAGES * CLIENTS));
  });

  // Over TLS uclient takes what one read gives for one message: it must not be sent two at once, so they are sent far
  // apart, and a machine that stood still meanwhile is asked again.
  test.each<[string, 4 | 6, () => Sterna, string[]]>([
    ['channels', 4, () => linux, []],
    ['channels, with the certificate checked (-E)', 4, () => linux, ['-E', cert]],
    ['IPv6, Send and Data, portable engine', 6, () => portable, ['-s', '-x']],
  ])('over TLS: %s', { retry: 2 }, async (_name, family, server, flags) => {
    const host = family === 4 ? '127.0.0.1' : '::1';
    const size = ['-n', '5', '-m', '1', '-z', '200'];
    const args = ['-t', '-S', ...USER, ...size, ...flags, '-X', '-c', ...toPeer(host)];
    expect(await uclient(server().listener(family, 'tls'), args)).toMatchObject(lossless(5));
  });

  test('over TCP: client to client, one relay after the other reserved', async () => {
    const args = ['-t', ...USER, '-n', `${MESSAGES}`, '-m', '1', '-y'];
    expect(await uclient(linux.listener(4, 'tcp'), args)).toMatchObject(lossless(MESSAGES * 4));
  });
});

describe('Chromium meets through relays alone', () => {
  let browser: Chromium;

  beforeAll(async () => {
    // Its certificate is our own.
    browser = await Chromium.launch({ flags: ['--ignore-certificate-errors'] });
  });

  afterAll(() => browser?.close());

  test.each(['tcp', 'tls'] as const)('over %s', async (transport) => {
    const sterna = await Sterna.start({
      environment: {
        STERNA_SFU_ENABLED: 'false',
        STERNA_TURN_LISTENERS: `${transport}://127.0.0.1:0`,
        STERNA_TURN_TLS_CERT: cert,
        STERNA_TURN_TLS_KEY: key,
      },
    });
    try {
      const [ada, bob] = await Promise.all(
        ['Ada', 'Bob'].map((name) => MeetingPage.join(browser, sterna.url, { name, relay: true })),
      );
      await Promise.all([ada!.sees(1), bob!.sees(1)]);
      for (const page of [ada!, bob!]) {
        const [link] = await page.links();
        const relayed = { local: 'relay', remote: 'relay', relayProtocol: transport };
        expect(link).toMatchObject({ state: 'connected', ...relayed });
        expect(page.problems).toEqual([]);
      }
      expect(sterna.events('allocation.created').length).toBeGreaterThanOrEqual(2);
    } finally {
      await browser.closePages();
      await sterna.stop();
    }
  });
});
