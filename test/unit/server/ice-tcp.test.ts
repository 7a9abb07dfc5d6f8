// TCP connections of ICE over real sockets: which worker they go to, what comes back, and who is refused.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IceTcp } from '../../../server/media/ice-tcp.ts';
import type { MediaCommand } from '../../../server/media/messages.ts';
import { createLogger } from '../../../shared/log.ts';
import { ATTR_USERNAME, CLASS_REQUEST, METHOD_BINDING } from '../../../shared/stun/registry.ts';
import { StunWriter } from '../../../shared/stun/writer.ts';
import { Deframer } from '../../../sfu/tcp-framing.ts';

const OURS = 'abcdefgh';
const LOG = createLogger({ level: 'silent', format: 'json' });

let tcp: IceTcp;
let posted: [number, MediaCommand][];
let sockets: Socket[];

beforeEach(async () => {
  const commands: typeof posted = [];
  posted = commands;
  sockets = [];
  tcp = new IceTcp({
    log: LOG,
    workerOf: (ufrag) => (ufrag === OURS ? 3 : undefined),
    post: (worker, command) => commands.push([worker, command]),
  });
  await tcp.listen([{ host: '127.0.0.1', port: 0 }]);
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await tcp.close();
});

function check(username: string): Uint8Array {
  const bytes = new Uint8Array(256);
  const writer = new StunWriter();
  writer.start(bytes, 0, METHOD_BINDING, CLASS_REQUEST, new Uint8Array(12), 0);
  return bytes.slice(0, writer.text(ATTR_USERNAME, username).finish());
}

function framed(...packets: Uint8Array[]): Buffer {
  return Buffer.concat(
    packets.flatMap((packet) => [Buffer.from([packet.length >> 8, packet.length & 255]), packet]),
  );
}

