// TCP connections of TURN clients over real sockets: which worker they go to, what comes back, who may come in, and how
// fast.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { CLASS_REQUEST, CLASS_SUCCESS } from '../../../shared/stun/registry.ts';
import { allocate, StreamHost, until } from '../../support/stream-host.ts';

const HELLO = Buffer.from('hello');
const PROXY_LINE = 'PROXY TCP4 192.0.2.7 203.0.113.9 12345 3478\r\n';

let streams: StreamHost;

afterEach(() => streams?.stop());

const read = async (socket: Socket, length: number): Promise<Buffer> => {
  const heard: Buffer[] = [];
  socket.on('data', (data) => heard.push(data));
  await until(() => Buffer.concat(heard).length >= length);
  return Buffer.concat(heard);
};

describe('a connection', () => {
  test('goes to a worker with its first bytes, and its answers come back', async () => {
    streams = await StreamHost.start();
    const socket = await streams.connect();
    socket.write(HELLO);
    await until(() => streams.posted.length === 2);
    const local = { host: '127.0.0.1', port: socket.remotePort };
    const remote = { host: '127.0.0.1', port: socket.localPort };
    expect(streams.posted).toEqual([
      [0, { type: 'turn.open', stream: 1, transport: 'tcp', local, remote }],
      [0, { type: 'turn.bytes', stream: 1, bytes: new Uint8Array(HELLO) }],
    ]);
    streams.host.onEvent({ type: 'turn.bytes', stream: 1, bytes: Uint8Array.of(1, 2, 3) });
    expect(await read(socket, 3)).toEqual(Buffer.of(1, 2, 3));
    socket.destroy();
    await until(() => streams.posted.length === 3);
    expect(streams.posted[2]).toEqual([0, { type: 'turn.close', stream: 1 }]);
    expect(streams.host.stats()).toEqual({ connections: 0, refused: 0 });
  });

  test('goes to one of the workers that serve, in turn', async () => {
    streams = await StreamHost.start();
    streams.workers = [2, 5];
    for (let i = 0; i < 4; i++) (await streams.connect()).write(HELLO);
    await until(() => streams.ofType('turn.open').length === 4);
    const dealt = streams.posted.flatMap(([worker, { type }]) =>
      type === 'turn.open' ? [worker] : [],
    );
    expect(dealt.toSorted((a, b) => a - b)).toEqual([2, 2, 5, 5]);
  });

  test('ends where no worker serves, and with its worker', async () => {
    streams = await StreamHost.start();
    const served = await streams.connect();
    served.write(HELLO);
    await until(() => streams.posted.length === 2);
    streams.workers = [];
    const late = await streams.connect();
    late.write(HELLO);
    await once(late.resume(), 'close');
    expect(streams.ofType('turn.open')).toHaveLength(1);
    const closed = once(served.resume(), 'close');
    streams.host.lost(0);
    await closed;
    await until(() => streams.host.stats().connections === 0);
    expect(streams.ofType('turn.close')).toEqual([]);
  });

  test('that the worker ends gets what it was sent before, and the worker hears no more of it', async () => {
    streams = await StreamHost.start();
    const socket = await streams.connect();
    socket.write(HELLO);
    await until(() => streams.posted.length === 2);
    const ended = once(socket, 'end');
    streams.host.onEvent({ type: 'turn.bytes', stream: 1, bytes: new Uint8Array(100_000) });
    streams.host.onEvent({ type: 'turn.end', stream: 1 });
    expect(await read(socket, 100_000)).toHaveLength(100_000);
    await ended;
    await until(() => streams.host.stats().connections === 0);
    expect(streams.posted.filter(([, { type }]) => type !== 'turn.drained')).toHaveLength(2);
  });

  test('of IPv4 through a listener on :: is IPv4, where ::1 is asked it is ::1', async () => {
    streams = await StreamHost.start({ listeners: ['tcp://0.0.0.0:0', 'tcp://[::]:0'] });
    expect(streams.urls[0]).toMatch(/^tcp:\/\/0\.0\.0\.0:[1-9]\d*$/);
    expect(streams.urls[1]).toMatch(/^tcp:\/\/\[::\]:[1-9]\d*$/);
    for (const listener of [0, 1]) {
      (await streams.connect({ listener })).write(HELLO);
      await until(() => streams.ofType('turn.open').length === listener + 1);
    }
    const opened = streams
      .ofType('turn.open')
      .map(({ local, remote }) => [local.host, remote.host]);
    expect(opened).toEqual([
      ['127.0.0.1', '127.0.0.1'],
      ['::1', '::1'],
    ]);
  });
});

