// GSO sends that the kernel refuses, by replaced system calls around the real ones, and really, by an interface whose
// MTU is too small for the segments: every datagram arrives, and nobody else loses the offload.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ECONNREFUSED,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENOBUFS,
  errnoName,
} from '../../shared/native/errno.ts';
import { libc } from '../../shared/native/libc.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { EngineBench } from '../support/fault/engine-bench.ts';
import { held } from '../support/fault/held.ts';
import { outgoing } from '../support/fault/mmsghdr.ts';
import { burstInNamespace, canRunInNamespace } from '../support/fault/namespace.ts';
import { brief, numbered, SIZES } from '../support/fault/numbered.ts';

const kernel = libc();

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => {
  bench.close();
});

/** Refuses segments above `most`, to `port` alone if one is given; returns the GSO sends that went. */
function refusing(errno: number, most: number, port?: number): { gso: number } {
  const count = { gso: 0 };
  bench.seam.calls.sendmmsg = (fd, messages, asked, flags) => {
    let upTo = 0;
    for (; upTo < asked; upTo++) {
      const to = outgoing(messages, upTo);
      if (to.segment > most && (port === undefined || to.port === port)) break;
    }
    if (upTo === 0) return bench.seam.fail(errno);
    const taken = kernel.sendmmsg(fd, messages, upTo, flags);
    for (let i = 0; i < taken; i++) if (outgoing(messages, i).segment > 0) count.gso++;
    return taken;
  };
  return count;
}

describe('a GSO send that is refused by a replaced system call', () => {
  it.each([EIO, EINVAL, EMSGSIZE].map((errno) => ({ errno, name: errnoName(errno) })))(
    'with $name falls back: every datagram arrives once, in order',
    async ({ errno }) => {
      const socket = bench.socket();
      const sink = await bench.sink();
      const count = refusing(errno, 0);
      const sent: string[] = [];
      for (let n = 0; n < 600; n++) {
        const text = numbered(n, SIZES[Math.floor(n / 9) % SIZES.length]!);
        sent.push(text);
        if (n % 2 === 0) socket.send(sink.address, text);
        else socket.sendPrefixed(sink.address, text);
        if (n % 100 === 99) bench.turn();
      }
      await bench.until(() => sink.got.length >= 600);
      await bench.settle();
      expect(sink.got.map(brief)).toEqual(sent.map(brief));
      expect(count.gso).toBe(0);
      expect(bench.engine.counters).toMatchObject({ sent: 600, sendDropped: 0 });
      held(`600 of 600 datagrams, ${errnoName(errno)} for every GSO send`);
    },
  );

  it('keeps GSO for datagrams below the size that was refused', async () => {
    const socket = bench.socket();
    const sink = await bench.sink();
    const count = refusing(EINVAL, 1300);
    for (const bytes of [1400, 1200]) {
      for (let n = 0; n < 50; n++) socket.send(sink.address, numbered(n, bytes));
      bench.turn();
    }
    await bench.until(() => sink.got.length === 100);
    expect(count.gso).toBe(1);
    held('50 datagrams of 1,400 bytes singly, 50 of 1,200 as one');
  });

  it('takes it from no other destination of the same socket', async () => {
    const listener = bench.socket();
    const far = await bench.sink();
    const near = await bench.sink();
    const count = refusing(EIO, 0, far.address.port);
    // Limits may be kept by host; 127.0.0.2 is another one that the sink does not hear.
    const elsewhere = new TransportAddress().setV4(0x7f00_0002, near.address.port);
    for (let n = 0; n < 20; n++) listener.send(far.address, numbered(n, 900));
    await bench.until(() => far.got.length === 20);
    for (let n = 0; n < 20; n++) listener.send(elsewhere, numbered(n, 900));
    bench.turn();
    expect(count.gso).toBe(1);
    held('one destination singly, the next still by GSO');
  });

  it('loses nothing when the single sends find the kernel short of memory', async () => {
    const socket = bench.socket();
    const sink = await bench.sink();
    let calls = 0;
    bench.seam.calls.sendmmsg = (fd, messages, count, flags) => {
      if (outgoing(messages, 0).segment > 0) return bench.seam.fail(EIO);
      calls++;
      if (calls % 4 === 0) return bench.seam.fail(calls % 8 === 0 ? ENOBUFS : ECONNREFUSED);
      return kernel.sendmmsg(fd, messages, count, flags);
    };
    const sent: string[] = [];
    for (let n = 0; n < 64; n++) {
      sent.push(numbered(n, 500));
      socket.send(sink.address, sent[n]!);
    }
    await bench.until(() => sink.got.length + bench.engine.counters.sendDropped === 64);
    expect(sink.got.map(brief)).toEqual(sent.map(brief));
    held('64 of 64 datagrams through EIO, ENOBUFS and ECONNREFUSED');
  });

  it('is not what datagrams to port 0 bring about, which any spoofer can have us send', async () => {
    const listener = bench.socket();
    const sink = await bench.sink();
    const nowhere = new TransportAddress().setV4(0x7f00_0001, 0);
    for (let n = 0; n < 4; n++) listener.send(nowhere, numbered(n, 100));
    bench.turn();
    const count = refusing(EIO, Number.POSITIVE_INFINITY);
    for (let n = 0; n < 20; n++) listener.send(sink.address, numbered(n, 900));
    await bench.until(() => sink.got.length === 20);
    expect(count.gso).toBe(1);
    expect(bench.engine.counters.sendDropped).toBe(4);
    held('4 to port 0 dropped, GSO as before');
  });
});

describe('by a real device whose MTU is smaller than the segments', () => {
  const commands = ['ip link set lo mtu 1300'];

  it.skipIf(!canRunInNamespace(...commands))('every datagram arrives, in order', async () => {
    const large = await burstInNamespace(2000, 1400, ...commands);
    expect(large).toMatchObject({ got: 2000, whole: true, inOrder: true, sent: 2000, dropped: 0 });
    // EINVAL or EMSGSIZE, as the kernel's version has it: that there was one shows that segments were refused.
    expect(Object.keys(large.failures).map((errno) => errnoName(Number(errno)))).toEqual([
      expect.stringMatching(/^(?:EINVAL|EMSGSIZE)$/),
    ]);
    const small = await burstInNamespace(2000, 1200, ...commands);
    expect(small).toMatchObject({ got: 2000, inOrder: true, dropped: 0, failures: {} });
    held(`2,000 of 2,000 above the MTU after ${JSON.stringify(large.failures)}, 2,000 below it`);
  });
});
