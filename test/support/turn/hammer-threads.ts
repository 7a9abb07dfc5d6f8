// Starts threads that hammer one CommonsMemory.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { program } from '../program.ts';
import { Commons, type CommonsMemory } from '../../../turn/index.ts';
import {
  BANDWIDTH,
  CAP_PER_SECOND,
  FIRST_PORT,
  type HammerData,
  type Part,
  PORTS,
  SOCKETS,
  STARTED,
  TOKEN_SLOTS,
  TOKEN_WORDS,
  TOKENS,
  TOTAL,
  TRUTH_WORDS,
} from './truth.ts';

let script: string | undefined;

export class HammerThreads {
  readonly memory: CommonsMemory;
  readonly truth = new Int32Array(new SharedArrayBuffer(4 * TRUTH_WORDS));
  /** The commons as the main thread has them. */
  readonly main: Commons;

  constructor(workers: number) {
    this.memory = Commons.memory({
      hosts: 1,
      ports: { first: FIRST_PORT, last: FIRST_PORT + PORTS - 1 },
      quotaTotal: TOTAL,
      unauthorizedPerSecond: CAP_PER_SECOND,
      allocationsPerSecond: 0,
      bandwidth: BANDWIDTH,
      workers,
    });
    this.main = new Commons(this.memory, workers);
  }

  async start(
    self: number,
    part: Part,
    turns = 0,
    token: Uint8Array = new Uint8Array(8),
  ): Promise<HammerThread> {
    script ??= program(new URL('hammer.ts', import.meta.url));
    const { memory, truth } = this;
    const workerData: HammerData = { memory, self, part, turns, token, truth: truth.buffer };
    return new HammerThread(new Worker(script, { workerData }));
  }

  /** Lets all that wait begin, or go on. */
  go(phase = 1): void {
    Atomics.store(this.truth, STARTED, phase);
    Atomics.notify(this.truth, STARTED);
  }

  /** As the host does it after a death: what the thread had open is closed on the way. */
  reclaim(dead: number): boolean {
    return this.main.reclaim(dead, () => {
      for (let at = TOKENS; at < TOKENS + TOKEN_SLOTS * TOKEN_WORDS; at += TOKEN_WORDS) {
        Atomics.compareExchange(this.truth, at, -(dead + 1), 0);
      }
      const closed: number[] = [];
      for (let i = 0; i < PORTS; i++) {
        const had = Atomics.compareExchange(this.truth, SOCKETS + i, dead + 1, 0);
        if (had === dead + 1) closed.push(FIRST_PORT + i);
      }
      return closed;
    });
  }
}

class HammerThread {
  readonly #worker: Worker;
  readonly #ended: Promise<unknown>;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = once(worker, 'exit');
    // Whoever waits for the end hears of it.
    this.#ended.catch(() => undefined);
  }

  /** Until it has played its part; rejects with what it found wrong. */
  async finished(): Promise<void> {
    await this.#ended;
  }

  /** Ends it wherever it is; rejects with what it had found wrong until then. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
    await this.#ended;
  }
}
