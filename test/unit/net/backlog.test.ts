// The Linux engine when the kernel takes nothing: what waits keeps its order, its bounds and its place in time.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  EAGAIN,
  EINTR,
  ENETUNREACH,
  ENOBUFS,
  ENOSPC,
  EPERM,
} from '../../../shared/native/errno.ts';
import { libc } from '../../../shared/native/libc.ts';
import { IP_TOS, SOL_IP } from '../../../shared/native/socket-constants.ts';
import { SocketOpener } from '../../../shared/net/linux-socket.ts';
import { PacketInfo } from '../../../shared/net/packet-info.ts';
import { ReceiveRing } from '../../../shared/net/receive-ring.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { address as at } from '../../support/turn/world.ts';
import { upTo } from '../../support/turn/in-turn.ts';

/** Turns that nothing but a delay may let pass. */
const IDLE_TURNS = 50;

let now: number;
let world: LinuxWorld;
let calls: number;
/** What the kernel answers to an attempt to send from a socket: an errno, or 0 for the truth. */
let answer: (fd: number) => number;

beforeEach(() => {
  now = 1_000_000;
  calls = 0;
  answer = () => 0;
  world = new LinuxWorld(() => now);
  const real = libc();
  world.seam.calls = {
    sendmmsg: (fd, ...rest) => {
      calls++;
      const errno = answer(fd);
      return errno === 0 ? real.sendmmsg(fd, ...rest) : world.seam.fail(errno);
    },
    sendto: (fd, ...rest) => {
      calls++;
      const errno = answer(fd);
      return errno === 0 ? real.sendto(fd, ...rest) : world.seam.fail(errno);
    },
  };
});

afterEach(() => world.close());

function say(id: number, to: TransportAddress, text: string): void {
  world.engine.send(id, to, Buffer.from(text), 0, text.length);
}

/** Turns without a change of time; returns how often the engine tried to send. */
function turns(count: number): number {
  const before = calls;
  for (let i = 0; i < count; i++) world.turn();
  return calls - before;
}

const numbered = (count: number): string[] => upTo(count).map((i) => `datagram ${i}`);

describe.each([
  ['is full', EAGAIN],
  ['has no memory', ENOBUFS],
])('a socket that %s', (_title, errno) => {
  it('keeps the order of what it was given before, meanwhile and after', async () => {
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    const texts = numbered(600);
    answer = () => errno;
    for (const text of texts.slice(0, 200)) say(id, address, text);
    world.turn();
    for (const text of texts.slice(200, 400)) say(id, address, text);
    world.turn();
    answer = () => 0;
    for (const text of texts.slice(400)) say(id, address, text);
    world.turn();
    now += 10;
    await world.until(() => got.length === 600);
    expect(got).toEqual(texts);
    expect(world.engine.counters).toMatchObject({ sent: 600, sendDropped: 0 });
  });

  it('keeps the order when the kernel takes some and refuses some, again and again', async () => {
    const { id } = world.owner().open(1);
    const [one, other] = [await world.peer(), await world.peer()];
    let n = 0;
    answer = () => (n++ % 3 === 1 ? 0 : errno);
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 10; i++) {
        say(id, one.address, `${round}.${i}`.padEnd(20 + (i >> 2)));
        say(id, other.address, `${round}.${i}`);
      }
      world.turn();
      now += 3;
    }
    await world.until(() => {
      now += 3;
      return one.got.length === 400 && other.got.length === 400;
    });
    const expected = upTo(40).flatMap((round) => upTo(10).map((i) => `${round}.${i}`));
    expect(one.got.map((text) => text.trim())).toEqual(expected);
    expect(other.got).toEqual(expected);
  });

  it('holds no more than its bounds, in bytes and in datagrams', async () => {
    const { id } = world.owner().open(1);
    const { address } = await world.peer();
    answer = () => errno;
    for (let i = 0; i < 2000; i++) world.engine.send(id, address, Buffer.alloc(1000), 0, 1000);
    world.turn();
    const { sendDropped: large } = world.engine.counters;
    expect(2000 - large).toBeGreaterThan(500);
    expect(2000 - large).toBeLessThanOrEqual((1 << 20) / 1000);
    const { id: second } = world.owner().open(2);
    for (let i = 0; i < 10_000; i++) say(second, address, '');
    world.turn();
    expect(10_000 - (world.engine.counters.sendDropped - large)).toBeLessThanOrEqual(4096);
    world.engine.close(id);
    world.engine.close(second);
    expect(world.engine.counters).toMatchObject({ sent: 0, sendDropped: 12_000 });
  });

  it('holds no more than the bound of all sockets together', async () => {
    const { address } = await world.peer();
    answer = () => errno;
    const ids = upTo(40).map((tag) => world.owner().open(tag).id);
    const bytes = Buffer.alloc(60_000);
    for (const id of ids)
      for (let i = 0; i < 20; i++) world.engine.send(id, address, bytes, 0, 60_000);
    world.turn();
    const held = 40 * 20 - world.engine.counters.sendDropped;
    expect(held * 60_000).toBeLessThanOrEqual(32 << 20);
    expect(held).toBeGreaterThan(500);
    // What is closed makes room again.
    for (const id of ids.slice(1)) world.engine.close(id);
    const before = world.engine.counters.sendDropped;
    const { id } = world.owner().open(99);
    for (let i = 0; i < 10; i++) world.engine.send(id, address, bytes, 0, 60_000);
    world.turn();
    expect(world.engine.counters.sendDropped).toBe(before);
  });

  it('does not keep other sockets waiting', async () => {
    const [stuck, free] = [world.owner().open(1), world.owner().open(2)];
    const { address, got } = await world.peer();
    answer = (fd) => (fd === stuck.id ? errno : 0);
    for (const text of numbered(500)) {
      say(stuck.id, address, text);
      say(free.id, address, text);
    }
    await world.until(() => got.length === 500);
    expect(got).toEqual(numbered(500));
  });

  it('drops a datagram that must not be fragmented instead of sending it later', async () => {
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    answer = () => errno;
    world.engine.sendWhole(id, address, Buffer.from('whole'), 0, 5);
    say(id, address, 'first');
    world.turn();
    world.engine.sendWhole(id, address, Buffer.from('whole'), 0, 5);
    answer = () => 0;
    now += 10;
    await world.until(() => got.length === 1);
    expect(got).toEqual(['first']);
    expect(world.engine.counters).toMatchObject({ sent: 1, sendDropped: 2 });
  });
});

