// The Linux engine where the kernel does without GRO or GSO, or refuses GSO for one destination: everything arrives,
// in order, and the others keep theirs.

import { afterEach, describe, expect, it } from 'vitest';
import { EAGAIN, EINVAL, EIO, EMSGSIZE, ENOPROTOOPT } from '../../../shared/native/errno.ts';
import { libc } from '../../../shared/native/libc.ts';
import { SOL_UDP } from '../../../shared/native/socket-constants.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { messagesAt } from '../../support/net/messages.ts';
import { Seam } from '../../support/net/seam.ts';
import { upTo } from '../../support/turn/in-turn.ts';

let now = 0;
let world: LinuxWorld;
/** How the kernel was asked to cut what it was given: each segment size but 0, in order. */
let segments: number[];

/** What it refuses: an errno, given a segment size, 0 for none; or 0. */
type Refusal = (segment: number) => number;

function start(seam: Seam, refusal: Refusal): void {
  const real = libc();
  segments = [];
  seam.calls = {
    ...seam.calls,
    sendto: (...args) => {
      const errno = refusal(0);
      return errno === 0 ? real.sendto(...args) : seam.fail(errno);
    },
    sendmmsg: (fd, messages, count, flags) => {
      let taken = 0;
      for (const { segment } of messagesAt(messages, count)) {
        if (segment > 0) segments.push(segment);
        const errno = refusal(segment);
        if (errno !== 0 && taken === 0) return seam.fail(errno);
        if (errno !== 0) break;
        taken++;
      }
      return real.sendmmsg(fd, messages, taken, flags);
    },
  };
  world = new LinuxWorld(() => now, seam);
}

afterEach(() => world.close());

function burst(id: number, to: TransportAddress, name: string, size: number, count = 20): string[] {
  const texts = upTo(count).map((i) => `${name} ${i}`.padEnd(size, '.'));
  for (const text of texts) world.engine.send(id, to, Buffer.from(text), 0, size);
  return texts;
}

describe('a kernel without them', () => {
  it('is never asked to cut anything, and everything arrives', async () => {
    const seam = new Seam();
    const real = libc();
    let refused = 0;
    seam.calls = {
      setsockopt: (fd, level, ...rest) => {
        if (level !== SOL_UDP) return real.setsockopt(fd, level, ...rest);
        refused++;
        return seam.fail(ENOPROTOOPT);
      },
    };
    start(seam, () => 0);
    const owner = world.owner();
    const [sender, receiver] = [owner.open(1), owner.open(2)];
    const sent = burst(sender.id, receiver.local, 'a', 500, 100);
    await world.until(() => owner.received.length === 100);
    expect(owner.received.map(({ text }) => text)).toEqual(sent);
    expect(segments).toEqual([]);
    // GSO once, for all sockets; GRO for each.
    expect(refused).toBe(3);
  });
});

describe('a destination', () => {
  it.each([
    ['behind a device without checksum offload', EIO],
    ['with a smaller MTU', EINVAL],
    ['with a smaller MTU, in later kernels', EMSGSIZE],
  ])('%s gets all of it, and others go on by GSO', async (_title, errno) => {
    let refuses = true;
    start(new Seam(), (segment) => (refuses && segment > 700 ? errno : 0));
    const { id } = world.owner().open(1);
    const [one, other] = [await world.peer('127.0.0.1'), await world.peer('127.0.0.2')];
    const sent = burst(id, one.address, 'first', 1000);
    await world.until(() => one.got.length === 20);
    expect(segments).toEqual([1000]);

    refuses = false;
    sent.push(...burst(id, one.address, 'second', 1000));
    await world.until(() => one.got.length === 40);
    expect(one.got).toEqual(sent);
    expect(segments).toEqual([1000]);

    const elsewhere = burst(id, other.address, 'elsewhere', 1000);
    await world.until(() => other.got.length === 20);
    expect(other.got).toEqual(elsewhere);
    expect(segments).toEqual([1000, 1000]);

    burst(id, one.address, 'small', 700);
    await world.until(() => one.got.length === 60);
    // Without checksum offload no size goes; below the MTU any does.
    expect(segments.slice(2)).toEqual(errno === EIO ? [] : [700]);
  });

  it('is tried again after a minute', async () => {
    let refuses = true;
    start(new Seam(), (segment) => (refuses && segment > 0 ? EIO : 0));
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    burst(id, address, 'first', 100);
    world.turn();
    refuses = false;
    now += 59_999;
    world.turn();
    burst(id, address, 'second', 100);
    world.turn();
    expect(segments).toEqual([100]);
    now += 1;
    world.turn();
    burst(id, address, 'third', 100);
    world.turn();
    expect(segments).toEqual([100, 100]);
    await world.until(() => got.length === 60);
  });

  it('at port 0 is nobody, and lowers nothing', async () => {
    start(new Seam(), () => 0);
    const { id } = world.owner().open(1);
    const { address, got } = await world.peer();
    const nobody = address.copy();
    nobody.port = 0;
    burst(id, nobody, 'nobody', 100);
    world.turn();
    expect(segments).toEqual([]);
    burst(id, address, 'somebody', 100);
    await world.until(() => got.length === 20);
    expect(segments).toEqual([100]);
    expect(world.engine.counters).toMatchObject({ sent: 20, sendDropped: 20 });
  });
});

it('a send cut by hand goes on later where it met a full buffer', async () => {
  let singles = 0;
  let full = true;
  start(new Seam(), (segment) => {
    if (segment > 0) return EIO;
    return full && ++singles > 5 ? EAGAIN : 0;
  });
  const { id } = world.owner().open(1);
  const { address, got } = await world.peer();
  const sent = burst(id, address, 'a', 300);
  // Zero bytes of payload, and what is not worth four bytes of GSO.
  for (let i = 0; i < 5; i++) {
    world.engine.sendPrefixed(id, address, 0x41_42_43_44, Buffer.alloc(0), 0, 0);
    sent.push('ABCD');
  }
  world.turn();
  sent.push(...burst(id, address, 'b', 300));
  world.turn();
  full = false;
  now += 10;
  await world.until(() => got.length === 45);
  expect(got).toEqual(sent);
  expect(world.engine.counters).toMatchObject({ sent: 45, sendDropped: 0 });
});
