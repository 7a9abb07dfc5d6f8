// Two media workers' engines with all that is between them, in one thread: a client of the first worker's TURN server
// talks to somebody who answers at the second, by mail in both directions.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { linuxWorkerEngine, type WorkerEngine } from '../../../server/media/worker-engine.ts';
import { DescriptorLedger } from '../../../shared/net/descriptor-ledger.ts';
import type { EngineLoop } from '../../../shared/net/engine.ts';
import { HandOver } from '../../../shared/net/hand-over.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { Mailroom } from '../../../shared/net/mailroom.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { Commons, TurnServer } from '../../../turn/index.ts';
import { TurnClient } from '../../support/turn/client.ts';
import { udpEndpoint } from '../../support/turn/udp-endpoint.ts';
import { address, commonsMemory, turnOptions } from '../../support/turn/world.ts';

const STRICT = { peers: { allow: [], deny: [] } };

/** Time for what is on its way over loopback. */
const settle = (): Promise<void> => sleep(20);

interface TestWorker extends Pick<WorkerEngine, 'engine' | 'handOver'> {
  readonly server: TurnServer;
  turn(): void;
  close(): void;
}

function loopOf(engine: EngineLoop): LinuxEngine {
  if (engine instanceof LinuxEngine) return engine;
  throw new Error('not the linux engine');
}

async function twoWorkers(faults: unknown[]): Promise<TestWorker[]> {
  const wakes = [new Wake(), new Wake()];
  const data = {
    wakeFds: wakes.map(({ fd }) => fd),
    descriptors: DescriptorLedger.memory(),
    mail: Mailroom.memory(2),
    handOver: HandOver.memory(2),
    listeners: [],
    cpus: [],
  };
  const memory = commonsMemory({}, 2);
  const options = { now: () => performance.now(), onFault: (error: unknown) => faults.push(error) };
  return Promise.all(
    wakes.map(async (wake, index) => {
      const worker = await linuxWorkerEngine(data, index, options);
      const { engine, neighbours, handOver, serve } = worker;
      const commons = new Commons(memory, index);
      const server = new TurnServer(
        turnOptions({ ...STRICT, commons, neighbours, handOver }),
        engine,
      );
      serve(server);
      const loop = loopOf(engine);
      return {
        engine,
        handOver,
        server,
        turn: () => loop.turn(0, () => undefined),
        close: () => {
          server.close();
          loop.free();
          wake.close();
        },
      };
    }),
  );
}

it('what one hands over comes to the other and back, and a fault there sends nothing unwritten', async () => {
  const faults: unknown[] = [];
  const workers = await twoWorkers(faults);
  const [near, far] = workers;
  let running = true;
  const turns = (): void => {
    for (const worker of workers) worker.turn();
    if (running) setImmediate(turns);
  };
  setImmediate(turns);
  const listener = await new Promise<ReturnType<typeof address>>((resolve) => {
    near!.server.listen([{ address: address('127.0.0.1') }], (results) =>
      resolve(results[0]!.address),
    );
  });
  const endpoint = await udpEndpoint(4, settle);
  const media = address('10.1.2.3', 7882);
  const heard: string[] = [];
  let relayedHere = 0;
  far!.handOver.register(media, {
    onHandedOver: (from, to, bytes, offset, length, now) => {
      const text = Buffer.from(bytes).toString('latin1', offset, offset + length);
      heard.push(`${from.toString()} ${to.toString()} ${text}`);
      if (text === 'fault') {
        far!.engine.claim(socket, endpoint.address, 100);
        throw new Error('at the other worker');
      }
      relayedHere++;
      far!.server.fromInside(to, from, Buffer.from(`+${text}`), 0, 1 + length, now);
    },
  });
  const socket = far!.engine.open(
    address('127.0.0.1'),
    { onOpened: () => undefined, onDatagram: () => undefined },
    1,
  );
  const client = new TurnClient(endpoint, listener);
  await client.challenge();
  const { relayed } = await client.allocate();
  expect((await client.bind(0x4000, media)).outcome).toBe('success');
  for (const text of ['one', 'fault', 'two']) client.sendChannel(0x4000, Buffer.from(text));
  const answers = [await endpoint.receive(), await endpoint.receive()];
  expect(answers.map(({ bytes }) => bytes.toString('latin1', 4, 8))).toEqual(['+one', '+two']);
  const way = `${relayed.toString()} ${media.toString()}`;
  expect(heard).toEqual([`${way} one`, `${way} fault`, `${way} two`]);
  expect(faults.map(String)).toEqual(['Error: at the other worker']);
  expect(await endpoint.rest()).toEqual([]);
  // Not one of them went by a socket.
  expect([near!.server.stats().shortCircuited, relayedHere]).toEqual([3, 2]);
  expect(far!.engine.counters).toMatchObject({ received: 0, sent: 0 });
  running = false;
  await settle();
  endpoint.close();
  for (const worker of workers) worker.close();
});
