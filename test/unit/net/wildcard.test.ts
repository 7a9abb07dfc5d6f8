// A socket on 0.0.0.0 or :: of the Linux engine: it knows at which address it was asked, and answers from there. All of
// 127/8 is this machine's on Linux. A connected socket hears only those answers that come from where it asked.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Arena } from '../../../shared/native/arena.ts';
import { EIO, EINVAL, ENOBUFS } from '../../../shared/native/errno.ts';
import { libc } from '../../../shared/native/libc.ts';
import { IP_TOS, SOL_IP } from '../../../shared/native/socket-constants.ts';
import type { SocketOwner } from '../../../shared/net/engine.ts';
import { SocketOpener } from '../../../shared/net/linux-socket.ts';
import { PacketInfo, writeSource } from '../../../shared/net/packet-info.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { messagesAt, type SentMessage } from '../../support/net/messages.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { address as at } from '../../support/turn/world.ts';

interface Asked {
  readonly tag: number;
  readonly socket: number;
  readonly local: string;
}

let now: number;
let world: LinuxWorld;
const clients: Socket[] = [];

beforeEach(() => {
  now = 0;
  world = new LinuxWorld(() => now);
});

afterEach(() => {
  for (const socket of clients.splice(0)) socket.close();
  world.close();
});

/** Answers from each address under a tag of its own: what it heard, with the name of the address. */
class Answering implements SocketOwner {
  readonly asked: Asked[] = [];
  readonly received: { tag: number; from: string; text: string }[] = [];
  readonly sockets = new Map<number, number>();
  /** What becomes of a new address: a tag, or undefined. */
  admit: (asked: Asked) => number | undefined = () => 100 + this.asked.length;
  answers = true;
  port = 0;
  id = -1;

  open(host: string, dualStack = false): void {
    this.id = world.engine.open(at(host), this, 7, { dualStack });
    this.sockets.set(7, this.id);
    world.turn();
  }

  onOpened(_tag: number, local: TransportAddress): void {
    this.port = local.port;
  }

  onLocal(tag: number, socket: number, local: TransportAddress): number | undefined {
    const asked = { tag, socket, local: local.toString() };
    this.asked.push(asked);
    const given = this.admit(asked);
    if (given !== undefined) this.sockets.set(given, socket);
    return given;
  }

  onDatagram(tag: number, from: TransportAddress, bytes: Uint8Array, offset: number, n: number) {
    const text = Buffer.from(bytes).toString('latin1', offset, offset + n);
    this.received.push({ tag, from: from.toString(), text });
    if (this.answers) world.engine.send(this.sockets.get(tag)!, from, bytes, offset, n);
  }
}

/** A client that hears that one address alone. */
async function client(host: string, port: number): Promise<{ socket: Socket; got: string[] }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  clients.push(socket);
  socket.connect(port, host);
  await once(socket, 'connect');
  socket.setRecvBufferSize(4 << 20);
  const got: string[] = [];
  socket.on('message', (bytes) => got.push(bytes.toString('latin1')));
  return { socket, got };
}

/** IPv6 addresses of this machine, link-local ones with their interface. */
function addresses6(): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, all]) =>
    (all ?? [])
      .filter(({ family }) => family === 'IPv6')
      .map(({ address, scopeid }) => (scopeid === 0 ? address : `${address}%${name}`)),
  );
}

const HOSTS4 = ['127.0.0.1', '127.0.0.2', '127.7.7.7'];

