// Debian coturn's client with TCP allocations (RFC 6062), from relay to relay: nothing is lost on the way to peers.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../support/e2e/child.ts';
import { lossless, uclient } from '../support/e2e/coturn.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { makeTlsFiles } from '../support/tls-files.ts';

const USER = ['-u', 'user', '-w', 'pass'];
/** Far apart: uclient takes what one read gives for one message. */
const SIZE = ['-n', '5', '-m', '1', '-z', '100'];

let linux: Sterna;
let portable: Sterna;

beforeAll(async () => {
  const { cert, key } = makeTlsFiles();
  const turn = {
    listeners: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0'],
    tls: { cert, key },
    users: { user: 'pass' },
    relay: { addresses: ['127.0.0.1'] },
    peers: { allow: ['127.0.0.0/8'] },
    // All clients come from one address.
    limits: { unauthorizedPerSecond: 0 },
  };
  const sfu = { enabled: false };
  [linux, portable] = await Promise.all([
    Sterna.start({ config: { turn, sfu, workers: 2 } }),
    Sterna.start({ config: { turn, sfu, engine: 'portable' } }),
  ]);
});

afterAll(async () => {
  await linux?.stop();
  await portable?.stop();
});

describe.concurrent('turnutils_uclient', () => {
  test.each<[string, 'tcp' | 'tls', () => Sterna, string[]]>([
    ['over TCP', 'tcp', () => linux, []],
    ['over TCP, portable engine', 'tcp', () => portable, []],
    ['over TLS', 'tls', () => linux, ['-S']],
  ])('-T loses nothing %s', { retry: 2 }, async (_name, transport, server, flags) => {
    const args = ['-T', ...flags, '-y', ...USER, ...SIZE];
    expect(await uclient(server().listener(4, transport), args)).toMatchObject(lossless(10));
  });

  // Only one end of each pair reads what it is sent, and it waits for the rest: to coturn's server that is so, too.
  test('-P is told of peers that connect, and reads what they send', async () => {
    const { host, port } = linux.listener(4, 'tcp');
    const args = ['-p', `${port}`, '-P', '-y', ...USER, '-n', '1', '-m', '1', host];
    const child = new Child('turnutils_uclient', args);
    await child.printed(/tot_send_msgs=2, tot_recv_msgs=1,/);
    await child.kill();
  });
});
