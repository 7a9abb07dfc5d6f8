// Sterna's TURN server alone, in a worker as `sterna serve` runs it, for the TURN bench: engine, port and relay ports
// are its arguments. Blocks its worker for ever; whoever starts it kills it.

import { randomInt } from 'node:crypto';
import { isMainThread, MessageChannel, Worker } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.ts';
import type { Engine, EngineOptions } from '../../shared/net/engine.ts';
import { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { PortableEngine } from '../../shared/net/portable-engine.ts';
import { Wake } from '../../shared/net/wake.ts';
import { CHANNEL_NUMBER_MAX, Commons, TurnServer } from '../../turn/index.ts';
import { PASSWORD, REALM, USERNAME } from './account.ts';
import { loopback } from './flows.ts';

const TICK_MS = 1000;
const HOUR_MS = 3_600_000;
const QUOTA = 100_000;

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  worker.on('error', (error) => {
    throw error;
  });
} else {
  serve(process.argv.slice(2));
}

function serve([kind, port, first, last]: string[]): void {
  const options: EngineOptions = {
    now: () => systemClock.monotonic(),
    onFault(error) {
      throw error;
    },
  };
  if (kind === 'portable') {
    const server = turnServer(new PortableEngine(options), Number(first), Number(last));
    listen(server, Number(port));
    setInterval(() => server.sweep(systemClock.monotonic()), TICK_MS);
    return;
  }
  const engine = new LinuxEngine(options, new Wake().fd);
  const server = turnServer(engine, Number(first), Number(last));
  listen(server, Number(port));
  const handlers = { onCommand: () => {}, onTick: (now: number) => server.sweep(now) };
  engine.run(new MessageChannel().port1, handlers, TICK_MS);
}

function listen(server: TurnServer, port: number): void {
  server.listen([{ address: loopback(port) }], ([result]) => {
    if (result?.failure !== undefined) throw new Error(`cannot listen: ${result.failure}`);
  });
}

function turnServer(engine: Engine, first: number, last: number): TurnServer {
  const memory = Commons.memory({
    hosts: 1,
    ports: { first, last },
    quotaTotal: QUOTA,
    unauthorizedPerSecond: 0,
    workers: 1,
  });
  return new TurnServer(
    {
      realm: REALM,
      relays: [{ local: loopback(0), external: undefined }],
      users: { [USERNAME]: PASSWORD },
      secrets: [],
      peers: { allow: ['127.0.0.0/8'], deny: [] },
      forbiddenPeers: [],
      quotaPerUser: QUOTA,
      channelNumberMax: CHANNEL_NUMBER_MAX,
      lifetimes: {
        allocation: 600_000,
        allocationMax: HOUR_MS,
        permission: 300_000,
        channel: 600_000,
        nonce: HOUR_MS,
      },
      random: (below) => randomInt(below),
      clock: systemClock,
      commons: new Commons(memory, 0),
    },
    engine,
    { onAllocationCreated() {}, onAllocationDeleted() {} },
  );
}