describe.each([
  ['0.0.0.0', false, HOSTS4],
  ['::', false, addresses6()],
  ['::', true, HOSTS4],
  ['::', true, addresses6()],
])('a socket on %s, for both families: %s, asked at %j', (any, dualStack, hosts) => {
  it('answers from the address that was asked, and is told of each once', async () => {
    const owner = new Answering();
    owner.open(any, dualStack);
    const all = await inTurn(hosts, (host) => client(host, owner.port));
    for (const round of [0, 1, 2]) {
      for (const [i, { socket }] of all.entries()) socket.send(`${hosts[i]} ${round}`);
      await world.until(() => all.every(({ got }) => got.length === round + 1));
    }
    expect(all.map(({ got }) => got)).toEqual(
      hosts.map((host) => [0, 1, 2].map((round) => `${host} ${round}`)),
    );
    const told = owner.asked.map(({ tag, local }) => `${tag} ${local}`);
    expect(told.toSorted()).toEqual(
      hosts.map((host) => `7 ${at(host, owner.port).toString()}`).toSorted(),
    );
    const tags = new Set(owner.received.map(({ tag, text }) => `${tag} ${text.split(' ')[0]}`));
    expect(tags.size).toBe(hosts.length);
    expect(Math.min(...owner.asked.map(({ socket }) => socket))).toBeGreaterThanOrEqual(1 << 24);
    expect(new Set(owner.asked.map(({ socket }) => socket)).size).toBe(hosts.length);
  });

  it('keeps the source of bursts that GRO and GSO carry', async () => {
    const owner = new Answering();
    owner.open(any, dualStack);
    const sent: SentMessage[] = [];
    const real = libc();
    world.seam.calls.sendmmsg = (fd, messages, count, flags) => {
      if (fd === owner.id) sent.push(...messagesAt(messages, count));
      return real.sendmmsg(fd, messages, count, flags);
    };
    const all = await inTurn(hosts, (host) => client(host, owner.port));
    const askers = world.owner();
    const from = hosts[0]!.includes(':') ? '::1' : '127.0.0.1';
    const { id, local } = askers.open(1, from);
    const texts = upTo(100).map((i) => `${i}`.padStart(i === 99 ? 90 : 600, '.'));
    // The engine's own sockets burst as one; the connected ones show that the two do not mix.
    const scoped = hosts.filter((host) => !host.includes('%'));
    for (const host of scoped) {
      for (const text of texts) {
        world.engine.send(id, at(host, owner.port), Buffer.from(text), 0, text.length);
      }
    }
    for (const [i, { socket }] of all.entries()) socket.send(`${hosts[i]}`);
    await world.until(
      () =>
        askers.received.length === 100 * scoped.length && all.every(({ got }) => got.length === 1),
    );
    for (const host of scoped) {
      const source = at(host, owner.port).toString();
      const back = askers.received.filter((one) => one.from === source).map(({ text }) => text);
      expect(back).toEqual(texts);
    }
    expect(all.map(({ got }) => got)).toEqual(hosts.map((host) => [host]));
    expect(owner.received.filter((one) => one.from === local.toString()).length).toBe(
      100 * scoped.length,
    );
    expect(sent.some(({ segment, pieces }) => segment === 600 && pieces.length > 30)).toBe(true);
  });

  it('without onLocal gets everything under its one tag', async () => {
    const owner = world.owner();
    const { local } = owner.open(3, any, 0, { dualStack });
    const all = await inTurn(hosts, (host) => client(host, local.port));
    for (const { socket } of all) socket.send('x');
    await world.until(() => owner.received.length === all.length);
    expect(new Set(owner.received.map(({ tag }) => tag))).toEqual(new Set([3]));
    expect(world.engine.counters.receiveDropped).toBe(0);
  });
});

/** Wildcards that take IPv4. */
const FOR_IPV4 = [
  ['0.0.0.0', false],
  ['::', true],
] as const;

