// Datagrams that the caller writes where they are sent from: the same from every engine, and on the Linux one subject
// to all that befalls what was copied.

import { afterEach, describe, expect, it } from 'vitest';
import { Arena } from '../../../shared/native/arena.ts';
import { EAGAIN, EIO, ENOBUFS } from '../../../shared/native/errno.ts';
import { libc } from '../../../shared/native/libc.ts';
import { IP_TOS, SOL_IP } from '../../../shared/native/socket-constants.ts';
import type { Engine } from '../../../shared/net/engine.ts';
import { SocketOpener } from '../../../shared/net/linux-socket.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { messagesAt, type SentMessage } from '../../support/net/messages.ts';
import { upTo } from '../../support/turn/in-turn.ts';
import { address as at } from '../../support/turn/world.ts';

let now: number;
let world: LinuxWorld;
let engine: Engine;
const faults: unknown[] = [];
const close: (() => void)[] = [];

afterEach(() => {
  for (const one of close.splice(0).toReversed()) one();
});

/** The engine of that kind; the world is there for both, for its sockets. */
function start(kind: string, arenaBytes = 65_536): void {
  now = 0;
  faults.length = 0;
  world = new LinuxWorld(() => now);
  close.push(() => {
    faults.push(...world.faults.splice(0));
    world.close();
  });
  engine = kind === 'linux' ? world.engine : portable(new Arena(arenaBytes));
}

function portable(outgoing: Arena): Engine {
  close.push(() => outgoing.free());
  return new PortableEngine({ now: () => now, onFault: (error) => faults.push(error), outgoing });
}

async function open(onText: () => void = () => undefined) {
  const opened: TransportAddress[] = [];
  const id = engine.open(
    at('127.0.0.1'),
    { onOpened: (_tag, local) => opened.push(local.copy()), onDatagram: onText },
    1,
  );
  close.push(() => engine.close(id));
  await world.until(() => opened.length === 1);
  return { id, local: opened[0]! };
}

/** Claims room for a text and writes it. */
function claim(id: number, to: TransportAddress, text: string): void {
  const offset = engine.claim(id, to, text.length);
  expect(offset).toBeGreaterThanOrEqual(0);
  engine.outgoing.bytes.set(Buffer.from(text, 'latin1'), offset);
}

function copied(id: number, to: TransportAddress, text: string): void {
  engine.send(id, to, Buffer.from(text, 'latin1'), 0, text.length);
}

/** Numbered texts of these sizes, or as long as their number. */
function texts(sizes: readonly number[]): string[] {
  return sizes.map((size, i) => `${i}`.padEnd(size, '.'));
}

/** Watches what goes to sendmmsg(2), each call of one socket by itself. */
function watch(): SentMessage[][] {
  const real = libc();
  const sent: SentMessage[][] = [];
  world.seam.calls.sendmmsg = (fd, messages, count, flags) => {
    sent.push(messagesAt(messages, count));
    return real.sendmmsg(fd, messages, count, flags);
  };
  return sent;
}

