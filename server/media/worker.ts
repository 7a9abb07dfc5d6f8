// Entry of the media worker thread: an engine and the TURN core, driven by commands from the main thread.
// The composition root of its thread, as server.ts is of the main one.

import { workerData } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.ts';
import { formatListenerUrl } from '../../shared/config/network-values.ts';
import type { EngineOptions, OpenFailure } from '../../shared/net/engine.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import { type AllocationEvent, Commons, type TurnObserver, TurnServer } from '../../turn/index.ts';
import {
  isTurnStreamCommand,
  type ListenerState,
  type MediaCommand,
  type MediaEvent,
  type MediaWorkerData,
  type SfuWorkerData,
  type WorkerAnswer,
  type WorkerQuestion,
} from './messages.ts';
import { listenerAddresses, turnOptions, turnRules } from './turn-options.ts';
import { linuxWorkerEngine, portableWorkerEngine } from './worker-engine.ts';
import type { WorkerSfu, WorkerSfuParts } from './worker-sfu.ts';

/** More than a worker makes in its life; as many lives as numbers have room for are below 2^53. */
const IDS_PER_LIFE = 2 ** 32;

/** Faults logged by occurrence number: the 1st, 2nd, 4th, 8th... so that a flood cannot fill a disk. */
const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;

async function main(data: MediaWorkerData): Promise<void> {
  const { port, settings, index, linux } = data;
  const post = (event: MediaEvent): void => port.postMessage(event);
  const log = (level: 'info' | 'error', event: string, fields: Record<string, unknown>): void =>
    post({ type: 'log', level, event, fields: { ...fields, worker: index } });
  const observer: TurnObserver = {
    onAllocationCreated: (event) => log('info', 'allocation.created', summary(event)),
    onAllocationDeleted: (event) =>
      log('info', 'allocation.deleted', { ...event, relayed: event.relayed.join(' ') }),
  };

  let faults = 0;
  const options: EngineOptions = {
    now: () => systemClock.monotonic(),
    onFault: (error) => {
      faults++;
      if (isPowerOfTwo(faults)) log('error', 'media.fault', { error: stackOf(error), faults });
    },
  };
  const { engine, neighbours, handOver, serve } =
    linux === undefined
      ? await portableWorkerEngine(options, data.sfu !== undefined)
      : await linuxWorkerEngine(linux, index, options);
  const server = new TurnServer(
    {
      ...turnOptions(settings, systemClock, new Commons(data.commons, index)),
      firstAllocationId: 1 + data.deaths * IDS_PER_LIFE,
      neighbours,
      handOver,
    },
    engine,
    data.logsInfo ? observer : undefined,
  );
  server.drain(data.draining);
  serve(server);
  const listeners = listenerAddresses(settings).map((address, i) => ({
    address,
    socket: linux?.listeners[i],
  }));
  const media =
    data.sfu === undefined
      ? undefined
      : await workerSfu(data.sfu, { engine, post, handOver, turn: server });
  server.listen(listeners, (turn) => {
    const listening = (opened: readonly Opened[] = []): void =>
      post({ type: 'listening', turn: turn.map(stateOf), media: opened.map(stateOf) });
    if (media === undefined) listening();
    else media.listen(listening);
  });
  const answerTo = (question: WorkerQuestion): WorkerAnswer => {
    const now = systemClock.monotonic();
    const { type } = question;
    if (type === 'stats') {
      const counters = { kind: engine.kind, ...engine.counters };
      return { type, stats: { engine: counters, turn: server.stats(), sfu: media?.stats() } };
    }
    const { desk } = server;
    if (type === 'allocations') return { type, page: desk.page(question.after, question.max, now) };
    if (type === 'allocation') return { type, allocation: desk.describe(question.allocation, now) };
    if (type === 'end-allocation') return { type, ended: desk.end(question.allocation, now) };
    server.reconfigure(turnRules(question.settings));
    server.observe(question.logsInfo ? observer : undefined);
    return { type };
  };
  const onCommand = (command: MediaCommand): void => {
    if (command.type === 'ask') {
      post({ type: 'answer', id: command.id, answer: answerTo(command.question) });
    } else if (command.type === 'stop') {
      media?.close();
      server.close();
      const ms = Math.round(systemClock.monotonic() - command.at);
      log('info', 'media.stopped', { ms, sockets: engine.counters.sockets });
      engine.stop();
    } else if (command.type === 'drain') {
      server.drain(command.on);
    } else if (!isTurnStreamCommand(command)) {
      media?.onCommand(command, systemClock.monotonic());
    }
  };
  engine.run(port, onCommand);
}

/** Loaded where it is used: it needs OpenSSL by FFI, which not every system has. */
async function workerSfu(data: SfuWorkerData, parts: WorkerSfuParts): Promise<WorkerSfu> {
  const sfu = await import('./worker-sfu.ts');
  return new sfu.WorkerSfu(data, parts);
}

interface Opened {
  readonly address: TransportAddress;
  readonly failure?: OpenFailure | undefined;
}

function stateOf({ address, failure }: Opened): ListenerState {
  const url = formatListenerUrl(address.host, address.port);
  return failure === undefined ? { url } : { url, failure };
}

function summary(event: AllocationEvent): Record<string, unknown> {
  return { user: event.user, client: event.client, relayed: event.relayed.join(' ') };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- MediaHost alone writes it
await main(workerData as MediaWorkerData);
