// A header in front of a payload and zeros behind it, the same from every engine: what is sent on out of the memory
// that it was received in, and what comes from elsewhere.

import { afterEach, describe, expect, it } from 'vitest';
import { EIO, ENOBUFS } from '../../../shared/native/errno.ts';
import { libc } from '../../../shared/native/libc.ts';
import type { Engine } from '../../../shared/net/engine.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { messagesAt } from '../../support/net/messages.ts';
import { upTo } from '../../support/turn/in-turn.ts';
import { address as at } from '../../support/turn/world.ts';

const PADDINGS = [0, 3, 2, 1] as const;

let now: number;
let world: LinuxWorld;
const close: (() => void)[] = [];

afterEach(() => {
  for (const one of close.splice(0).toReversed()) one();
});

/** The engine of that kind; the world is there for both, for its sockets. */
function start(kind: string): Engine {
  now = 0;
  world = new LinuxWorld(() => now);
  close.push(() => world.close());
  if (kind === 'linux') return world.engine;
  return new PortableEngine({ now: () => now, onFault: (error) => world.faults.push(error) });
}

async function open(engine: Engine, onText: (bytes: Uint8Array, at: number, n: number) => void) {
  const opened: TransportAddress[] = [];
  const id = engine.open(
    at('127.0.0.1'),
    {
      onOpened: (_tag, local) => opened.push(local.copy()),
      onDatagram: (_tag, _from, bytes, offset, length) => onText(bytes, offset, length),
    },
    1,
  );
  close.push(() => engine.close(id));
  await world.until(() => opened.length === 1);
  return { id, local: opened[0]! };
}

/** A header of that length, all of it one letter, in a buffer that is longer. */
function headerOf(letter: string, length: number): Uint8Array {
  const header = new Uint8Array(128).fill(0xee);
  return header.fill(letter.charCodeAt(0), 0, length);
}

/** Lengths of header and payload, in runs of one size that a GSO send may take, and alone. */
const SHAPES = [
  ...Array.from({ length: 10 }, () => [36, 1201] as const),
  ...[0, 1, 2, 3, 4, 63, 64, 65].map((length) => [36, length] as const),
  ...Array.from({ length: 70 }, () => [128, 30] as const),
  ...Array.from({ length: 5 }, () => [48, 0] as const),
  ...[0, 1, 2].map((length) => [0, length] as const),
];

function expected(): string[] {
  return SHAPES.map(([head, length], i) => {
    const letter = String.fromCharCode(65 + (i % 26));
    return letter.repeat(head) + '='.repeat(length) + '\0'.repeat(PADDINGS[length & 3]!);
  });
}

describe.each(['portable', 'linux'])('on the %s engine', (kind) => {
  it('is sent as it was when the call was made', async () => {
    const engine = start(kind);
    const { id } = await open(engine, () => undefined);
    const { address, got } = await world.peer();
    // Whatever memory it is put together in was used before.
    engine.send(id, address, Buffer.alloc(60_000, '#'), 0, 60_000);
    await world.until(() => got.length === 1);
    got.length = 0;
    for (const [i, [head, length]] of SHAPES.entries()) {
      const header = headerOf(String.fromCharCode(65 + (i % 26)), head);
      const payload = Buffer.alloc(length + 4, '=');
      engine.sendHeaded(id, address, header, head, payload, 2, length, PADDINGS[length & 3]!);
      header.fill(0xdd);
      payload.fill(0xdd);
    }
    await world.until(() => got.length === SHAPES.length);
    expect(got).toEqual(expected());
    await world.until(() => engine.counters.sent === 1 + SHAPES.length);
  });

  it('is sent on from where it was received', async () => {
    const engine = start(kind);
    const { address, got } = await world.peer();
    let next = 0;
    const relay = await open(engine, (bytes, offset, length) => {
      const i = next++;
      const header = headerOf(String.fromCharCode(65 + (i % 26)), SHAPES[i]![0]);
      const padding = PADDINGS[length & 3]!;
      engine.sendHeaded(relay.id, address, header, SHAPES[i]![0], bytes, offset, length, padding);
    });
    const sender = world.owner().open(1);
    for (const [, length] of SHAPES) {
      world.engine.send(sender.id, relay.local, Buffer.alloc(length, '='), 0, length);
    }
    await world.until(() => got.length === SHAPES.length);
    expect(got).toEqual(expected());
  });
});

describe('on the linux engine', () => {
  it.each([
    ['one by one, where GSO is refused', [EIO], 0],
    ['later, where there is no memory', [ENOBUFS], 10],
    ['later and one by one', [ENOBUFS, EIO, ENOBUFS], 10],
  ])('is sent %s', async (_title, errnos, stepMs) => {
    start('linux');
    const owner = world.owner();
    const [sender, relay] = [owner.open(1), owner.open(2)];
    const { address, got } = await world.peer();
    const real = libc();
    const left = [...errnos];
    const refuses = (fd: number): number => (fd === relay.id ? (left.shift() ?? 0) : 0);
    world.seam.calls.sendmmsg = (fd, ...rest) => {
      const errno = refuses(fd);
      return errno === 0 ? real.sendmmsg(fd, ...rest) : world.seam.fail(errno);
    };
    let next = 0;
    owner.onDatagram = (_tag, _from, bytes, offset, length) => {
      const letter = String.fromCharCode(65 + next++);
      world.engine.sendHeaded(
        relay.id,
        address,
        headerOf(letter, 36),
        36,
        bytes,
        offset,
        length,
        2,
      );
    };
    for (let i = 0; i < 20; i++) {
      world.engine.send(sender.id, relay.local, Buffer.alloc(102, '='), 0, 102);
    }
    await world.until(() => {
      now += stepMs;
      return got.length === 20;
    });
    const texts = upTo(20).map((i) => String.fromCharCode(65 + i).repeat(36));
    expect(got).toEqual(texts.map((text) => `${text}${'='.repeat(102)}\0\0`));
    expect(left).toEqual([]);
    expect(world.engine.counters.sendDropped).toBe(0);
  });

  it('needs no copy of the payload, and a run of them is one GSO send', async () => {
    start('linux');
    const owner = world.owner();
    const [sender, relay] = [owner.open(1), owner.open(2)];
    const { address, got } = await world.peer();
    const real = libc();
    const sent: unknown[] = [];
    world.seam.calls.sendmmsg = (fd, messages, count, flags) => {
      if (fd === relay.id) sent.push(...messagesAt(messages, count));
      return real.sendmmsg(fd, messages, count, flags);
    };
    const header = headerOf('h', 36);
    owner.onDatagram = (_tag, _from, bytes, offset, length) =>
      world.engine.sendHeaded(relay.id, address, header, 36, bytes, offset, length, 3);
    for (let i = 0; i < 3; i++) {
      world.engine.send(sender.id, relay.local, Buffer.alloc(1201), 0, 1201);
    }
    await world.until(() => got.length === 3);
    expect(sent).toEqual([
      { pieces: [36, 1201, 3, 36, 1201, 3, 36, 1201, 3], segment: 1240, controlBytes: 24 },
    ]);
  });
});
