// Sends that the kernel refuses for now, by replaced system calls around the real ones: they go out later, once and in
// order; what is kept is bounded; and no socket takes the loop from the others.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  EAGAIN,
  ECONNREFUSED,
  EINVAL,
  EIO,
  ENOBUFS,
  errnoName,
} from '../../shared/native/errno.ts';
import { libc } from '../../shared/native/libc.ts';
import { EngineBench } from '../support/fault/engine-bench.ts';
import { held } from '../support/fault/held.ts';
import { outgoing } from '../support/fault/mmsghdr.ts';
import { burstInNamespace, canRunInNamespace, SHAPED } from '../support/fault/namespace.ts';
import { brief, numbered, SIZES } from '../support/fault/numbered.ts';
import { FUZZ_SEED } from '../support/fuzz.ts';
import { Chance } from '../support/turn/fuzz.ts';

const kernel = libc();
const MIB = 1024 * 1024;

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => {
  bench.close();
});

describe.each([ENOBUFS, EAGAIN].map((errno) => ({ errno, name: errnoName(errno) })))(
  'while sends fail with $name',
  ({ errno }) => {
    it('datagrams are kept and sent later, in order, none twice, and others are not held up', async () => {
      const stuck = bench.socket();
      const free = bench.socket();
      const one = await bench.sink();
      const two = await bench.sink();
      let now = errno;
      bench.failSends(stuck, () => now);
      const sent: string[] = [];
      const send = (from: number, to: number): void => {
        for (let n = from; n < to; n++) {
          const text = numbered(n, SIZES[n % SIZES.length]!);
          sent.push(text);
          if (n % 3 === 0) stuck.sendPrefixed(one.address, text);
          else stuck.send(one.address, text);
          if (n % 5 === 0) bench.turn();
          free.send(two.address, text);
        }
      };
      send(0, 300);
      await bench.until(() => two.got.length === 300);
      expect(one.got).toEqual([]);
      now = 0;
      // Newer ones, while the old ones still wait.
      send(300, 350);
      await bench.until(() => one.got.length >= sent.length);
      await bench.settle();
      expect(one.got.map(brief)).toEqual(sent.map(brief));
      expect(two.got.map(brief)).toEqual(sent.map(brief));
      expect(bench.engine.counters).toMatchObject({ sent: 700, sendDropped: 0 });
      held(`${sent.length} datagrams through ${errnoName(errno)}, in order, once each`);
    });

    it('the loop waits instead of spinning, and tries are few', async () => {
      const stuck = bench.socket();
      const sink = await bench.sink();
      const count = bench.failSends(stuck, () => errno);
      let ready = 0;
      bench.seam.calls.epoll_wait = (...call) => {
        const events = kernel.epoll_wait(...call);
        if (events > 0) ready++;
        return events;
      };
      for (let n = 0; n < 500; n++) stuck.send(sink.address, numbered(n, 700 + n));
      bench.turn();
      const before = count.tries;
      for (let turn = 0; turn < 30; turn++) bench.turn(10);
      // The socket has room, whatever is said here: so epoll may be asked for that now and then, not all the time.
      expect(ready).toBeLessThanOrEqual(20);
      expect(count.tries - before).toBeLessThanOrEqual(30 * 4);
      held(`30 turns woke ${ready} times, ${count.tries - before} tries`);
    });

    it('what one socket may keep is bounded in bytes and in number; the rest is counted', async () => {
      const stuck = bench.socket();
      const sink = await bench.sink();
      let now = errno;
      bench.failSends(stuck, () => now);
      const kept: Record<string, number> = {};
      for (const [bytes, datagrams] of [
        [1000, 4000],
        [0, 100_000],
      ] as const) {
        const { counters } = bench.engine;
        const droppedBefore = counters.sendDropped;
        const gotBefore = sink.got.length;
        now = errno;
        for (let n = 0; n < datagrams; n++) stuck.send(sink.address, '.'.repeat(bytes));
        bench.turn();
        now = 0;
        await bench.until(
          () => sink.got.length - gotBefore + counters.sendDropped - droppedBefore === datagrams,
        );
        kept[bytes] = sink.got.length - gotBefore;
      }
      expect(kept[1000]).toBeGreaterThan(500);
      expect(kept[1000]! * 1000).toBeLessThanOrEqual(MIB);
      expect(kept[0]).toBeLessThanOrEqual(16_384);
      held(
        `kept ${kept[1000]} of 4,000 datagrams of 1,000 bytes, ${kept[0]} of 100,000 empty ones`,
      );
    });
  },
);

it('what all sockets keep together is bounded', async () => {
  const sink = await bench.sink();
  const sockets = Array.from({ length: 128 }, () => bench.socket());
  bench.seam.calls.sendmmsg = () => bench.seam.fail(ENOBUFS);
  bench.seam.calls.sendto = () => bench.seam.fail(ENOBUFS);
  const text = '.'.repeat(8000);
  for (const socket of sockets) for (let n = 0; n < 100; n++) socket.send(sink.address, text);
  bench.turn();
  const kept = 128 * 100 - bench.engine.counters.sendDropped;
  expect(kept * text.length).toBeLessThanOrEqual(64 * MIB);
  held(`${Math.round((kept * text.length) / MIB)} MiB of 98 MiB kept by 128 sockets`);
});

