// Entry of the media worker thread: an engine and the TURN core, driven by commands from the main thread.
// The composition root of its thread, as server.ts is of the main one.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.ts';
import { formatListenerUrl } from '../../shared/config/network-values.ts';
import { PortableEngine } from '../../shared/net/portable-engine.ts';
import { type AllocationEvent, TurnServer } from '../../turn/index.ts';
import type { MediaCommand, MediaEvent } from './messages.ts';
import { listenerAddresses, turnOptions, type TurnSettings } from './turn-options.ts';

/** Expiry is exact without it; this only frees memory and sockets. */
const SWEEP_EVERY_MS = 1000;

/** Faults logged by occurrence number: the 1st, 2nd, 4th, 8th... so that a flood cannot fill a disk. */
const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;

function main(port: MessagePort, settings: TurnSettings): void {
  const post = (event: MediaEvent): void => port.postMessage(event);
  const log = (level: 'info' | 'error', event: string, fields: Record<string, unknown>): void =>
    post({ type: 'log', level, event, fields });

  let faults = 0;
  const engine = new PortableEngine({
    now: () => systemClock.monotonic(),
    onFault: (error) => {
      faults++;
      if (isPowerOfTwo(faults)) log('error', 'media.fault', { error: stackOf(error), faults });
    },
  });
  const server = new TurnServer(turnOptions(settings, systemClock), engine, {
    onAllocationCreated: (event) => log('info', 'allocation.created', summary(event)),
    onAllocationDeleted: (event) =>
      log('info', 'allocation.deleted', { ...event, relayed: event.relayed.join(' ') }),
  });
  const sweep = setInterval(() => server.sweep(systemClock.monotonic()), SWEEP_EVERY_MS);

  port.on('message', (command: MediaCommand) => {
    if (command.type === 'stats') {
      const stats = {
        engine: { kind: engine.kind, ...engine.counters },
        turn: server.stats(),
      };
      post({ type: 'stats', id: command.id, stats });
      return;
    }
    clearInterval(sweep);
    server.close();
    port.close();
  });

  server.listen(listenerAddresses(settings), (results) => {
    post({
      type: 'listening',
      listeners: results.map(({ address, failure }) => ({
        url: formatListenerUrl(address.host, address.port),
        ...(failure === undefined ? {} : { failure }),
      })),
    });
  });
}

function summary(event: AllocationEvent): Record<string, unknown> {
  return { user: event.user, client: event.client, relayed: event.relayed.join(' ') };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

if (parentPort === null) throw new Error('media/worker runs as a worker thread');
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- MediaHost alone writes it
main(parentPort, workerData as TurnSettings);
