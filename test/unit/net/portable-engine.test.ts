// The portable engine on real sockets: what it promises the protocol cores, and that nothing they or the
// network do stops it.

import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenFailure, SocketOwner } from '../../../shared/net/engine.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { address } from '../../support/turn/world.ts';

interface Opened {
  readonly socket: number;
  readonly local: TransportAddress;
  readonly failure: OpenFailure | undefined;
}

/** Waits for a condition; an engine that never fulfils it fails the test by its time limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    // oxlint-disable-next-line eslint/no-await-in-loop -- polling
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

class Owner implements SocketOwner {
  readonly engine: PortableEngine;
  readonly opened = new Map<number, (opened: Omit<Opened, 'socket'>) => void>();
  readonly received: { tag: number; from: string; bytes: Buffer; now: number }[] = [];
  onReceived: (from: TransportAddress) => void = () => undefined;
  #nextTag = 40;

  constructor(engine: PortableEngine) {
    this.engine = engine;
  }

  async open(host: string, port = 0): Promise<Opened> {
    const tag = this.#nextTag++;
    const answer = new Promise<Omit<Opened, 'socket'>>((resolve) => {
      this.opened.set(tag, resolve);
    });
    const socket = this.engine.open(address(host, port), this, tag);
    return { socket, ...(await answer) };
  }

  onOpened(tag: number, local: TransportAddress, failure: OpenFailure | undefined): void {
    const resolve = this.opened.get(tag);
    if (resolve === undefined)
      throw new Error(`onOpened of ${tag}, which was answered or is unknown`);
    this.opened.delete(tag);
    resolve({ local: local.copy(), failure });
  }

  onDatagram(
    tag: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const copy = Buffer.from(bytes.slice(offset, offset + length));
    this.received.push({ tag, from: from.toString(), bytes: copy, now });
    this.onReceived(from);
  }
}

let faults: unknown[] = [];
let engine: PortableEngine;
let owner: Owner;
const sockets: number[] = [];

beforeEach(() => {
  faults = [];
  engine = new PortableEngine({ now: () => 12_345.5, onFault: (error) => faults.push(error) });
  owner = new Owner(engine);
});

afterEach(() => {
  for (const socket of sockets.splice(0)) engine.close(socket);
  const { sockets: left } = engine.counters;
  if (left !== 0) throw new Error(`${left} sockets are left`);
});

async function open(host = '127.0.0.1', port = 0): Promise<Opened> {
  const opened = await owner.open(host, port);
  sockets.push(opened.socket);
  return opened;
}

describe('open', () => {
  it.each(['127.0.0.1', '::1'])('binds %s and tells the real port', async (host) => {
    const { local, failure } = await open(host);
    expect([failure, local.host]).toEqual([undefined, host]);
    expect(local.port).toBeGreaterThan(0);
    expect(engine.counters.sockets).toBe(1);
  });

  it.each(['127.0.0.1', '::1'])(
    'tells that a port of %s is in use, and keeps nothing of it',
    async (host) => {
      const { local } = await open(host);
      const second = await owner.open(host, local.port);
      expect(second.failure).toBe('in-use');
      expect(second.local.port).toBe(local.port);
      expect(engine.counters.sockets).toBe(1);
    },
  );

  it('tells that an address is not of this machine', async () => {
    expect((await owner.open('192.0.2.1')).failure).toBe('unavailable');
    expect((await owner.open('2001:db8::1')).failure).toBe('unavailable');
    expect(engine.counters.sockets).toBe(0);
  });

  it('answers after it has returned, never before', () => {
    let answered = false;
    owner.onOpened = () => {
      answered = true;
    };
    sockets.push(engine.open(address('127.0.0.1'), owner, 1));
    expect(answered).toBe(false);
  });

  it('keeps IPv4 out of IPv6 sockets, so that each address family has its own port space', async () => {
    const six = await open('::');
    const four = await open('0.0.0.0', six.local.port);
    expect(four.failure).toBeUndefined();
  });

  it('a socket closed before it was open is never answered, and frees its port', async () => {
    const { local, socket } = await open();
    engine.close(socket);
    const early = engine.open(address('127.0.0.1', local.port), owner, 1);
    engine.close(early);
    expect((await open('127.0.0.1', local.port)).failure).toBeUndefined();
    expect(faults).toEqual([]);
  });
});

describe('send', () => {
  it.each(['127.0.0.1', '::1'])('carries bytes over %s with their source', async (host) => {
    const [a, b] = [await open(host), await open(host)];
    const bytes = Buffer.from('..hello..');
    engine.send(a.socket, b.local, bytes, 2, 5);
    bytes.fill(0);
    await until(() => owner.received.length === 1);
    expect(owner.received).toEqual([
      { tag: 41, from: a.local.toString(), bytes: Buffer.from('hello'), now: 12_345.5 },
    ]);
    await until(() => engine.counters.sent === 1);
    expect(engine.counters).toMatchObject({ sockets: 2, received: 1, sent: 1, sendDropped: 0 });
  });

  it('sendPrefixed puts 32 bits in front, whatever their sign', async () => {
    const [a, b] = [await open(), await open()];
    engine.sendPrefixed(a.socket, b.local, (0x7fff << 16) | 2, Buffer.from('xhix'), 1, 2);
    engine.sendPrefixed(a.socket, b.local, -1, Buffer.alloc(0), 0, 0);
    await until(() => owner.received.length === 2);
    expect(owner.received.map(({ bytes }) => bytes.toString('hex'))).toEqual([
      '7fff00026869',
      'ffffffff',
    ]);
  });

  it.each([0, 1, 65_507])('carries a datagram of %i bytes', async (length) => {
    const [a, b] = [await open(), await open()];
    engine.send(a.socket, b.local, Buffer.alloc(length, 7), 0, length);
    await until(() => owner.received.length === 1);
    expect(owner.received[0]?.bytes).toEqual(Buffer.alloc(length, 7));
  });

  it('counts what cannot be sent, and throws at nothing', async () => {
    const [four, six] = [await open(), await open('::1')];
    const bytes = Buffer.alloc(70_000);
    engine.send(four.socket, address('127.0.0.1', 0), bytes, 0, 1);
    engine.send(9999, address('127.0.0.1', 9), bytes, 0, 1);
    engine.send(four.socket, address('127.0.0.1', 9), bytes, 0, 65_508);
    engine.send(six.socket, address('::ffff:127.0.0.1', 9), bytes, 0, 1);
    engine.sendPrefixed(four.socket, address('127.0.0.1', 9), 1, bytes, 0, 65_504);
    const closed = await owner.open('127.0.0.1');
    engine.close(closed.socket);
    engine.send(closed.socket, address('127.0.0.1', 9), bytes, 0, 1);
    await until(() => engine.counters.sendDropped === 6);
    expect([engine.counters.sent, faults]).toEqual([0, []]);
  });

  it('goes on after a peer port was unreachable', async () => {
    const [a, b] = [await open(), await open()];
    const gone = await owner.open('127.0.0.1');
    engine.close(gone.socket);
    for (let i = 0; i < 5; i++) engine.send(a.socket, gone.local, Buffer.alloc(1), 0, 1);
    engine.send(a.socket, b.local, Buffer.from('x'), 0, 1);
    await until(() => owner.received.length === 1);
    expect(owner.received[0]?.bytes.toString()).toBe('x');
  });
});

describe('faults and closing', () => {
  it('a fault in the core is reported, and the next datagram delivered', async () => {
    const [a, b] = [await open(), await open()];
    owner.onReceived = () => {
      if (owner.received.length === 1) throw new Error('a bug in the core');
    };
    for (const text of ['1', '2']) engine.send(a.socket, b.local, Buffer.from(text), 0, 1);
    await until(() => owner.received.length === 2);
    expect(faults.map(String)).toEqual(['Error: a bug in the core']);
  });

  it('a fault while a socket is announced is reported too', async () => {
    const failing: SocketOwner = {
      onOpened: () => {
        throw new Error('a bug in onOpened');
      },
      onDatagram: () => undefined,
    };
    sockets.push(engine.open(address('127.0.0.1'), failing, 1));
    await until(() => faults.length === 1);
    expect((await open()).failure).toBeUndefined();
  });

  it('a fault at a command is reported, and the next command handled', async () => {
    const { port1, port2 } = new MessageChannel();
    const handled: string[] = [];
    engine.run(port1, (command: string) => {
      if (command === 'bad') throw new Error('a bug in the core');
      handled.push(command);
    });
    for (const command of ['bad', 'good']) port2.postMessage(command);
    await until(() => handled.length === 1);
    expect(faults.map(String)).toEqual(['Error: a bug in the core']);
    engine.stop();
  });

  it('close is idempotent, and nothing is delivered after it', async () => {
    const [a, b] = [await open(), await open()];
    owner.onReceived = () => engine.close(b.socket);
    for (let i = 0; i < 5; i++) engine.send(a.socket, b.local, Buffer.from('x'), 0, 1);
    await until(() => owner.received.length > 0 && engine.counters.sent === 5);
    engine.close(b.socket);
    const again = await open('127.0.0.1', b.local.port);
    engine.send(a.socket, again.local, Buffer.from('y'), 0, 1);
    owner.onReceived = () => undefined;
    await until(() => owner.received.some(({ bytes }) => bytes.toString() === 'y'));
    expect(owner.received.filter(({ bytes }) => bytes.toString() === 'x')).toHaveLength(1);
    expect(engine.counters.sockets).toBe(2);
  });

  it('tells sources apart, and takes up many of them', async () => {
    const target = await open();
    const sources = await Promise.all(Array.from({ length: 50 }, () => open()));
    for (const { socket } of sources) engine.send(socket, target.local, Buffer.from('x'), 0, 1);
    for (const { socket } of sources) engine.send(socket, target.local, Buffer.from('x'), 0, 1);
    await until(() => owner.received.length === 100);
    const seen = new Set(owner.received.map(({ from }) => from));
    expect(seen).toEqual(new Set(sources.map(({ local }) => local.toString())));
  });
});
