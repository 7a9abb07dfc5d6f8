// Entry of the media worker thread: an engine and the TURN core, driven by commands from the main thread.
// The composition root of its thread, as server.ts is of the main one.

import { workerData } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.ts';
import { formatListenerUrl } from '../../shared/config/network-values.ts';
import type { EngineLoop, EngineOptions } from '../../shared/net/engine.ts';
import { PortableEngine } from '../../shared/net/portable-engine.ts';
import { type AllocationEvent, Commons, TurnServer } from '../../turn/index.ts';
import type { MediaCommand, MediaEvent, MediaWorkerData } from './messages.ts';
import { commonsOptions, listenerAddresses, turnOptions } from './turn-options.ts';

/** Expiry is exact without it; this only frees memory and sockets. */
const SWEEP_EVERY_MS = 1000;

/** Faults logged by occurrence number: the 1st, 2nd, 4th, 8th... so that a flood cannot fill a disk. */
const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;

async function main(data: MediaWorkerData): Promise<void> {
  const { port, settings } = data;
  const post = (event: MediaEvent): void => port.postMessage(event);
  const log = (level: 'info' | 'error', event: string, fields: Record<string, unknown>): void =>
    post({ type: 'log', level, event, fields });

  let faults = 0;
  const engine = await createEngine(data.wakeFd, {
    now: () => systemClock.monotonic(),
    onFault: (error) => {
      faults++;
      if (isPowerOfTwo(faults)) log('error', 'media.fault', { error: stackOf(error), faults });
    },
  });
  const commons = new Commons(Commons.memory(commonsOptions(settings, 1)), 0);
  const server = new TurnServer(turnOptions(settings, systemClock, commons), engine, {
    onAllocationCreated: (event) => log('info', 'allocation.created', summary(event)),
    onAllocationDeleted: (event) =>
      log('info', 'allocation.deleted', { ...event, relayed: event.relayed.join(' ') }),
  });
  const listeners = listenerAddresses(settings).map((address) => ({ address }));
  server.listen(listeners, (results) => {
    post({
      type: 'listening',
      listeners: results.map(({ address, failure }) => ({
        url: formatListenerUrl(address.host, address.port),
        ...(failure === undefined ? {} : { failure }),
      })),
    });
  });
  const onCommand = (command: MediaCommand): void => {
    if (command.type === 'stats') {
      const stats = { engine: { kind: engine.kind, ...engine.counters }, turn: server.stats() };
      post({ type: 'stats', id: command.id, stats });
    } else {
      server.close();
      engine.stop();
    }
  };
  engine.run<MediaCommand>(port, { onCommand, onTick: (now) => server.sweep(now) }, SWEEP_EVERY_MS);
}

async function createEngine(
  wakeFd: number | undefined,
  options: EngineOptions,
): Promise<EngineLoop> {
  if (wakeFd === undefined) return new PortableEngine(options);
  const { LinuxEngine } = await import('../../shared/net/linux-engine.ts');
  return new LinuxEngine(options, wakeFd);
}

function summary(event: AllocationEvent): Record<string, unknown> {
  return { user: event.user, client: event.client, relayed: event.relayed.join(' ') };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- MediaHost alone writes it
await main(workerData as MediaWorkerData);