describe('what flows', () => {
  test('no more is read than the worker takes', async () => {
    streams = await StreamHost.start();
    const socket = await streams.connect();
    const chunk = Buffer.alloc(64 * 1024, 1);
    for (let i = 0; i < 12; i++) socket.write(chunk);
    await until(() => streams.bytesOf(1).length > 256 * 1024);
    // It stands still: what is beyond waits in the kernel, and at the client.
    let before = 0;
    while (before !== streams.bytesOf(1).length) {
      before = streams.bytesOf(1).length;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(before).toBeLessThanOrEqual(256 * 1024 + 64 * 1024);
    streams.host.onEvent({ type: 'turn.taken', stream: 1, bytes: before });
    let taken = before;
    while (taken < 12 * chunk.length) {
      await until(() => streams.bytesOf(1).length > taken);
      const now = streams.bytesOf(1).length;
      streams.host.onEvent({ type: 'turn.taken', stream: 1, bytes: now - taken });
      taken = now;
    }
    expect(taken).toBe(12 * chunk.length);
  });

  test('is read no faster than its rate', async () => {
    streams = await StreamHost.start();
    const socket = await streams.connect();
    const before = performance.now();
    for (let i = 0; i < 80; i++) socket.write(Buffer.alloc(64 * 1024, 1));
    let taken = 0;
    while (taken < 80 * 64 * 1024) {
      await until(() => streams.bytesOf(1).length > taken);
      const now = streams.bytesOf(1).length;
      streams.host.onEvent({ type: 'turn.taken', stream: 1, bytes: now - taken });
      taken = now;
    }
    // What the bucket held, what came into it since, and what one read takes on top.
    const seconds = (performance.now() - before) / 1000;
    expect(taken).toBeLessThan((1.1 + 4 * (seconds + 0.1)) * 1024 * 1024);
  });

  test('the worker is told of what the kernel took, and a client that reads nothing ends before our memory', async () => {
    streams = await StreamHost.start();
    const socket = await streams.connect();
    socket.pause();
    socket.write(HELLO);
    await until(() => streams.posted.length === 2);
    const bytes = new Uint8Array(16 * 1024);
    streams.host.onEvent({ type: 'turn.bytes', stream: 1, bytes });
    await until(() => streams.ofType('turn.drained').length === 1);
    expect(streams.ofType('turn.drained')).toEqual([
      { type: 'turn.drained', stream: 1, bytes: 16 * 1024 },
    ]);
    let sent = 0;
    while (streams.host.stats().connections === 1) {
      streams.host.onEvent({ type: 'turn.bytes', stream: 1, bytes: new Uint8Array(64 * 1024) });
      sent += 64 * 1024;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const drained = streams.ofType('turn.drained').reduce((sum, { bytes: n }) => sum + n, 0);
    expect(sent - drained).toBeLessThan(1.5 * 1024 * 1024);
  });
});

describe('who may come in', () => {
  test('of one address 32 may wait, and the oldest of them give way; an allocation ends the waiting', async () => {
    streams = await StreamHost.start();
    const first = await streams.connect();
    first.write(allocate(CLASS_REQUEST));
    await until(() => streams.posted.length === 2);
    streams.host.onEvent({ type: 'turn.bytes', stream: 1, bytes: allocate(CLASS_SUCCESS) });
    const second = await streams.connect();
    const closed = once(second.resume(), 'close');
    for (let i = 0; i < 32; i++) await streams.connect();
    await closed;
    await until(() => streams.host.stats().connections === 33);
    expect(streams.host.stats().refused).toBe(1);
    first.write(HELLO);
    await until(() => streams.bytesOf(1).length > 20);
    // Who comes from elsewhere drives nobody out.
    const other = await streams.connect({ from: '127.0.0.2' });
    other.write(HELLO);
    await until(() => streams.ofType('turn.open').length === 2);
    expect(streams.host.stats().refused).toBe(1);
  });
});

describe('behind a proxy', () => {
  test('the header says who the client is, in pieces or with what follows', async () => {
    streams = await StreamHost.start({ proxies: ['127.0.0.0/8'] });
    const [pieces, whole] = [await streams.connect(), await streams.connect()];
    pieces.setNoDelay();
    for (const byte of `${PROXY_LINE}hello`) {
      pieces.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    whole.write(`${PROXY_LINE}hello`);
    await until(() => streams.bytesOf(1).length === 5 && streams.bytesOf(2).length === 5);
    for (const { local, remote } of streams.ofType('turn.open')) {
      expect(remote).toEqual({ host: '192.0.2.7', port: 12_345 });
      expect(local).toEqual({ host: '127.0.0.1', port: pieces.remotePort });
    }
    expect(streams.bytesOf(1)).toEqual(HELLO);
    expect(streams.bytesOf(2)).toEqual(HELLO);
  });

  test('who sends none is refused; LOCAL is the proxy itself', async () => {
    streams = await StreamHost.start({ proxies: ['127.0.0.1/32'] });
    const bare = await streams.connect();
    const closed = once(bare.resume(), 'close');
    bare.write(allocate(CLASS_REQUEST));
    await closed;
    const local = await streams.connect();
    local.write(Buffer.from('\r\n\r\n\0\r\nQUIT\n\x20\0\0\0hello', 'latin1'));
    await until(() => streams.bytesOf(2).length === 5);
    const remote = { host: '127.0.0.1', port: local.localPort };
    expect(streams.ofType('turn.open')).toMatchObject([{ stream: 2, remote }]);
    expect(streams.host.stats().refused).toBe(1);
  });

  test('its clients count each for itself, and the proxy for none of them', async () => {
    streams = await StreamHost.start({ proxies: ['127.0.0.1/32'] });
    for (let i = 0; i < 40; i++) {
      (await streams.connect()).write(`PROXY TCP4 192.0.2.${i} 203.0.113.9 5 6\r\nhello`);
    }
    await until(() => streams.ofType('turn.open').length === 40);
    expect(streams.host.stats()).toEqual({ connections: 40, refused: 0 });
    for (let i = 0; i < 33; i++) {
      (await streams.connect()).write('PROXY TCP4 203.0.113.1 203.0.113.9 5 6\r\nhello');
    }
    await until(() => streams.ofType('turn.open').length === 73);
    expect(streams.host.stats().refused).toBe(1);
  });

  test('from anybody else the header is bytes like any other', async () => {
    streams = await StreamHost.start({ proxies: ['192.0.2.0/24'] });
    const socket = await streams.connect();
    socket.write(PROXY_LINE);
    await until(() => streams.bytesOf(1).length === PROXY_LINE.length);
    const remote = { host: '127.0.0.1', port: socket.localPort };
    expect(streams.ofType('turn.open')).toMatchObject([{ remote }]);
  });
});

test('a port that is taken is one clear error', async () => {
  streams = await StreamHost.start();
  const [url = ''] = streams.urls;
  await expect(StreamHost.start({ listeners: [url] })).rejects.toThrow(
    `cannot listen on ${url}: the port is in use; stop what holds it, or choose another in turn.listeners`,
  );
});
