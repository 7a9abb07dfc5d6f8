// Receiving, waiting and opening when the kernel refuses, by replaced system calls around the real ones: the loop goes
// on, nothing that came is lost, and a socket that cannot be watched is not said to be open.

import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EINTR, EMFILE, ENOMEM, errnoName } from '../../shared/native/errno.ts';
import { libc } from '../../shared/native/libc.ts';
import { EPOLL_CTL_ADD } from '../../shared/native/socket-constants.ts';
import { EngineBench } from '../support/fault/engine-bench.ts';
import { held } from '../support/fault/held.ts';

const kernel = libc();

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => {
  bench.close();
});

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

it.each([ENOMEM, EINTR].map((errno) => ({ errno, name: errnoName(errno) })))(
  'recvmmsg failing with $name loses nothing and holds up no other socket',
  async ({ errno }) => {
    const sender = bench.socket();
    const stuck = bench.socket();
    const other = bench.socket();
    let fails = true;
    let failures = 0;
    bench.seam.calls.recvmmsg = (fd, ...rest) => {
      if (fd !== stuck.id || !fails) return kernel.recvmmsg(fd, ...rest);
      failures++;
      return bench.seam.fail(errno);
    };
    for (let n = 0; n < 200; n++) {
      sender.send(stuck.local!, `${n}`);
      sender.send(other.local!, `${n}`);
    }
    await bench.until(() => other.received.length === 200);
    for (let turn = 0; turn < 10; turn++) bench.turn();
    expect(stuck.received).toEqual([]);
    fails = false;
    await bench.until(() => stuck.received.length === 200);
    expect(stuck.received).toEqual(other.received);
    expect(failures).toBeGreaterThan(5);
    held(`200 of 200 received after ${failures} x ${errnoName(errno)}`);
  },
);

it('epoll_wait that a signal interrupts is called again', async () => {
  const sender = bench.socket();
  const receiver = bench.socket();
  let calls = 0;
  bench.seam.calls.epoll_wait = (...call) => {
    calls++;
    return calls % 2 === 1 ? bench.seam.fail(EINTR) : kernel.epoll_wait(...call);
  };
  for (let n = 0; n < 100; n++) sender.send(receiver.local!, `${n}`);
  await bench.until(() => receiver.received.length === 100);
  expect(calls).toBeGreaterThan(1);
  held(`100 of 100 received, every other of ${calls} waits interrupted`);
});

it('an error queue that cannot be read keeps no socket from relaying', async () => {
  const socket = bench.socket();
  const gone = await bench.sink();
  const { address } = gone;
  gone.close();
  const sink = await bench.sink();
  let fails = true;
  bench.seam.calls.recvmsg = (...call) =>
    fails ? bench.seam.fail(ENOMEM) : kernel.recvmsg(...call);
  for (let n = 0; n < 50; n++) {
    socket.send(address, 'anybody?');
    socket.send(sink.address, `${n}`);
    bench.turn();
  }
  await bench.until(() => sink.got.length === 50);
  expect(socket.icmp).toBe(0);
  fails = false;
  await bench.until(() => socket.icmp > 0);
  held(`50 of 50 sent past unread errors; ${socket.icmp} errors read afterwards`);
});

describe('opening', () => {
  it('answers that it failed when there is no descriptor, and works once there is', () => {
    bench.seam.calls.socket = () => bench.seam.fail(EMFILE);
    expect(bench.socket().failure).toBe('unavailable');
    bench.seam.calls = {};
    expect(bench.socket().failure).toBeUndefined();
    expect(bench.engine.counters.sockets).toBe(1);
    held('EMFILE answered as unavailable');
  });

  it('answers that it failed when the socket cannot be watched, and closes it', () => {
    const before = openDescriptors();
    bench.seam.calls.epoll_ctl = (epoll, operation, ...rest) =>
      operation === EPOLL_CTL_ADD
        ? bench.seam.fail(ENOMEM)
        : kernel.epoll_ctl(epoll, operation, ...rest);
    expect(bench.socket().failure).toBe('unavailable');
    expect(openDescriptors()).toBe(before);
    expect(bench.engine.counters.sockets).toBe(0);
    held('a socket that epoll does not take is not open');
  });

  it('leaves no descriptor behind when bind fails', () => {
    const before = openDescriptors();
    bench.seam.calls.bind = () => bench.seam.fail(ENOMEM);
    for (let n = 0; n < 20; n++) expect(bench.socket().failure).toBe('unavailable');
    expect(openDescriptors()).toBe(before);
    held('20 refused binds, no descriptor left');
  });
});

it('a handler that throws costs its own datagram and nothing else', async () => {
  const sender = bench.socket();
  const receiver = bench.socket();
  const heard: string[] = [];
  receiver.onDatagram = (_tag, _from, bytes, offset, length) => {
    const text = Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1');
    if (text.endsWith('7')) throw new Error(`cannot bear ${text}`);
    heard.push(text);
  };
  for (let n = 0; n < 100; n++) sender.send(receiver.local!, `${n}`);
  await bench.until(() => heard.length === 90);
  expect(bench.takeFaults()).toHaveLength(10);
  held('90 of 100 handled, 10 faults reported');
});

it('a handler that closes its socket amid a burst gets nothing more', async () => {
  const sender = bench.socket();
  const receiver = bench.socket();
  let handled = 0;
  receiver.onDatagram = () => {
    handled++;
    bench.engine.close(receiver.id);
  };
  for (let n = 0; n < 100; n++) sender.send(receiver.local!, `${n}`);
  await bench.settle();
  expect(handled).toBe(1);
  expect(bench.engine.counters.sockets).toBe(1);
  held('1 of 100 handled, the others of the burst not');
});