describe('local addresses', () => {
  it('that the owner does not want are silent, and the others are not', async () => {
    const owner = new Answering();
    owner.admit = ({ local }) => (local.startsWith('127.0.0.2:') ? undefined : 1);
    owner.open('0.0.0.0');
    const [wanted, unwanted] = await inTurn(['127.0.0.1', '127.0.0.2'], (host) =>
      client(host, owner.port),
    );
    for (let i = 0; i < 5; i++) unwanted!.socket.send('unwanted');
    await world.until(() => world.engine.counters.receiveDropped === 5);
    wanted!.socket.send('wanted');
    await world.until(() => wanted!.got.length === 1);
    expect(owner.received.map(({ text }) => text)).toEqual(['wanted']);
    expect(owner.asked.length).toBe(2);
  });

  it('are bounded: the 257th is dropped and counted, those before it go on', async () => {
    const owner = new Answering();
    owner.open('0.0.0.0');
    const { socket } = await world.peer();
    const hosts = upTo(300).map((i) => `127.1.${i >> 8}.${i & 255}`);
    const say = (host: string): Promise<unknown> =>
      new Promise((resolve) => socket.send(host, owner.port, host, resolve));
    await inTurn(hosts, say);
    await world.until(
      () => owner.received.length + world.engine.counters.receiveDropped === hosts.length,
    );
    expect(owner.asked.length).toBe(256);
    expect(owner.received.map(({ text }) => text)).toEqual(hosts.slice(0, 256));
    await inTurn([hosts[299]!, hosts[0]!, hosts[255]!], say);
    await world.until(() => owner.received.length === 258);
    expect(world.engine.counters.receiveDropped).toBe(300 - 256 + 1);
    const numbers = new Set(owner.asked.map(({ socket: number }) => number));
    expect(numbers.size).toBe(256);
  });

  it.each(FOR_IPV4)(
    'of %s are not those that everybody is addressed at',
    async (any, dualStack) => {
      const owner = new Answering();
      owner.open(any, dualStack);
      const { socket, got } = await world.peer();
      socket.setBroadcast(true);
      socket.send('to all', owner.port, '127.255.255.255');
      await world.until(() => world.engine.counters.receiveDropped === 1);
      socket.send('to one', owner.port, '127.0.0.1');
      await world.until(() => got.length === 1);
      expect(owner.received.map(({ text }) => text)).toEqual(['to one']);
    },
  );

  it('whose owner fails are silent, and the fault is reported', async () => {
    const owner = new Answering();
    owner.admit = () => {
      throw new Error('a bug in the core');
    };
    owner.open('0.0.0.0');
    const { socket } = await client('127.0.0.1', owner.port);
    socket.send('x');
    socket.send('y');
    await world.until(() => world.engine.counters.receiveDropped === 2);
    expect(world.faults.splice(0).map(String)).toEqual(['Error: a bug in the core']);
  });

  it('end with their socket, whether it is closed in a burst or between two', async () => {
    const owner = new Answering();
    owner.open('0.0.0.0');
    const { socket, got } = await client('127.0.0.2', owner.port);
    owner.admit = () => {
      world.engine.close(owner.id);
      return 1;
    };
    for (let i = 0; i < 5; i++) socket.send('x');
    await world.until(() => owner.asked.length === 1);
    const [{ socket: local } = { socket: -1 }] = owner.asked;
    world.turn();
    expect(owner.received.length).toBeLessThanOrEqual(1);
    const before = world.engine.counters.sendDropped;
    world.engine.send(local, at('127.0.0.1', socket.address().port), Buffer.from('late'), 0, 4);
    world.turn();
    expect(world.engine.counters.sendDropped).toBe(before + 1);
    // A number of a local address closes nothing.
    const again = new Answering();
    again.open('0.0.0.0');
    const second = await client('127.0.0.3', again.port);
    second.socket.send('first');
    await world.until(() => second.got.length === 1);
    world.engine.close(again.asked[0]!.socket);
    second.socket.send('second');
    await world.until(() => second.got.length === 2);
    expect([got, second.got]).toEqual([[], ['first', 'second']]);
  });
});

/** A wildcard socket that was asked at these addresses; what it sends from each, to whoever asked there. */
async function askedAt(...hosts: string[]) {
  const owner = new Answering();
  owner.answers = false;
  owner.open('0.0.0.0');
  const ways = await inTurn(hosts, async (host, i) => {
    const { socket, got } = await client(host, owner.port);
    socket.send('hello');
    await world.until(() => owner.received.length === i + 1);
    const to = at('127.0.0.1', socket.address().port);
    return { got, to, id: owner.asked[i]!.socket };
  });
  return { owner, ways };
}

