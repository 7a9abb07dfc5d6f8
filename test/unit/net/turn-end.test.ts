// The end of an engine's turn: whoever asked is called once, with what came in still there, before what it sends goes
// out.

import { afterEach, describe, expect, it } from 'vitest';
import { Arena } from '../../../shared/native/arena.ts';
import { libc } from '../../../shared/native/libc.ts';
import type { Engine, SocketOwner } from '../../../shared/net/engine.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import { Timer } from '../../../shared/net/timer-wheel.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { LinuxWorld } from '../../support/net/linux-world.ts';
import { messagesAt } from '../../support/net/messages.ts';
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
function start(kind: string): void {
  now = 7;
  faults.length = 0;
  world = new LinuxWorld(() => now);
  close.push(() => {
    world.faults.length = 0;
    world.close();
  });
  if (kind === 'linux') {
    engine = world.engine;
    return;
  }
  const outgoing = new Arena(65_536);
  close.push(() => outgoing.free());
  engine = new PortableEngine({ now: () => now, onFault: (error) => faults.push(error), outgoing });
}

/** Keeps where each datagram of a turn lies, and reads them at its end. */
class Gatherer implements SocketOwner {
  readonly locals: TransportAddress[] = [];
  readonly turns: string[][] = [];
  readonly times: number[] = [];
  onEnd: (texts: string[], from: TransportAddress) => void = () => undefined;
  asks = true;
  readonly #from = new TransportAddress();
  #kept: [bytes: Uint8Array, offset: number, length: number][] = [];

  onOpened(_tag: number, local: TransportAddress): void {
    this.locals.push(local.copy());
  }

  onDatagram(
    _tag: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.#from.set(from);
    if (!this.asks) return;
    this.#kept.push([bytes, offset, length]);
    engine.atTurnEnd(this);
  }

  onTurnEnd(time: number): void {
    this.times.push(time);
    const texts = this.#kept.map(([bytes, offset, length]) =>
      Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1'),
    );
    this.#kept = [];
    this.turns.push(texts);
    this.onEnd(texts, this.#from);
  }

  get all(): string[] {
    return this.turns.flat();
  }
}

async function open(owner: Gatherer): Promise<{ id: number; local: TransportAddress }> {
  const id = engine.open(at('127.0.0.1'), owner, 1);
  close.push(() => engine.close(id));
  const count = owner.locals.length;
  await world.until(() => owner.locals.length > count);
  return { id, local: owner.locals.at(-1)! };
}

function send(id: number, to: TransportAddress, text: string): void {
  world.engine.send(id, to, Buffer.from(text), 0, text.length);
}

describe.each(['portable', 'linux'])('on the %s engine, the end of a turn', (kind) => {
  it('comes once, with all that came still there, and what is sent then goes out', async () => {
    start(kind);
    const owner = new Gatherer();
    const { id, local } = await open(owner);
    const { id: sender } = world.owner().open(1);
    const { address, got } = await world.peer();
    owner.onEnd = (texts) => {
      for (const text of texts) {
        const offset = engine.claim(id, address, text.length);
        engine.outgoing.bytes.set(Buffer.from(text), offset);
      }
    };
    const sent = upTo(20).map((i) => `datagram ${i}`);
    for (const text of sent) send(sender, local, text);
    await world.until(() => got.length === 20);
    expect(got).toEqual(sent);
    expect(owner.all).toEqual(sent);
    expect(owner.turns.every((texts) => texts.length > 0)).toBe(true);
    // What came may be read in more than one turn; far from one turn a datagram.
    expect(owner.turns.length).toBeLessThan(10);
    expect(new Set(owner.times)).toEqual(new Set([7]));
  });

  it('is for those alone who asked, and again only for who asks again', async () => {
    start(kind);
    const [asking, silent] = [new Gatherer(), new Gatherer()];
    silent.asks = false;
    const sockets = [await open(asking), await open(silent)];
    const { id: sender } = world.owner().open(1);
    for (const { local } of sockets) send(sender, local, 'one');
    await world.until(() => asking.turns.length === 1);
    asking.asks = false;
    for (const { local } of sockets) send(sender, local, 'two');
    await world.until(() => engine.counters.received >= 4);
    for (let i = 0; i < 5; i++) await world.until(() => true);
    expect([asking.turns, silent.turns]).toEqual([[['one']], []]);
  });

  it('comes after timers and answers that ask for it, too', async () => {
    start(kind);
    const owner = new Gatherer();
    engine.timers.schedule(new Timer(() => engine.atTurnEnd(owner)), now);
    await world.until(() => {
      now++;
      return owner.turns.length === 1;
    });
    let ends = 0;
    const opening: SocketOwner = {
      onOpened: () => engine.atTurnEnd(opening),
      onDatagram: () => undefined,
      onTurnEnd: () => void ends++,
    };
    const id = engine.open(at('127.0.0.1'), opening, 1);
    close.push(() => engine.close(id));
    await world.until(() => ends === 1);
    expect(owner.turns.length).toBe(1);
  });

  it('that asks for another has it in the next turn, not in this', async () => {
    start(kind);
    const owner = new Gatherer();
    const { local } = await open(owner);
    const { id: sender } = world.owner().open(1);
    let nested = false;
    owner.onEnd = () => {
      if (owner.turns.length >= 3) return;
      engine.atTurnEnd(owner);
      engine.atTurnEnd(owner);
      nested ||= owner.turns.length > 1 && now === 7;
      now++;
    };
    send(sender, local, 'x');
    await world.until(() => owner.turns.length === 3);
    expect(nested).toBe(false);
    expect(owner.times).toEqual([7, 8, 9]);
    expect(owner.turns).toEqual([['x'], [], []]);
  });

  it('with a fault is reported, sends nothing unwritten, and others have theirs', async () => {
    start(kind);
    const [faulty, sound] = [new Gatherer(), new Gatherer()];
    const sockets = [await open(faulty), await open(sound)];
    const { id: sender } = world.owner().open(1);
    const { address, got } = await world.peer();
    faulty.onEnd = () => {
      engine.claim(sockets[0]!.id, address, 100);
      throw new Error('at the end');
    };
    sound.onEnd = () => engine.send(sockets[1]!.id, address, Buffer.from('sound'), 0, 5);
    for (const { local } of sockets) send(sender, local, 'x');
    await world.until(() => got.length === 1 && sound.turns.length === 1);
    expect(got).toEqual(['sound']);
    expect([...faults, ...world.faults].map(String)).toEqual(['Error: at the end']);
  });
});

