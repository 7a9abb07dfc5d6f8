// A parked socket holds its port and says nothing, until an engine adopts it: the same on every engine.

import { afterEach, describe, expect, it } from 'vitest';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { createSocket } from 'node:dgram';
import { DescriptorLedger } from '../../../shared/net/descriptor-ledger.ts';
import type { Engine, SocketOwner } from '../../../shared/net/engine.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';

interface Running {
  readonly engine: Engine;
  turn(): void;
  free(): void;
}

const options = {
  now: () => performance.now(),
  onFault: (error: unknown) => {
    throw error;
  },
};
const running: Running[] = [];

function start(kind: string, ledger?: DescriptorLedger): Running {
  if (kind === 'portable') {
    const engine = new PortableEngine(options);
    running.push({ engine, turn: () => undefined, free: () => undefined });
  } else {
    const wake = new Wake();
    const engine = new LinuxEngine({ ...options, ...(ledger && { ledger }) }, wake.fd);
    const free = (): void => {
      engine.free();
      wake.close();
    };
    running.push({ engine, turn: () => engine.turn(0, () => undefined), free });
  }
  return running.at(-1)!;
}

afterEach(() => {
  for (const one of running.splice(0)) one.free();
});

class Owner implements SocketOwner {
  readonly opened: { tag: number; port: number; failure: string | undefined }[] = [];
  readonly received: { tag: number; text: string }[] = [];

  onOpened(tag: number, local: TransportAddress, failure: string | undefined): void {
    this.opened.push({ tag, port: local.port, failure });
  }

  onDatagram(
    tag: number,
    _from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.received.push({
      tag,
      text: Buffer.from(bytes).toString('latin1', offset, offset + length),
    });
  }
}

const loopback = (port = 0): TransportAddress => new TransportAddress().setV4(0x7f000001, port);

async function until(one: Running, holds: () => boolean): Promise<void> {
  for (let n = 0; n < 20_000 && !holds(); n++) {
    one.turn();
    // oxlint-disable-next-line eslint/no-await-in-loop -- each turn of the loop reads what came
    await turnOfLoop();
  }
  expect(holds()).toBe(true);
}

async function say(text: string, port: number): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.send(text, port, '127.0.0.1', resolve));
  socket.close();
}

describe.each(['portable', 'linux'])('on the %s engine', (kind) => {
  it('is silent, holds its port, and speaks to its adopter', async () => {
    const one = start(kind);
    const parker = new Owner();
    const id = one.engine.open(loopback(), parker, 1, { parked: true });
    await until(one, () => parker.opened.length === 1);
    const { port } = parker.opened[0]!;
    expect(one.engine.counters.sockets).toBe(0);
    one.engine.open(loopback(port), parker, 2);
    await until(one, () => parker.opened.length === 2);
    expect(parker.opened[1]).toMatchObject({ tag: 2, failure: 'in-use' });

    one.engine.close(id);
    const adopter = new Owner();
    const adopted = one.engine.adopt(id, adopter, 7);
    await until(one, () => adopter.opened.length === 1);
    expect(adopter.opened[0]).toEqual({ tag: 7, port, failure: undefined });
    expect(one.engine.counters.sockets).toBe(1);
    await say('hello', port);
    await until(one, () => adopter.received.length === 1);
    expect(adopter.received).toEqual([{ tag: 7, text: 'hello' }]);
    expect(parker.received).toEqual([]);

    one.engine.close(adopted);
    expect(one.engine.counters.sockets).toBe(0);
  });

  it('gives its port back when it is discarded', async () => {
    const one = start(kind);
    const owner = new Owner();
    const id = one.engine.open(loopback(), owner, 1, { parked: true });
    await until(one, () => owner.opened.length === 1);
    one.engine.discard(id);
    await turnOfLoop();
    const { port } = owner.opened[0]!;
    const again = one.engine.open(loopback(port), owner, 2);
    await until(one, () => owner.opened.length === 2);
    expect(owner.opened[1]).toEqual({ tag: 2, port, failure: undefined });
    one.engine.close(again);
  });
});

describe('between two Linux engines', () => {
  it('changes its owner in the ledger, and a borrowed one is not closed by its borrower', async () => {
    const memory = DescriptorLedger.memory();
    const first = start('linux', new DescriptorLedger(memory, 0));
    const second = start('linux', new DescriptorLedger(memory, 1));
    const main = new DescriptorLedger(memory, 2);
    const owner = new Owner();
    const moved = first.engine.open(loopback(), owner, 1, { parked: true });
    const lent = first.engine.open(loopback(), owner, 2, { parked: true });
    first.turn();
    second.engine.adopt(moved, owner, 3);
    second.engine.adopt(lent, owner, 4, { borrowed: true });
    await until(second, () => owner.opened.length === 4);
    await say('to the second', owner.opened[0]!.port);
    await until(second, () => owner.received.length === 1);
    expect(owner.received).toEqual([{ tag: 3, text: 'to the second' }]);

    second.engine.close(lent);
    first.engine.open(loopback(owner.opened[1]!.port), owner, 5);
    await until(first, () => owner.opened.length === 5);
    expect(owner.opened[4]).toMatchObject({ tag: 5, failure: 'in-use' });

    expect(main.takeAllOf(1)).toContain(moved);
    const ofFirst = main.takeAllOf(0);
    expect(ofFirst).toContain(lent);
    expect(ofFirst).not.toContain(moved);
    expect(main.takeAllOf(0)).toEqual([]);
    first.engine.discard(lent);
  });
});