async function client(): Promise<Socket> {
  const [endpoint] = tcp.endpoints;
  const socket = connect(endpoint!);
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('a connection', () => {
  test('goes to the worker of its session, packet by packet, and so do its answers', async () => {
    const socket = await client();
    const first = check(`${OURS}:peer`);
    const bytes = framed(first, new Uint8Array(13).fill(5), new Uint8Array(1200).fill(7));
    // Cut where it hurts: within a length.
    socket.write(bytes.subarray(0, first.length + 3));
    await until(() => posted.length === 2);
    socket.write(bytes.subarray(first.length + 3));
    await until(() => posted.length === 4);
    const [open, ...frames] = posted;
    expect(open).toEqual([
      3,
      {
        type: 'stream.open',
        stream: 1,
        remote: { host: '127.0.0.1', port: socket.localPort },
      },
    ]);
    expect(frames.map(([worker, frame]) => [worker, 'bytes' in frame && frame.bytes])).toEqual([
      [3, first],
      [3, new Uint8Array(13).fill(5)],
      [3, new Uint8Array(1200).fill(7)],
    ]);
    const heard: Uint8Array[] = [];
    const deframer = new Deframer(
      {
        onFrame: (data, at, length) => heard.push(Uint8Array.from(data.subarray(at, at + length))),
      },
      2048,
    );
    socket.on('data', (data) => deframer.push(data, 0, data.length));
    tcp.send(1, Uint8Array.of(1, 2, 3));
    tcp.send(1, new Uint8Array(300).fill(9));
    await until(() => heard.length === 2);
    expect(heard).toEqual([Uint8Array.of(1, 2, 3), new Uint8Array(300).fill(9)]);
    socket.destroy();
    await until(() => posted.length === 5);
    expect(posted[4]).toEqual([3, { type: 'stream.close', stream: 1 }]);
    expect(tcp.stats()).toEqual({ connections: 0, refused: 0, dropped: 0 });
  });

  test('is closed when its worker is done with it, and when that has died', async () => {
    const [one, two] = [await client(), await client()];
    for (const socket of [one, two]) socket.write(framed(check(`${OURS}:peer`)));
    await until(() => posted.length === 4);
    const ended = once(one.resume(), 'end');
    tcp.end(1);
    await ended;
    const closed = once(two.resume(), 'close');
    tcp.lost(3);
    await closed;
    await until(() => tcp.stats().connections === 0);
    // The worker that ended the first knows; of the second's end nobody is left to be told, which does no harm.
    expect(posted.filter(([, { type }]) => type === 'stream.close')).toHaveLength(1);
  });

  test.each([
    ['for a session that is not ours', () => framed(check('aaaaaaaa:peer'))],
    ['with half a name', () => framed(check(OURS))],
    ['that is no check', () => framed(new Uint8Array(100).fill(22))],
    ['that is longer than any packet', () => Buffer.from([0xff, 0xff])],
  ])('beginning with something %s is refused', async (_what, bytes) => {
    const socket = await client();
    const closed = once(socket.resume(), 'close');
    socket.write(bytes());
    await closed;
    await until(() => tcp.stats().connections === 0);
    expect(tcp.stats().refused).toBe(1);
    expect(posted).toEqual([]);
  });

  test('is one of few from its address until a check has come', async () => {
    const waiting = await Promise.all(Array.from({ length: 32 }, () => client()));
    const socket = await client();
    await once(socket.resume(), 'close');
    expect(tcp.stats()).toMatchObject({ connections: 32, refused: 1 });
    waiting[0]!.write(framed(check(`${OURS}:peer`)));
    await until(() => posted.length === 2);
    const another = await client();
    another.write(framed(check(`${OURS}:peer`)));
    await until(() => posted.length === 4);
    for (const one of waiting) one.destroy();
    await until(() => tcp.stats().connections === 1);
  });

  test('that does not read loses packets, not our memory', async () => {
    const socket = await client();
    socket.pause();
    socket.write(framed(check(`${OURS}:peer`)));
    await until(() => posted.length === 2);
    const packet = new Uint8Array(2000);
    for (let i = 0; i < 20_000; i++) tcp.send(1, packet);
    expect(tcp.stats().dropped).toBeGreaterThan(1000);
  });

  test('that sends frames as short as can be makes no more messages than packets could', async () => {
    const socket = await client();
    socket.write(framed(check(`${OURS}:peer`)));
    await until(() => posted.length === 2);
    const before = performance.now();
    const short = framed(...Array.from({ length: 1000 }, () => new Uint8Array(13)));
    const shorter = framed(...Array.from({ length: 1000 }, () => new Uint8Array(12)));
    for (let i = 0; i < 100; i++) socket.write(i % 2 === 0 ? short : shorter);
    await until(() => posted.length > 10_000);
    // What came in one read, what the bucket held, and what came into it since: 4 MiB a second, 1 KiB each.
    const seconds = (performance.now() - before) / 1000;
    expect(posted.length).toBeLessThan(2 * 4500 + 1024 + 4096 * (seconds + 0.1));
    // What is too short for a packet is none of it.
    const lengths = posted.map(([, command]) =>
      command.type === 'stream.frame' ? command.bytes.length : 13,
    );
    expect(Math.min(...lengths)).toBe(13);
  });

  test('that sends without end is read no faster than its rate', async () => {
    const socket = await client();
    socket.write(framed(check(`${OURS}:peer`)));
    await until(() => posted.length === 2);
    const flood = framed(...Array.from({ length: 8 }, () => new Uint8Array(2000)));
    for (let i = 0; i < 1000; i++) socket.write(flood);
    const before = performance.now();
    await until(() => posted.length > 1000);
    // What the bucket held, what came into it since, and what one read takes on top.
    const seconds = (performance.now() - before) / 1000;
    expect(posted.length * 2000).toBeLessThan((1.2 + 4 * (seconds + 0.1)) * 1024 * 1024);
  });
});

test('a port that is taken is one clear error', async () => {
  const [endpoint] = tcp.endpoints;
  const second = new IceTcp({ log: LOG, workerOf: () => undefined, post: () => undefined });
  await expect(second.listen([endpoint!])).rejects.toThrow(
    `cannot listen on tcp://127.0.0.1:${endpoint!.port}: the port is in use; stop what holds it, or choose another in sfu.tcpPort`,
  );
  await second.close();
});