it('a group is told from an address in IPv6, too', () => {
  const arena = new Arena(64);
  const info = new PacketInfo();
  const seen = ['ff02::1', 'fe80::1', '2001:db8::1'].map((host) => {
    const length = writeSource(arena, 0, at(host, 5));
    info.read(arena, 0, length);
    return [info.isMulticast, info.local.toString()];
  });
  expect(seen).toEqual([
    [true, '[ff02::1]:0'],
    [false, '[fe80::1]:5'],
    [false, '[2001:db8::1]:0'],
  ]);
  arena.free();
});

describe('what is sent from a local address', () => {
  it.each([
    ['cut by hand', EIO],
    ['cut by hand for its size', EINVAL],
    ['held back', ENOBUFS],
  ])('has its source when it is %s', async (_title, errno) => {
    const { owner, ways } = await askedAt('127.0.0.2', '127.0.0.3');
    const real = libc();
    let left = 1;
    world.seam.calls.sendmmsg = (fd, ...rest) =>
      fd === owner.id && left-- > 0 ? world.seam.fail(errno) : real.sendmmsg(fd, ...rest);
    for (const { id, to } of ways) {
      for (let i = 0; i < 10; i++) world.engine.send(id, to, Buffer.from(`${i}`), 0, 1);
    }
    await world.until(() => {
      now += 10;
      return ways.every(({ got }) => got.length === 10);
    });
    for (const { got } of ways) expect(got).toEqual(upTo(10).map(String));
    expect(world.engine.counters.sendDropped).toBe(0);
  });

  it.each(FOR_IPV4)(
    'keeps DSCP and ECN beside its source, in a GSO send too, on %s',
    async (any, dualStack) => {
      const opener = new SocketOpener(libc());
      const owner = new Answering();
      owner.open(any, dualStack);
      const senders = world.owner();
      const { id } = senders.open(1);
      expect(opener.set(id, SOL_IP, IP_TOS, 0xb8)).toBe(true);
      const controls: number[] = [];
      const real = libc();
      world.seam.calls.sendmmsg = (fd, messages, count, flags) => {
        if (fd === owner.id) {
          controls.push(...messagesAt(messages, count).map(({ controlBytes }) => controlBytes));
        }
        return real.sendmmsg(fd, messages, count, flags);
      };
      for (let i = 0; i < 3; i++) {
        world.engine.send(id, at('127.0.0.9', owner.port), Buffer.from(`${i}`), 0, 1);
      }
      await world.until(() => senders.received.length === 3);
      expect(senders.received.map(({ from }) => from)).toEqual(
        Array(3).fill(`127.0.0.9:${owner.port}`),
      );
      // DSCP, source and segment size: control messages of 24, 32 and 24 bytes.
      expect(controls).toEqual([80]);
      opener.free();
    },
  );

  it('goes on to several addresses of one socket by one call', async () => {
    const { ways } = await askedAt(...upTo(5).map((i) => `127.0.0.${i + 1}`));
    let calls = 0;
    const real = libc();
    world.seam.calls.sendmmsg = (...args) => {
      calls++;
      return real.sendmmsg(...args);
    };
    for (const { id, to } of ways) world.engine.send(id, to, Buffer.from('x'), 0, 1);
    world.turn();
    expect(calls).toBe(1);
    await world.until(() => ways.every(({ got }) => got.length === 1));
  });

  it('can be whole (RFC 8656 s14), and have a header', async () => {
    const { ways } = await askedAt('127.0.0.2');
    const { id, to, got } = ways[0]!;
    world.engine.sendWhole(id, to, Buffer.from('whole'), 0, 5);
    world.engine.sendHeaded(id, to, Buffer.from('head'), 4, Buffer.from('x'), 0, 1, 3);
    world.engine.sendPrefixed(id, to, 0x41_42_43_44, Buffer.from('y'), 0, 1);
    await world.until(() => got.length === 3);
    expect(got).toEqual(['whole', 'headx\0\0\0', 'ABCDy']);
  });
});
