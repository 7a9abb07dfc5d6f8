// Half-open TLS handshakes in crowds: an honest client gets in beside them, from their address and from another.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { CLASS_REQUEST, METHOD_BINDING } from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { type Endpoint, Sterna } from '../support/e2e/sterna.ts';
import { makeTlsFiles } from '../support/tls-files.ts';

const FLOOD = 2000;

/** A ClientHello's first bytes: the record goes on, and nothing follows. */
const HALF_HELLO = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);

let sterna: Sterna;
let flood: Socket[];

beforeAll(async () => {
  const { cert, key } = makeTlsFiles();
  sterna = await Sterna.start({
    config: {
      turn: {
        listeners: ['tls://127.0.0.1:0'],
        tls: { cert, key },
        users: { user: 'pass' },
        peers: { allow: ['127.0.0.0/8'] },
      },
    },
  });
});

afterEach(() => {
  for (const socket of flood) socket.destroy();
});

afterAll(() => sterna?.stop());

/** Resolves when all of them are there, or were. */
async function floodWith(
  { host, port }: Endpoint,
  addressOf: (i: number) => string,
): Promise<void> {
  flood = Array.from({ length: FLOOD }, (_, i) => {
    const socket = connect({ host, port, localAddress: addressOf(i) });
    socket.on('error', () => undefined);
    socket.once('connect', () => socket.write(HALF_HELLO));
    return socket;
  });
  await Promise.all(
    flood.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])),
  );
}

const open = (): number => flood.filter(({ closed }) => !closed).length;

/** Resolves when a Binding request over TLS was answered, from 127.0.0.1. */
async function binding({ host, port }: Endpoint): Promise<void> {
  const socket = connectTls({ host, port, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    const bytes = new Uint8Array(64);
    const writer = new StunWriter();
    writer.start(bytes, 0, METHOD_BINDING, CLASS_REQUEST, new Uint8Array(12), 0);
    socket.write(bytes.slice(0, writer.finish()));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.readUInt16BE(0)).toBe(0x0101);
  } finally {
    socket.destroy();
  }
}

test('from the address of an honest client they give way to it, and few of them are kept', async () => {
  const server = sterna.listener(4, 'tls');
  await floodWith(server, () => '127.0.0.1');
  await binding(server);
  await vi.waitFor(() => expect(open()).toBeLessThanOrEqual(32), 10_000);
});

test('from a hundred other addresses they do not keep it out', async () => {
  const server = sterna.listener(4, 'tls');
  await floodWith(server, (i) => `127.0.1.${1 + (i % 100)}`);
  await binding(server);
  // They wait for their time-out, since there is room.
  expect(open()).toBeGreaterThan(FLOOD / 2);
});
