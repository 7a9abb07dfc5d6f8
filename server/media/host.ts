// The main thread's hold on the media worker: starts it, asks it, stops it, and starts it again should it ever die.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Config } from '../../shared/config/load.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { chooseEngine, type EngineChoice } from '../../shared/net/engine-choice.ts';
import type { Wake } from '../../shared/net/wake.ts';
import type {
  ListenerState,
  MediaCommand,
  MediaEvent,
  MediaStats,
  MediaWorkerData,
} from './messages.ts';

/** How long the worker may take to close its sockets before it is terminated. */
const STOP_TIMEOUT_MS = 2000;

/** How long an answer may take before the caller is told that there is none. */
const REPLY_TIMEOUT_MS = 2000;

/** Between the death of a worker and the next one: a fault that repeats must not spin. */
const RESTART_DELAY_MS = 1000;

interface Waiting {
  resolve(stats: MediaStats): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export class MediaHost {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #waiting = new Map<number, Waiting>();
  /** What the worker runs on. */
  readonly engine: EngineChoice;
  /** Wakes a worker that blocks in the Linux engine. */
  readonly #wake: Wake | undefined;
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  #listeners: readonly ListenerState[] = [];
  #nextId = 1;
  #healthy = false;
  #closing = false;
  #restarts = 0;
  #restart: NodeJS.Timeout | undefined;

  private constructor(config: Config, log: Logger, engine: EngineChoice, wake: Wake | undefined) {
    this.#config = config;
    this.#log = log;
    this.engine = engine;
    this.#wake = wake;
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
    log.info('media.engine', { ...engine });
    const host = new MediaHost(config, log, engine, await wakeFor(engine));
    try {
      await host.#spawn();
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

  /** Whether the worker runs with its listeners open. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** How often a worker has died and another was started in its place. */
  get restarts(): number {
    return this.#restarts;
  }

  stats(): Promise<MediaStats> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new SternaError('MEDIA_UNRESPONSIVE', 'the media worker does not answer'));
      }, REPLY_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#post({ type: 'stats', id });
    });
  }

  /** Closes allocations and sockets, then the thread. Idempotent. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#healthy = false;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker !== undefined) {
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      this.#post({ type: 'stop' });
      const timer = setTimeout(() => void worker.terminate(), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    }
    this.#port?.close();
    this.#wake?.close();
    this.#abandon();
  }

  #post(command: MediaCommand): void {
    this.#port?.postMessage(command);
    this.#wake?.wake();
  }

  #spawn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { port1: ours, port2: theirs } = new MessageChannel();
      const workerData: MediaWorkerData = {
        port: theirs,
        settings: this.#config.turn,
        wakeFd: this.#wake?.fd,
      };
      const worker = new Worker(new URL('./worker.js', import.meta.url), {
        workerData,
        transferList: [theirs],
      });
      this.#worker = worker;
      this.#port = ours;
      ours.on('message', (event: MediaEvent) => {
        if (event.type !== 'listening') return this.#onEvent(event);
        this.#listeners = event.listeners;
        const failed = event.listeners.find(({ failure }) => failure !== undefined);
        if (failed !== undefined) return reject(unavailable(failed));
        this.#healthy = true;
        resolve();
      });
      worker.on('error', (error) => {
        this.#log.error('media.crashed', { error });
        reject(error);
      });
      worker.on('exit', (code) => {
        reject(new SternaError('MEDIA_EXITED', `the media worker ended with code ${code}`));
        this.#onExit(worker, code);
      });
    });
  }

  #onEvent(event: Exclude<MediaEvent, { type: 'listening' }>): void {
    if (event.type === 'log') {
      this.#log[event.level](event.event, event.fields);
      return;
    }
    const waiting = this.#waiting.get(event.id);
    if (waiting === undefined) return;
    this.#waiting.delete(event.id);
    clearTimeout(waiting.timer);
    waiting.resolve(event.stats);
  }

  #onExit(worker: Worker, code: number): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#port?.close();
    this.#healthy = false;
    this.#abandon();
    if (this.#closing) return;
    this.#restarts++;
    this.#log.error('media.exited', { code, restartInMs: RESTART_DELAY_MS });
    this.#restart = setTimeout(() => {
      this.#spawn().catch((error: unknown) => {
        this.#log.error('media.restart-failed', { error });
        void this.#worker?.terminate();
      });
    }, RESTART_DELAY_MS);
  }

  #abandon(): void {
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new SternaError('MEDIA_UNRESPONSIVE', 'the media worker has stopped'));
    }
    this.#waiting.clear();
  }
}

async function wakeFor(engine: EngineChoice): Promise<Wake | undefined> {
  if (engine.kind !== 'linux') return undefined;
  const { Wake } = await import('../../shared/net/wake.ts');
  return new Wake();
}

function unavailable({ url, failure }: ListenerState): SternaError {
  const why =
    failure === 'in-use'
      ? 'the port is in use; stop what holds it, or choose another in turn.listeners'
      : 'this machine has no such address or may not bind that port; correct turn.listeners';
  return new SternaError('LISTENER_UNAVAILABLE', `cannot listen on ${url}: ${why}`);
}
