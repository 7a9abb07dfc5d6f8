// The media workers as the rest of the process sees them: starts as many as there shall be, what they share, and their
// listeners; adds up what they say.

import type { Config } from '../../shared/config/load.ts';
import { formatListenerUrl, parseListenerUrl } from '../../shared/config/network-values.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { DescriptorLedger } from '../../shared/net/descriptor-ledger.ts';
import { chooseEngine, type EngineChoice } from '../../shared/net/engine-choice.ts';
import { HandOver } from '../../shared/net/hand-over.ts';
import { Mailroom } from '../../shared/net/mailroom.ts';
import type { Wake } from '../../shared/net/wake.ts';
import type { RoomSummary } from '../../sfu/router/room-summary.ts';
import type { MediaPlane } from '../../signaling/index.ts';
import { Commons, type CommonsMemory, type Holdings } from '../../turn/index.ts';
import { Allocations } from './allocations.ts';
import { workerCpus } from './cpus.ts';
import { DtlsHost } from './dtls-host.ts';
import type { LinuxListeners } from './linux-listeners.ts';
import { listenerUnavailable, MediaWorker } from './media-worker.ts';
import type { Endpoint, LinuxWorkerData, WorkerStats } from './messages.ts';
import { whyNoOpenssl } from './openssl-probe.ts';
import { workerCount } from './worker-count.ts';
import {
  openUserDirectory,
  type UserDirectory,
  type UserDirectoryStats,
} from '../users/user-directory.ts';
import { SfuHost } from './sfu-host.ts';
import {
  checkRelayPorts,
  commonsOptions,
  datagramListeners,
  listenerAddresses,
  type TurnSettings,
} from './turn-options.ts';
import { type SharedTcpSockets, TcpRelaysHost } from './tcp-relays-host.ts';
import type { TlsFiles } from '../tls-files.ts';
import { openTurnFiles } from './turn-files.ts';
import { TurnStreamsHost } from './turn-streams-host.ts';

/** What the workers of the Linux engine stand on, kept open by the main thread. */
interface LinuxParts {
  readonly wakes: readonly Wake[];
  readonly listeners: LinuxListeners;
  readonly descriptors: SharedArrayBuffer;
  readonly handOver: HandOver;
  readonly tcpSockets: SharedTcpSockets;
  /** Closes the descriptors that a dead worker left, and tells which. */
  closeAllOf(worker: number): readonly number[];
  dataFor(worker: number): LinuxWorkerData;
}

export interface MediaReport {
  /** Who have allocations or reservations, over all workers. */
  readonly users: number;
  /** TCP and TLS connections of TURN clients that were closed because of a bound. */
  readonly streamsRefused: number;
  /** What came of asking user sources; undefined where there is none. */
  readonly userLookups: UserDirectoryStats | undefined;
  readonly workers: readonly WorkerReport[];
}

export interface WorkerReport {
  readonly index: number;
  /** How often it died and another was started in its place. */
  readonly deaths: number;
  /** Undefined while it does not answer. */
  readonly stats: WorkerStats | undefined;
}

export class MediaHost {
  /** What the workers run on. */
  readonly engine: EngineChoice;
  /** Of TURN, over all workers. */
  readonly allocations: Allocations;
  readonly #linux: LinuxParts | undefined;
  readonly #commons: Commons;
  readonly #workers: readonly MediaWorker[];
  readonly #sfu: SfuHost | undefined;
  readonly #streams: TurnStreamsHost;
  readonly #tcpRelays: TcpRelaysHost;
  readonly #settings: TurnSettings;
  readonly #log: Logger;
  readonly #users: UserDirectory | undefined;
  #tlsFiles: TlsFiles | undefined;
  #dtls: DtlsHost | undefined;
  /** How many UDP listeners the configuration names. */
  readonly #configured: number;
  #listeners: readonly { readonly url: string }[] = [];
  #draining = false;
  #running: Pick<Config, 'turn' | 'log'>;
  #closed: Promise<void> | undefined;