describe.each(['portable', 'linux'])('on the %s engine, a claimed datagram', (kind) => {
  it('is sent as it was written, in its place among the others', async () => {
    start(kind);
    const { id } = await open();
    const [one, other] = [await world.peer(), await world.peer()];
    // Whatever memory it is put together in was used before.
    copied(id, one.address, '#'.repeat(60_000));
    await world.until(() => one.got.length === 1);
    one.got.length = 0;
    const sizes = [...upTo(10).map(() => 1201), 3, 1201, 1201, 70, 70, 70, 2, 1, 1, 500, 600];
    const sent = texts(sizes);
    for (const [i, text] of sent.entries()) {
      (i % 7 === 3 ? copied : claim)(id, one.address, text);
      if (i % 5 === 4) claim(id, other.address, text);
    }
    await world.until(() => one.got.length === sent.length && other.got.length === 4);
    expect(one.got).toEqual(sent);
    expect(other.got).toEqual(sent.filter((_text, i) => i % 5 === 4));
    await world.until(() => engine.counters.sent === 1 + sent.length + 4);
    expect(engine.counters.sendDropped).toBe(0);
  });

  it('has any length that a datagram can have', async () => {
    start(kind);
    const { id } = await open();
    const { address, got } = await world.peer();
    const sent = ['', 'x'.repeat(65_507), 'y', ''];
    for (const text of sent) claim(id, address, text);
    await world.until(() => got.length === sent.length);
    expect(got).toEqual(sent);
  });

  it('is refused and counted where it could not be sent', async () => {
    start(kind);
    const { id, local } = await open();
    const gone = await open();
    engine.close(gone.id);
    const before = engine.counters.sendDropped;
    expect(engine.claim(9999, local, 1)).toBe(-1);
    expect(engine.claim(gone.id, local, 1)).toBe(-1);
    expect(engine.claim(id, at('127.0.0.1', 0), 1)).toBe(-1);
    expect(engine.claim(id, local, 65_508)).toBe(-1);
    expect(engine.claim(id, local, -1)).toBe(-1);
    expect(engine.claim(id, local, Number.NaN)).toBe(-1);
    expect(engine.counters.sendDropped - before).toBe(6);
    expect(engine.counters.sent).toBe(0);
  });

  it('can be taken back while it is the last', async () => {
    start(kind);
    const { id } = await open();
    const { address, got } = await world.peer();
    const unsent = (text: string): void => {
      claim(id, address, text);
      engine.unclaim();
    };
    unsent('alone'.padEnd(100));
    claim(id, address, 'a'.repeat(100));
    unsent('at the end of a run'.padEnd(100));
    unsent('shorter');
    claim(id, address, 'b'.repeat(100));
    unsent('longer'.padEnd(200));
    claim(id, address, 'c'.repeat(100));
    engine.unclaim();
    engine.unclaim();
    claim(id, address, 'd'.repeat(100));
    copied(id, address, 'e'.repeat(100));
    engine.unclaim();
    claim(id, address, 'f');
    await world.until(() => got.length === 5);
    // What has been sent stays sent, and its place can be used again.
    for (let i = 0; i < 3; i++) engine.unclaim();
    claim(id, address, 'g');
    await world.until(() => got.length === 6);
    const sent = ['a100', 'b100', 'd100', 'e100', 'f1', 'g1'];
    expect(got.map((text) => text[0]! + text.length)).toEqual(sent);
    await world.until(() => engine.counters.sent === 6);
    expect(engine.counters.sendDropped).toBe(0);
  });

  it('is not sent when a fault came before it was written', async () => {
    start(kind);
    const { address, got } = await world.peer();
    let calls = 0;
    const socket = await open(() => {
      calls++;
      claim(socket.id, address, `whole ${calls}`);
      if (calls === 2) return;
      engine.claim(socket.id, address, 100);
      throw new Error('before it was written');
    });
    const sender = world.owner().open(1);
    for (let i = 0; i < 3; i++) world.engine.send(sender.id, socket.local, Buffer.from('x'), 0, 1);
    await world.until(() => got.length === 3);
    await world.until(() => engine.counters.sent >= 3);
    expect(got).toEqual(['whole 1', 'whole 2', 'whole 3']);
    faults.push(...world.faults.splice(0));
    expect(faults.map(String)).toEqual([
      'Error: before it was written',
      'Error: before it was written',
    ]);
  });
});

describe('the portable engine', () => {
  it('claims nothing without an arena, and nothing larger than that', async () => {
    start('portable', 1024);
    const { id, local } = await open();
    expect(engine.claim(id, local, 1025)).toBe(-1);
    expect(engine.claim(id, local, 1024)).toBe(0);
    engine.unclaim();
    const without = new PortableEngine({ now: () => now, onFault: (error) => faults.push(error) });
    expect(() => without.outgoing).toThrow('no arena');
    expect(() => without.claim(1, local, 1)).toThrow('no arena');
  });

  it('sends what was claimed last before the socket is closed', async () => {
    start('portable');
    const { id } = await open();
    const { address, got } = await world.peer();
    claim(id, address, 'last');
    engine.close(id);
    await world.until(() => got.length === 1);
    expect(got).toEqual(['last']);
  });
});