describe('on the linux engine', () => {
  it('what is sent subscriber by subscriber is a run for each', async () => {
    start('linux');
    const owner = new Gatherer();
    const { id, local } = await open(owner);
    const { id: sender } = world.owner().open(1);
    const peers = [await world.peer(), await world.peer()];
    const real = libc();
    const sent: unknown[] = [];
    world.seam.calls.sendmmsg = (fd, messages, count, flags) => {
      if (fd === id) sent.push(messagesAt(messages, count).map(({ pieces }) => pieces.length));
      return real.sendmmsg(fd, messages, count, flags);
    };
    owner.onEnd = (texts) => {
      for (const { address } of peers) {
        for (const text of texts) engine.send(id, address, Buffer.from(text), 0, text.length);
      }
    };
    for (let i = 0; i < 10; i++) send(sender, local, `datagram ${i}`);
    await world.until(() => peers.every(({ got }) => got.length === 10));
    expect(sent).toEqual([[10, 10]]);
  });

  it('comes before the memory of what came is used again', () => {
    start('linux');
    const owner = new Gatherer();
    const ids = upTo(8).map(() => engine.open(at('127.0.0.1'), owner, 1));
    world.turn();
    const senders = upTo(40).map((i) => world.owner().open(i));
    const sent: string[] = [];
    // GRO puts datagrams of one flow together, and these are of 40: more than the ring holds.
    for (const local of owner.locals) {
      for (const { id } of senders) {
        sent.push(`${local.port} ${id}`);
        send(id, local, sent.at(-1)!);
      }
    }
    world.turn();
    for (let turns = 0; turns < 20; turns++) world.turn();
    expect(owner.all.toSorted()).toEqual(sent.toSorted());
    const most = Math.max(...owner.turns.map(({ length }) => length));
    expect(most).toBeLessThanOrEqual(64);
    expect(most).toBeGreaterThan(32);
    for (const id of ids) engine.close(id);
  });

  it('that is asked for before the engine waits ends no wait but its own', () => {
    start('linux');
    const owner = new Gatherer();
    const real = libc();
    const waits: number[] = [];
    world.seam.calls.epoll_wait = (epoll, events, count, ms) => {
      waits.push(ms);
      return real.epoll_wait(epoll, events, count, 0);
    };
    const turn = (): void => world.engine.turn(500, () => undefined);
    engine.atTurnEnd(owner);
    for (let i = 0; i < 3; i++) turn();
    expect([waits, owner.turns.length]).toEqual([[0, 500, 500], 1]);
  });

  it('may close a socket that is to be read next', () => {
    start('linux');
    const owner = new Gatherer();
    const ids = upTo(8).map(() => engine.open(at('127.0.0.1'), owner, 1));
    world.turn();
    const senders = upTo(40).map((i) => world.owner().open(i));
    let after = 0;
    const late: SocketOwner = { onOpened: () => undefined, onDatagram: () => void after++ };
    owner.onEnd = (texts) => {
      // In the middle of a turn, where the ring is almost full.
      if (texts.length <= 32) return;
      owner.onEnd = () => undefined;
      for (const id of ids.splice(0)) engine.close(id);
      // The descriptors are used again at once, and are sent to.
      for (const local of owner.locals) ids.push(engine.open(local, late, 2));
      for (const local of owner.locals) send(senders[0]!.id, local, 'y');
    };
    for (const local of owner.locals) for (const { id } of senders) send(id, local, 'x');
    for (let turns = 0; turns < 20; turns++) world.turn();
    expect(after).toBe(8);
    for (const id of ids) engine.close(id);
  });
});