  private constructor(
    config: Config,
    log: Logger,
    engine: EngineChoice,
    linux: LinuxParts | undefined,
    count: number,
    forwards: boolean,
  ) {
    this.engine = engine;
    this.#linux = linux;
    const users = openUserDirectory(config.turn, log);
    this.#users = users;
    this.#configured = listenerAddresses(config.turn).length;
    if (forwards) {
      this.#sfu = new SfuHost(config.sfu, log, count, (worker, command) =>
        this.#workers[worker]?.post(command),
      );
    }
    this.#settings = config.turn;
    this.#log = log;
    const commons: CommonsMemory = Commons.memory(commonsOptions(config.turn, count));
    this.#commons = new Commons(commons, count);
    this.#streams = new TurnStreamsHost({
      log,
      settings: config.turn,
      workers: () => this.#workers.flatMap(({ state }, i) => (state === 'up' ? [i] : [])),
      post: (worker, command) => this.#workers[worker]?.post(command),
    });
    this.#tcpRelays = new TcpRelaysHost({
      log,
      streams: this.#streams,
      post: (worker, command) => this.#workers[worker]?.post(command),
      sockets: linux?.tcpSockets,
      bandwidth: this.#commons.bandwidth,
    });
    this.#running = config;
    this.#workers = Array.from(
      { length: count },
      (_, index) =>
        new MediaWorker({
          index,
          log,
          data: () => ({
            index,
            settings: this.#running.turn,
            services: servicesOf(config),
            commons,
            sfu: this.#sfu?.dataFor(index),
            users: users?.memory,
            draining: this.#draining,
            logsInfo: logsInfo(this.#running),
            dtls: this.#dtls?.certificate,
            linux: linux?.dataFor(index),
          }),
          onMedia: (event) => this.#sfu?.onMedia(index, event),
          onTurnStream: (event) => this.#streams.onEvent(event),
          onTcpRelay: (event) => this.#tcpRelays.onEvent(index, event),
          onUserAsked: (username) => void this.#answerUser(index, username),
          onListening: ({ media }) => this.#sfu?.onListening(index, media),
          onDeath: () => {
            this.#tcpRelays.lost(index);
            this.#streams.lost(index);
            this.#sfu?.plane.down(index);
          },
          wake: () => linux?.wakes[index]?.wake(),
          reclaim: () => this.#reclaim(index),
        }),
    );
    this.allocations = new Allocations(this.#workers);
  }

  /** Resolves when every listener is open. Throws SternaError LISTENER_UNAVAILABLE that names the first that is not. */
  static async start(config: Config, log: Logger): Promise<MediaHost> {
    const engine = await chooseEngine(config.engine);
    if (config.engine === 'linux' && engine.kind !== 'linux') {
      throw new SternaError(
        'ENGINE_UNAVAILABLE',
        `engine: linux cannot run here: ${engine.reason}`,
      );
    }
    const workers = workerCount(config.workers, engine);
    const { relayPortsPerWorker } = config.turn;
    const shared = relayPortsPerWorker > 0 ? { relayPortsPerWorker } : {};
    log.info('media.engine', { ...engine, workers, ...shared });
    if (workers < config.workers) {
      log.warn('media.workers', {
        workers,
        configured: config.workers,
        reason: 'only the linux engine shares a port among workers',
      });
    }
    checkRelayPorts(config.turn, workers);
    const linux = engine.kind === 'linux' ? await openLinuxParts(config, workers) : undefined;
    const forwards = config.sfu.enabled && (await canForward(log));
    const host = new MediaHost(config, log, engine, linux, workers, forwards);
    try {
      await host.#start();
    } catch (error) {
      await host.close();
      throw error;
    }
    return host;
  }

  /** Where STUN and TURN are served, with the real ports. */
  get listeners(): readonly { readonly url: string }[] {
    return this.#listeners;
  }

  /** Where media of rooms is received, as clients are told. */
  get media(): readonly string[] {
    return this.#sfu?.plane.urls ?? [];
  }

  /** Where rooms are forwarded; undefined where media goes from peer to peer. */
  get plane(): MediaPlane | undefined {
    return this.#sfu?.plane;
  }

  /** Whether clients are served: some worker runs, and none is beyond being started again. */
  get healthy(): boolean {
    return (
      this.#workers.some(({ state }) => state === 'up') &&
      this.#workers.every(({ state }) => state !== 'failed')
    );
  }

  /** What all workers have at this moment, by the memory that they share. */
  get held(): Holdings {
    return this.#commons.stats();
  }

  /** What each worker says of itself; never rejects. */
  async report(): Promise<MediaReport> {
    const workers = await Promise.all(
      this.#workers.map(async (worker, index) => ({
        index,
        deaths: worker.deaths,
        stats: await worker.stats().catch(() => undefined),
      })),
    );
    const { refused: streamsRefused } = this.#streams.stats();
    const userLookups = this.#users?.stats();
    return { users: this.held.users, streamsRefused, userLookups, workers };
  }

  /** What rooms do in each worker; undefined of one that does not answer. Never rejects. */
  rooms(): Promise<(readonly RoomSummary[] | undefined)[]> {
    const asked = this.#workers.map(async (worker) => (await worker.ask({ type: 'rooms' })).rooms);
    return Promise.all(asked.map((answer) => answer.catch(() => undefined)));
  }

  /** Reads again what may change while the process runs: the certificate of TLS and DTLS listeners. */
  async reload(): Promise<void> {
    await this.#tlsFiles?.reload();
  }

  /** Resolves when all workers that answer go by it; one that starts later does, too. Only `turnRules` may have changed. */
  async reconfigure(config: Pick<Config, 'turn' | 'log'>): Promise<void> {
    this.#running = config;
    const { turn: settings } = config;
    const question = { type: 'reconfigure', settings, logsInfo: logsInfo(config) } as const;
    const asked = this.#workers.map((worker) => worker.ask(question).catch(() => undefined));
    await Promise.all(asked);
  }

  /** While on, TURN allocations are made nowhere, and those that there are go on; also in workers that start later. */
  drain(on: boolean): void {
    this.#draining = on;
    for (const worker of this.#workers) worker.post({ type: 'drain', on });
  }

  /** Closes allocations and sockets, then the threads. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #start(): Promise<void> {
    await this.#sfu?.listen();
    this.#tlsFiles = await openTurnFiles(this.#settings, this.#log);
    this.#dtls = await DtlsHost.open(this.#settings, this.#tlsFiles, (command) => {
      for (const worker of this.#workers) worker.post(command);
    });
    const started = await Promise.all(this.#workers.map((worker) => worker.start()));
    const streams = await this.#streams.listen(this.#tlsFiles);
    // Those of NAT discovery behind the others are found by OTHER-ADDRESS, and by nobody else.
    const turn = started[0]?.turn ?? [];
    this.#listeners = inOrder(this.#settings.listeners, [
      ...turn.filter(({ url }, i) => i < this.#configured || !url.startsWith('udp:')),
      ...streams.map((url) => ({ url })),
    ]);
  }

  async #close(): Promise<void> {
    this.#tlsFiles?.close();
    this.#tcpRelays.close();
    await this.#streams.close();
    await this.#sfu?.close();
    this.#users?.close();
    await Promise.all(this.#workers.map((worker) => worker.close()));
    this.#linux?.listeners.close();
    for (const wake of this.#linux?.wakes ?? []) wake.close();
  }

  async #answerUser(worker: number, username: string): Promise<void> {
    const found = await this.#users?.find(username);
    if (found !== undefined)
      this.#workers[worker]?.post({ type: 'user.answer', username, ...found });
  }

  /** False when another worker that died as well is in the way. */
  #reclaim(worker: number): boolean {
    this.#linux?.handOver.reclaim(worker);
    return this.#commons.reclaim(worker, () => this.#linux?.closeAllOf(worker) ?? []);
  }
}

