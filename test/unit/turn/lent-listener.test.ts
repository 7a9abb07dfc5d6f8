// A listener whose socket somebody else opened and lends to a server: the server serves there, and leaves the
// socket open when it closes.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import type { SocketOwner } from '../../../shared/net/engine.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { type ListenResult, TurnServer } from '../../../turn/index.ts';
import { address, RecordedEvents, turnOptions } from '../../support/turn/world.ts';

const BINDING = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function onFault(error: unknown): void {
  throw error;
}

function startEngine(): LinuxEngine {
  const wake = new Wake();
  const engine = new LinuxEngine({ now: () => systemClock.monotonic(), onFault }, wake.fd);
  cleanups.push(() => {
    engine.free();
    wake.close();
  });
  return engine;
}

async function clientSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  cleanups.push(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

class Lender implements SocketOwner {
  port = 0;
  failure: string | undefined = undefined;

  onOpened(_tag: number, local: { port: number }, failure: string | undefined): void {
    this.port = local.port;
    this.failure = failure;
  }

  onDatagram(): void {
    throw new Error('a datagram for the lender');
  }
}

it('serves at the address where it was opened, one server after the other', async () => {
  const lending = startEngine();
  const lender = new Lender();
  const socket = lending.open(address('127.0.0.1'), lender, 0, { parked: true });
  lending.turn(0, () => undefined);
  const client = await clientSocket();
  for (let life = 0; life < 2; life++) {
    const engine = startEngine();
    const server = new TurnServer(turnOptions({}), engine, new RecordedEvents());
    const results: ListenResult[] = [];
    server.listen([{ address: address('127.0.0.1'), socket }], (each) => results.push(...each));
    engine.turn(0, () => undefined);
    expect(results.map((each) => [each.address.toString(), each.failure])).toEqual([
      [`127.0.0.1:${lender.port}`, undefined],
    ]);
    const answers: Buffer[] = [];
    client.once('message', (message) => answers.push(message));
    client.send(BINDING, lender.port, '127.0.0.1');
    for (let n = 0; n < 20_000 && answers.length === 0; n++) {
      engine.turn(0, () => undefined);
      await turnOfLoop();
    }
    expect(answers[0]?.readUInt16BE(0)).toBe(0x0101);
    server.close();
    expect(engine.counters.sockets).toBe(0);
  }
  const rival = new Lender();
  lending.open(address('127.0.0.1', lender.port), rival, 1);
  lending.turn(0, () => undefined);
  expect(rival.failure).toBe('in-use');
  lending.discard(socket);
});
