// Entry of the media worker thread: an engine and the TURN core, driven by commands from the main thread.
// The composition root of its thread, as server.ts is of the main one.

import { workerData } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.ts';
import { formatListenerUrl, type ListenerTransport } from '../../shared/config/network-values.ts';
import type { EngineOptions, OpenFailure } from '../../shared/net/engine.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { DtlsClients, DtlsClientsOptions } from '../../turn/dtls-clients.ts';
import {
  type AllocationEvent,
  Commons,
  type TurnObserver,
  TurnServer,
  TurnStreams,
} from '../../turn/index.ts';
import { knownUsers } from '../users/user-cache.ts';
import {
  isTcpRelayCommand,
  isTurnStreamCommand,
  type ListenerState,
  type MediaCommand,
  type MediaEvent,
  type MediaWorkerData,
  type SfuWorkerData,
  type WorkerAnswer,
  type WorkerQuestion,
} from './messages.ts';
import { threadUsage } from './thread-usage.ts';
import { datagramListeners, turnOptions, turnRules } from './turn-options.ts';
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
  const { engine, neighbours, handOver, serve, mailroom, forward } =
    linux === undefined
      ? await portableWorkerEngine(options, data.sfu !== undefined)
      : await linuxWorkerEngine(linux, index, options);
  const core = {
    ...turnOptions(settings, systemClock, new Commons(data.commons, index), data.services),
    tcpRelays: settings.tcpAllocations ? post : undefined,
    firstAllocationId: 1 + data.deaths * IDS_PER_LIFE,
    neighbours,
    handOver,
    askForUser: data.users && ((username: string) => post({ type: 'user.ask', username })),
    knownUser:
      data.users && knownUsers(data.users, settings.userSources.cacheSeconds * 1000, systemClock),
  };
  const server = new TurnServer(core, engine, data.logsInfo ? observer : undefined);
  server.drain(data.draining);
  serve(server);
  const { channelNumberMax } = core;
  const streams = new TurnStreams({ server, engine, channelNumberMax, emit: post, splice: post });
  const asked = datagramListeners(settings);
  const overUdp = asked.udp.map((at, i) => ({
    address: at.address,
    dualStack: at.dualStack,
    socket: linux?.listeners[i],
  }));
  const overDtls = asked.dtls.map((at, i) => ({
    address: at.address,
    dualStack: at.dualStack,
    socket: linux?.listeners[overUdp.length + i],
  }));
  const cap = core.commons.unauthenticatedCap;
  const dtls = data.dtls && (await dtlsClients({ engine, server, cap, certificate: data.dtls }));
  const media =
    data.sfu === undefined
      ? undefined
      : await workerSfu(data.sfu, { engine, post, handOver, mailroom, turn: server });
  if (media !== undefined) forward(media);
  const onTurnListening = (turn: ListenerState[]): void => {
    const listening = (opened: readonly Opened[] = []): void =>
      post({ type: 'listening', turn, media: opened.map((one) => stateOf(one)) });
    if (media === undefined) listening();
    else media.listen(listening);
  };
  server.listen(overUdp, (opened) => {
    const turn = opened.map((one) => stateOf(one));
    if (dtls === undefined) return onTurnListening(turn);
    dtls.listen(overDtls, (more) => {
      onTurnListening([...turn, ...more.map((one) => stateOf(one, 'dtls'))]);
    });
    return undefined;
  });
  const answerTo = (question: WorkerQuestion): WorkerAnswer => {
    const now = systemClock.monotonic();
    const { type } = question;
    if (type === 'stats') {
      const counters = { kind: engine.kind, ...engine.counters };
      const turn = { ...server.stats(), streams: streams.size };
      const thread = threadUsage();
      const stats = { engine: counters, turn, dtls: dtls?.stats(), sfu: media?.stats(), thread };
      return { type, stats };
    }
    if (type === 'rooms') return { type, rooms: media?.rooms() ?? [] };
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
      dtls?.close();
      server.close();
      streams.close();
      const ms = Math.round(systemClock.monotonic() - command.at);
      log('info', 'media.stopped', { ms, sockets: engine.counters.sockets });
      engine.stop();
    } else if (command.type === 'drain') {
      server.drain(command.on);
    } else if (command.type === 'user.answer') {
      const { username, answer, ttlMs } = command;
      server.userAnswer(username, answer, ttlMs, systemClock.monotonic());
    } else if (command.type === 'turn.certificate') {
      try {
        dtls?.replaceCertificate(command.certificate);
      } catch (error) {
        log('error', 'turn.dtls-refused', { error: stackOf(error) });
      }
    } else if (isTcpRelayCommand(command)) {
      server.tcp?.onCommand(command, systemClock.monotonic());
    } else if (isTurnStreamCommand(command)) {
      streams.onCommand(command, systemClock.monotonic());
    } else {
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

/** Loaded where there is a listener for it, as the above. */
async function dtlsClients(options: Omit<DtlsClientsOptions, 'now'>): Promise<DtlsClients> {
  const dtls = await import('../../turn/dtls-clients.ts');
  return new dtls.DtlsClients({ ...options, now: systemClock.monotonic() });
}

interface Opened {
  readonly address: TransportAddress;
  readonly failure?: OpenFailure | undefined;
}

function stateOf(
  { address, failure }: Opened,
  transport: ListenerTransport = 'udp',
): ListenerState {
  const url = formatListenerUrl(address.host, address.port, transport);
  return failure === undefined ? { url } : { url, failure };
}

function summary(event: AllocationEvent): Record<string, unknown> {
  const { user, client, transport, relayed } = event;
  return { user, client, transport, relayed: relayed.join(' ') };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- MediaHost alone writes it
await main(workerData as MediaWorkerData);