/** What is open in the order of the configuration: of each transport, it is in that order already. */
function inOrder<Open extends { readonly url: string }>(
  configured: readonly string[],
  opened: readonly Open[],
): Open[] {
  const left = [...opened];
  return configured.flatMap((listener) => {
    const { transport } = parseListenerUrl(listener);
    const at = left.findIndex(({ url }) => parseListenerUrl(url).transport === transport);
    return at < 0 ? [] : left.splice(at, 1);
  });
}

function logsInfo({ log }: Pick<Config, 'log'>): boolean {
  return ['trace', 'debug', 'info'].includes(log.level);
}

/** Where OpenSSL cannot be called there is no DTLS: rooms go on from peer to peer. */
async function canForward(log: Logger): Promise<boolean> {
  const reason = await whyNoOpenssl();
  if (reason !== undefined) log.warn('sfu.unavailable', { reason });
  return reason === undefined;
}

/** Where the process listens by TCP besides TURN: at a wildcard, the gateway. */
function servicesOf({ gateway, sfu }: Config): Endpoint[] {
  return [
    { host: '0.0.0.0', port: gateway.port },
    { host: '::', port: gateway.port },
    ...(sfu.enabled && sfu.tcp ? sfu.addresses.map((host) => ({ host, port: sfu.tcpPort })) : []),
  ];
}

async function openLinuxParts(config: Config, workers: number): Promise<LinuxParts> {
  // Loaded here, since no other system has what they are made of.
  const { Wake } = await import('../../shared/net/wake.ts');
  const { libc } = await import('../../shared/native/libc.ts');
  const { LinuxListeners } = await import('./linux-listeners.ts');
  const { TcpSocketOpener } = await import('../../shared/net/linux-tcp-socket.ts');
  const cpus = workerCpus(config);
  const { udp, dtls } = datagramListeners(config.turn);
  const listeners = LinuxListeners.open([...udp, ...dtls], workers);
  if ('failure' in listeners) {
    const { address, failure } = listeners;
    const transport = dtls.some((listener) => listener.address === address) ? 'dtls' : 'udp';
    throw listenerUnavailable(
      { url: formatListenerUrl(address.host, address.port, transport), failure },
      'turn.listeners or turn.natDiscovery',
    );
  }
  const wakes = Array.from({ length: workers }, () => new Wake());
  const descriptors = DescriptorLedger.memory();
  const ledger = new DescriptorLedger(descriptors, workers);
  const mail = Mailroom.memory(workers, config.sfu.enabled);
  const handOver = HandOver.memory(workers);
  return {
    wakes,
    listeners,
    tcpSockets: new TcpSocketOpener(libc()),
    descriptors,
    handOver: new HandOver(handOver, workers, () => false),
    closeAllOf: (worker) => {
      const fds = ledger.takeAllOf(worker);
      for (const fd of fds) libc().close(fd);
      return fds;
    },
    dataFor: (worker) => ({
      wakeFds: wakes.map(({ fd }) => fd),
      descriptors,
      mail,
      handOver,
      listeners: listeners.byWorker[worker] ?? [],
      cpus: cpus.of(worker),
    }),
  };
}