describe('a backlog', () => {
  it('is not tried over and over while memory is short, but every 10 ms', async () => {
    const { id } = world.owner().open(1);
    const { address } = await world.peer();
    answer = () => ENOBUFS;
    say(id, address, 'x');
    world.turn();
    expect(turns(IDLE_TURNS)).toBe(0);
    now += 9;
    expect(turns(IDLE_TURNS)).toBe(0);
    now += 1;
    expect(turns(IDLE_TURNS)).toBeGreaterThan(0);
    now += 10;
    expect(turns(1)).toBeGreaterThan(0);
  });

  it('ends the wait of the loop when it is to be tried', async () => {
    const { id } = world.owner().open(1);
    const { address } = await world.peer();
    const waits: number[] = [];
    const real = libc();
    world.seam.calls.epoll_wait = (epoll, events, count, ms) => {
      waits.push(ms);
      return real.epoll_wait(epoll, events, count, 0);
    };
    answer = () => ENOBUFS;
    say(id, address, 'x');
    world.engine.turn(1000, () => undefined);
    now += 4;
    world.engine.turn(1000, () => undefined);
    world.engine.turn(2, () => undefined);
    now += 100;
    world.engine.turn(1000, () => undefined);
    answer = () => 0;
    now += 10;
    world.engine.turn(1000, () => undefined);
    world.engine.turn(1000, () => undefined);
    expect(waits).toEqual([10, 6, 2, 0, 0, 1000]);
  });

  it('is not tried over and over where the socket has room and takes nothing', async () => {
    const { id } = world.owner().open(1);
    const { address } = await world.peer();
    answer = () => EAGAIN;
    say(id, address, 'x');
    turns(2);
    expect(turns(IDLE_TURNS)).toBe(0);
    now += 10;
    expect(turns(IDLE_TURNS)).toBeGreaterThan(0);
  });

  it('of thousands goes out in portions, so that other sockets have their turns', async () => {
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    answer = () => ENOBUFS;
    for (let i = 0; i < 1000; i++) say(id, address, `${i}`);
    world.turn();
    answer = () => 0;
    now += 10;
    world.turn();
    expect(world.engine.counters.sent).toBe(64);
    world.turn();
    expect(world.engine.counters.sent).toBe(128);
    await world.until(() => got.length === 1000);
    expect(got).toEqual(upTo(1000).map(String));
  });

  it('goes before what is handled in the turn in which it is tried', async () => {
    const owner = world.owner();
    const [helper, knocked, full] = [owner.open(1), owner.open(2), owner.open(3)];
    const { address, got } = await world.peer();
    owner.onReceived = () => say(full.id, address, 'new');
    let failures = 2;
    answer = (fd) => (fd === full.id && failures-- > 0 ? EAGAIN : 0);
    // Epoll tells of the knock first, then of the room.
    say(helper.id, knocked.local, 'knock');
    say(full.id, address, 'old');
    world.turn();
    expect(owner.received.length).toBe(1);
    await world.until(() => got.length === 2);
    expect(got).toEqual(['old', 'new']);
  });

  it('wakes nobody once it is empty', async () => {
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    const errnos = [EAGAIN, EAGAIN];
    answer = () => errnos.shift() ?? 0;
    say(id, address, 'x');
    await world.until(() => got.length === 1);
    const real = libc();
    const ready: number[] = [];
    world.seam.calls.epoll_wait = (...args) => {
      ready.push(real.epoll_wait(...args));
      return ready.at(-1)!;
    };
    turns(3);
    expect(ready).toEqual([0, 0, 0]);
  });

  it('keeps order, TTL, DSCP and ECN of what it holds', async () => {
    const opener = new SocketOpener(libc());
    const ring = new ReceiveRing(libc(), 64);
    const target = at('127.0.0.1');
    const opened = opener.open(target, {});
    if ('failure' in opened) throw new Error(opened.failure);
    const owner = world.owner();
    const marks = [64, 32, 5].map((ttl, i) => ({ ttl, tos: 8 * i }));
    const senders = marks.map(({ ttl, tos }, i) => {
      const { id } = owner.open(i);
      opener.setTtl(id, 4, ttl);
      opener.set(id, SOL_IP, IP_TOS, tos);
      return id;
    });
    const relay = owner.open(9, '127.0.0.1', 0, { lowersTtl: true });
    owner.onReceived = ({ text }) => say(relay.id, target, text);
    const sent = upTo(30).map((i) => Object.assign({ text: `${i}` }, marks[i % 3]));
    let failures = Number.POSITIVE_INFINITY;
    answer = (fd) => (fd === relay.id && failures-- > 0 ? ENOBUFS : 0);
    for (const [i, { text }] of sent.entries()) {
      say(senders[i % 3]!, relay.local, text);
      world.turn();
    }
    await world.until(() => owner.received.length === 30);
    world.turn();
    // The first attempt of the retry fails, the ones after it would not.
    failures = 2;
    now += 10;
    world.turn();
    now += 10;
    await world.until(() => world.engine.counters.sent === 60);
    ring.receive(opened.fd, 64);
    const info = new PacketInfo();
    const got = upTo(ring.count).map((slot) => {
      ring.info(slot, info);
      const start = ring.offset(slot);
      const text = Buffer.from(ring.arena.bytes).toString(
        'latin1',
        start,
        start + ring.length(slot),
      );
      return { text, ttl: info.ttl + 1, tos: info.tos };
    });
    expect(got).toEqual(sent);
    libc().close(opened.fd);
    ring.free();
    opener.free();
  });

  it('is dropped and counted when its socket is closed', async () => {
    const { id } = world.owner().open(1);
    const { address } = await world.peer();
    answer = () => ENOBUFS;
    for (const text of numbered(10)) say(id, address, text);
    world.turn();
    world.engine.close(id);
    expect(world.engine.counters.sendDropped).toBe(10);
    answer = () => 0;
    now += 10;
    expect(turns(IDLE_TURNS)).toBe(0);
  });
});