describe('on the linux engine', () => {
  it('a run of them is one GSO send, with what is copied among them', async () => {
    start('linux');
    const { id } = await open();
    const { address, got } = await world.peer();
    const sent = watch();
    for (const [i, text] of texts([900, 900, 900, 900, 300]).entries()) {
      (i === 2 ? copied : claim)(id, address, text);
    }
    claim(id, address, 'x'.repeat(900));
    await world.until(() => got.length === 6);
    expect(sent.flat()).toEqual([
      { pieces: [900, 900, 900, 900, 300], segment: 900, controlBytes: 24 },
      { pieces: [900], segment: 0, controlBytes: 0 },
    ]);
  });

  it('a run goes on after any number that were taken back', async () => {
    start('linux');
    const { id } = await open();
    const { address, got } = await world.peer();
    const sent = watch();
    for (const text of texts([900, 900, 900])) {
      claim(id, address, text);
      for (let i = 0; i < 100; i++) {
        engine.claim(id, address, i % 2 === 0 ? 900 : 50);
        engine.unclaim();
      }
    }
    await world.until(() => got.length === 3);
    expect(sent.flat()).toEqual([{ pieces: [900, 900, 900], segment: 900, controlBytes: 24 }]);
  });

  it('of one socket, they go to hundreds of destinations by one call', async () => {
    start('linux');
    const { id } = await open();
    const { address, got } = await world.peer('0.0.0.0');
    const sent = watch();
    const to = at('127.0.0.1', address.port);
    const all: string[] = [];
    for (let subscriber = 0; subscriber < 1200; subscriber++) {
      to.setV4(0x7f00_0001 + subscriber, address.port);
      for (let i = 0; i < 3; i++) {
        all.push(`${subscriber} ${i}`.padEnd(20));
        claim(id, to, all.at(-1)!);
      }
    }
    await world.until(() => got.length === all.length);
    // A message for each destination, as many in a call as the table holds.
    expect(sent.map((messages) => messages.length)).toEqual([512, 512, 176]);
    expect(sent.flat().every(({ segment }) => segment === 20)).toBe(true);
    expect(got).toEqual(all);
  });

  it('they flush a table whose bytes are full', async () => {
    start('linux');
    const { id } = await open();
    const { address, got } = await world.peer();
    const all = texts(upTo(40).map(() => 60_000));
    for (const text of all) claim(id, address, text);
    await world.until(() => got.length === 40);
    expect(got).toEqual(all);
  });

  it.each([
    ['one by one, where GSO is refused', [EIO], 0],
    ['later, where there is no memory', [ENOBUFS], 10],
    ['later, where the socket is full', [EAGAIN], 10],
    ['later and one by one', [ENOBUFS, EIO, ENOBUFS], 10],
  ])('they are sent %s', async (_title, errnos, stepMs) => {
    start('linux');
    const { id } = await open();
    const { address, got } = await world.peer();
    const real = libc();
    const left = [...errnos];
    world.seam.calls.sendmmsg = (fd, ...rest) => {
      const errno = left.shift() ?? 0;
      return errno === 0 ? real.sendmmsg(fd, ...rest) : world.seam.fail(errno);
    };
    const all = texts(upTo(40).map(() => 700));
    for (const text of all.slice(0, 20)) claim(id, address, text);
    world.turn();
    // Where the first wait, these go behind them, although their memory is used again at once.
    for (const text of all.slice(20)) claim(id, address, text);
    world.turn();
    for (let i = 0; i < 20; i++) engine.claim(id, at('127.0.0.1', 9), 700);
    await world.until(() => {
      now += stepMs;
      return got.length === 40;
    });
    expect(got).toEqual(all);
    expect(left).toEqual([]);
    expect(engine.counters.sendDropped).toBe(0);
  });

  it('they leave from the address that was asked, with the DSCP of what asked', async () => {
    start('linux');
    const owner = world.owner();
    const locals: number[] = [];
    const asked = engine.open(
      at('0.0.0.0'),
      {
        onOpened: (_tag, local) => owner.locals.set(9, local.copy()),
        onLocal: (_tag, socket) => locals.push(socket) - 1,
        onDatagram: (tag, from) => {
          for (const text of ['one', 'two']) claim(locals[tag]!, from, text);
        },
      },
      9,
    );
    world.turn();
    const sent = watch();
    const sender = owner.open(1);
    new SocketOpener(world.seam.libc).set(sender.id, SOL_IP, IP_TOS, 0xb8);
    const to = at('127.0.0.5', owner.locals.get(9)!.port);
    engine.send(sender.id, to, Buffer.from('x'), 0, 1);
    await world.until(() => owner.received.length === 2);
    expect(owner.received).toEqual([
      { tag: 1, from: to.toString(), text: 'one' },
      { tag: 1, from: to.toString(), text: 'two' },
    ]);
    // IP_PKTINFO, IP_TOS, UDP_SEGMENT.
    expect(sent.flat()).toEqual([{ pieces: [3, 3], segment: 3, controlBytes: 32 + 24 + 24 }]);
    engine.close(asked);
  });
});