it('a datagram that is closed over is counted as dropped', async () => {
  const stuck = bench.socket();
  const sink = await bench.sink();
  bench.failSends(stuck, () => ENOBUFS);
  for (let n = 0; n < 50; n++) stuck.send(sink.address, numbered(n, 100));
  bench.turn();
  bench.engine.close(stuck.id);
  expect(bench.engine.counters).toMatchObject({ sent: 0, sendDropped: 50, sockets: 0 });
  held('sent 0, dropped 50, of 50');
});

it('a socket that never sends starves no other, however much it is given', async () => {
  const stuck = bench.socket();
  const relay = bench.socket();
  const sink = await bench.sink();
  const count = bench.failSends(stuck, () => ENOBUFS);
  let turns = 0;
  for (let n = 0; n < 2000; n++) {
    stuck.send(sink.address, numbered(n, 1000));
    relay.send(sink.address, numbered(n, 100));
    if (n % 4 === 0) {
      bench.turn();
      turns++;
    }
  }
  await bench.until(() => sink.got.length === 2000);
  expect(sink.got.every((text, n) => text.startsWith(`${n}:`))).toBe(true);
  // Each turn may try it once, and a retry may be due.
  expect(count.tries).toBeLessThanOrEqual(turns * 4);
  held(`2,000 of 2,000 datagrams of the other; ${count.tries} tries in ${turns} turns`);
});

it(`faults at random: every datagram once, in order for each destination (STERNA_FUZZ_SEED=${FUZZ_SEED})`, async () => {
  const chance = new Chance(FUZZ_SEED);
  const sockets = [bench.socket(), bench.socket(), bench.socket()];
  const sinks = [await bench.sink(), await bench.sink(), await bench.sink()];
  let calm = false;
  let faults = 0;
  let lastPassing = false;
  const fault = (): number => {
    if (calm) return 0;
    // An error left behind is reported once, so never two in a row.
    const errno = chance.pick([
      0,
      0,
      0,
      0,
      ENOBUFS,
      EAGAIN,
      ...(lastPassing ? [] : [ECONNREFUSED]),
    ]);
    lastPassing = errno === ECONNREFUSED;
    if (errno !== 0) faults++;
    return errno;
  };
  bench.seam.calls.sendmmsg = (fd, messages, count, flags) => {
    const errno = fault();
    if (errno !== 0) return bench.seam.fail(errno);
    if (!calm && outgoing(messages, 0).segment > 0 && chance.below(4) === 0) {
      faults++;
      return bench.seam.fail(chance.pick([EIO, EINVAL]));
    }
    const most = calm ? count : 1 + chance.below(count);
    return kernel.sendmmsg(fd, messages, most, flags);
  };
  bench.seam.calls.sendto = (...call) => {
    const errno = fault();
    return errno === 0 ? kernel.sendto(...call) : bench.seam.fail(errno);
  };
  const total = (): number => sinks.reduce((sum, { got }) => sum + got.length, 0);
  const sent: string[][] = sinks.map(() => []);
  for (let n = 0; n < 6000; n++) {
    // Runs of one size to one destination become GSO sends.
    const run = Math.floor(n / 7);
    const i = run % 3;
    const text = numbered(n, [1100, 1100, 40, 700][run % 4]!);
    sent[i]!.push(text);
    if (run % 2 === 0) sockets[i]!.send(sinks[i]!.address, text);
    else sockets[i]!.sendPrefixed(sinks[i]!.address, text);
    if (chance.below(10) === 0) bench.turn();
    // What one socket may keep is bounded.
    if (n % 300 === 299) await bench.until(() => total() >= n - 100);
  }
  calm = true;
  await bench.until(() => total() + bench.engine.counters.sendDropped >= 6000);
  await bench.settle();
  for (const [i, { got }] of sinks.entries()) {
    expect(got.map(brief)).toEqual(sent[i]!.map(brief));
  }
  expect(bench.engine.counters).toMatchObject({ sent: 6000, sendDropped: 0 });
  held(`6,000 datagrams once each and in order through ${faults} faults`);
});

describe('a real device that is slower than we send', () => {
  it.skipIf(!canRunInNamespace(`${SHAPED} limit 50mb`))(
    'fills the buffer of the socket (EAGAIN): order is kept, and what is lost is counted',
    async () => {
      const report = await burstInNamespace(9000, 1200, `${SHAPED} limit 50mb`);
      expect(report.failures[EAGAIN]).toBeGreaterThan(0);
      expect(report).toMatchObject({ whole: true, inOrder: true, faults: [] });
      expect(report.got).toBe(report.sent);
      expect(report.got + report.dropped).toBe(9000);
      held(`${report.got} arrived in order, ${report.dropped} dropped and counted, of 9,000`);
    },
  );

  it.skipIf(!canRunInNamespace(`${SHAPED} limit 64kb`))(
    'has no room in its own queue (ENOBUFS): order is kept',
    async () => {
      const report = await burstInNamespace(2000, 1200, `${SHAPED} limit 64kb`);
      expect(report.failures[ENOBUFS]).toBeGreaterThan(0);
      expect(report).toMatchObject({ whole: true, inOrder: true, faults: [] });
      // Of a GSO send the device may take a part and lose the rest without a word.
      expect(report.sent + report.dropped).toBe(2000);
      held(`${report.got} arrived in order after ${report.failures[ENOBUFS]} x ENOBUFS`);
    },
  );
});