describe('a send', () => {
  it('that a signal interrupts, or an error left by ICMP, is made again', async () => {
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    const errnos = [EINTR, ENETUNREACH];
    answer = () => errnos.shift() ?? 0;
    say(id, address, 'x');
    await world.until(() => got.length === 1);
    expect(world.engine.counters).toMatchObject({ sent: 1, sendDropped: 0 });
  });

  it('that is refused again and again is given up, and the next one is not', async () => {
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    answer = () => EPERM;
    say(id, address, 'x');
    world.turn();
    answer = () => 0;
    say(id, address, 'y');
    await world.until(() => got.length === 1);
    expect(got).toEqual(['y']);
    expect(world.engine.counters).toMatchObject({ sent: 1, sendDropped: 1 });
  });
});

it('a wait for events that a signal interrupts is an empty turn', async () => {
  const owner = world.owner();
  const { local } = owner.open(1);
  const { socket } = await world.peer();
  socket.send('x', local.port, local.host);
  const real = libc();
  let interrupted = 0;
  world.seam.calls.epoll_wait = (...args) =>
    interrupted++ < 5 ? world.seam.fail(EINTR) : real.epoll_wait(...args);
  await world.until(() => owner.received.length === 1);
  expect(interrupted).toBeGreaterThan(5);
});

it('a socket that cannot be watched is not opened', () => {
  world.seam.calls.epoll_ctl = () => world.seam.fail(ENOSPC);
  const owner = world.owner();
  const { id } = owner.open(1);
  expect([id, owner.failures.get(1), world.engine.counters.sockets]).toEqual([
    -1,
    'unavailable',
    0,
  ]);
});
