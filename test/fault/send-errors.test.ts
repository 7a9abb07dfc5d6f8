// Sends that fail with an error, by replaced system calls around the real ones: what passes is tried again, what stays
// costs the datagrams of that destination alone, and is counted.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  EACCES,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINTR,
  ENETUNREACH,
  EPERM,
  errnoName,
} from '../../shared/native/errno.ts';
import { libc } from '../../shared/native/libc.ts';
import { EngineBench } from '../support/fault/engine-bench.ts';
import { held } from '../support/fault/held.ts';
import { outgoing, portOf } from '../support/fault/mmsghdr.ts';
import { numbered } from '../support/fault/numbered.ts';

const kernel = libc();

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => {
  bench.close();
});

describe('an error that passes', () => {
  it.each([ECONNREFUSED, EHOSTUNREACH, EINTR].map((errno) => ({ errno, name: errnoName(errno) })))(
    '$name is tried again at once',
    async ({ errno }) => {
      const socket = bench.socket();
      const sink = await bench.sink();
      let left = 0;
      bench.failSends(socket, () => (left > 0 && left-- % 2 === 1 ? errno : 0));
      for (let n = 0; n < 60; n++) {
        left = 2;
        socket.send(sink.address, numbered(n, 50 + n));
        if (n % 6 !== 0) bench.turn();
      }
      await bench.until(() => sink.got.length === 60);
      expect(sink.got.map((text) => Number.parseInt(text, 10))).toEqual([...Array(60).keys()]);
      expect(bench.engine.counters).toMatchObject({ sent: 60, sendDropped: 0 });
      held(`60 of 60 through ${errnoName(errno)}`);
    },
  );
});

describe('an error that stays', () => {
  it.each(
    [EPERM, ENETUNREACH, EACCES, EHOSTUNREACH].map((errno) => ({ errno, name: errnoName(errno) })),
  )('$name costs the datagrams of that destination alone, counted', async ({ errno }) => {
    const socket = bench.socket();
    const good = await bench.sink();
    const bad = await bench.sink();
    const { port } = bad.address;
    let tries = 0;
    const refuse = (): number => {
      tries++;
      return bench.seam.fail(errno);
    };
    // As sendmmsg(2) does: what comes before the failing message is sent, and counts as success.
    bench.seam.calls.sendmmsg = (fd, messages, count, flags) => {
      let upTo = 0;
      while (upTo < count && outgoing(messages, upTo).port !== port) upTo++;
      return upTo === 0 ? refuse() : kernel.sendmmsg(fd, messages, upTo, flags);
    };
    bench.seam.calls.sendto = (fd, bytes, length, flags, to, toLength) =>
      portOf(to) === port ? refuse() : kernel.sendto(fd, bytes, length, flags, to, toLength);
    for (let n = 0; n < 200; n++) {
      socket.send(good.address, numbered(n, 90));
      socket.send(bad.address, numbered(n, 90));
      if (n % 10 === 0) bench.turn();
    }
    await bench.until(() => good.got.length === 200);
    await bench.settle();
    expect(good.got.map((text) => Number.parseInt(text, 10))).toEqual([...Array(200).keys()]);
    expect(bench.engine.counters).toMatchObject({ sent: 200, sendDropped: 200 });
    expect(tries).toBeLessThanOrEqual(200 * 4);
    held(`${errnoName(errno)}: 200 sent, 200 dropped, ${tries} tries`);
  });
});

it('sendmmsg that takes fewer than it was given is asked again for the rest', async () => {
  const socket = bench.socket();
  const sinks = [await bench.sink(), await bench.sink(), await bench.sink()];
  bench.seam.calls.sendmmsg = (fd, messages, count, flags) =>
    kernel.sendmmsg(fd, messages, Math.ceil(count / 3), flags);
  for (let n = 0; n < 900; n++) socket.send(sinks[n % 3]!.address, numbered(n, 60));
  await bench.until(() => sinks.every(({ got }) => got.length === 300));
  for (const [i, { got }] of sinks.entries()) {
    expect(got.map((text) => Number.parseInt(text, 10))).toEqual(
      Array.from({ length: 300 }, (_, n) => 3 * n + i),
    );
  }
  expect(bench.engine.counters).toMatchObject({ sent: 900, sendDropped: 0 });
  held('900 of 900 datagrams by thirds');
});
