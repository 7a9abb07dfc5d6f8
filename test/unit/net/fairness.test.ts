// What a flooded socket, or a flood of commands, leaves to the others of a Linux engine.

import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libc } from '../../../shared/native/libc.ts';
import { EPOLLIN } from '../../../shared/native/socket-constants.ts';
import { Timer } from '../../../shared/net/timer-wheel.ts';
import { Epoll } from '../../../shared/net/epoll.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { upTo } from '../../support/turn/in-turn.ts';
import { address as at } from '../../support/turn/world.ts';

const FLOODED = 1;
const OTHER = 2;

let world: LinuxWorld;
let outside: LinuxWorld;
let sender: number;
let second: number;
let watch: Epoll;

beforeEach(() => {
  world = new LinuxWorld();
  outside = new LinuxWorld();
  sender = outside.owner().open(1).id;
  second = outside.owner().open(2).id;
  watch = new Epoll(libc());
});

afterEach(() => {
  watch.free();
  world.close();
  outside.close();
});

/** Datagrams of one flow, which the kernel keeps together, or of two by turns, which it cannot. */
function flood(to: TransportAddress, count: number, together: boolean): void {
  const bytes = Buffer.alloc(100);
  for (let i = 0; i < count; i++) {
    outside.engine.send(together || i % 2 === 0 ? sender : second, to, bytes, 0, 100);
  }
  outside.turn();
}

/** Sends one datagram, and returns when it can be received. */
function knock(socket: { id: number; local: TransportAddress }): void {
  outside.engine.send(sender, socket.local, Buffer.from('knock'), 0, 5);
  outside.turn();
  watch.add(socket.id, EPOLLIN);
  expect(watch.wait(5000)).toBe(1);
  watch.remove(socket.id);
}

describe.each([
  ['single datagrams', false, 32],
  // A share is measured in what came before: shorter runs there let one or two runs more in.
  ['runs that GRO put together', true, 512 + 2 * 64],
])('a socket flooded with %s', (_title, together, most) => {
  it('does not make another wait for a turn, nor for more than its share of one', () => {
    const owner = world.owner();
    const [flooded, other] = [owner.open(FLOODED), owner.open(OTHER)];
    flood(flooded.local, 6000, together);
    const shares: number[] = [];
    for (let turn = 0; turn < 300; turn++) {
      if (turn % 30 === 29) flood(flooded.local, 3000, together);
      knock(other);
      owner.received.length = 0;
      world.turn();
      const tags = owner.received.map(({ tag }) => tag);
      expect(tags.filter((tag) => tag === OTHER).length).toBe(1);
      shares.push(tags.length - 1);
    }
    expect(Math.max(...shares)).toBeLessThanOrEqual(most);
    // It is flooded indeed, and has its share.
    expect(shares.filter((share) => share > most / 4).length).toBeGreaterThan(10);
  });
});

it('a socket whose datagrams GRO begins to put together hands out one large turn at most', () => {
  const owner = world.owner();
  const { local } = owner.open(FLOODED);
  flood(local, 400, false);
  while (owner.received.length < 400) world.turn();
  flood(local, 9000, true);
  const shares = upTo(20).map(() => {
    owner.received.length = 0;
    world.turn();
    return owner.received.length;
  });
  expect(shares.findLastIndex((share) => share > 512)).toBe(0);
  expect(shares.filter((share) => share > 256).length).toBeGreaterThan(5);
});

it('more flooded sockets than epoll tells of at once are all served within two turns', () => {
  const owner = world.owner();
  const sockets = upTo(300).map((tag) => owner.open(tag));
  for (const { local } of sockets) flood(local, 120, false);
  for (let round = 0; round < 3; round++) {
    owner.received.length = 0;
    world.turn();
    world.turn();
    expect(new Set(owner.received.map(({ tag }) => tag)).size).toBe(300);
  }
});

it('commands without end leave a datagram its turn', () => {
  const { port1, port2 } = new MessageChannel();
  const wake = new Wake();
  const engine = new LinuxEngine(
    { now: () => performance.now(), onFault: (error) => world.faults.push(error) },
    wake.fd,
  );
  let commands = 0;
  let before = -1;
  const owner = {
    onOpened: (_tag: number, local: TransportAddress): void => {
      outside.engine.send(sender, local, Buffer.from('knock'), 0, 5);
      outside.turn();
    },
    onDatagram: (): void => {
      before = commands;
      engine.stop();
    },
  };
  engine.open(at('127.0.0.1'), owner, 1);
  // Where the commands never end, the test shall.
  const onCommand = (): void => {
    if (++commands < 10_000) port1.postMessage('and another');
  };
  for (let i = 0; i < 1000; i++) port1.postMessage('one');
  wake.wake();
  engine.timers.schedule(new Timer(() => engine.stop()), performance.now() + 5000);
  engine.run(port2, onCommand);
  port1.close();
  wake.close();
  expect(before).toBeGreaterThanOrEqual(0);
  expect(before).toBeLessThanOrEqual(2 * 64);
});
