// How late the main thread's timers are, while somebody looks: the histogram wakes the process 50 times a second, so it
// runs only for as long as it is read.
// Called by: node-numbers.ts.

import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
/** Nobody has read it for so long: it ends. */
const UNREAD_MS = 30_000;
const NS_A_MS = 1e6;

export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class LoopDelayWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #end: NodeJS.Timeout | undefined;

  /** Milliseconds, since the last call; null where there was none lately. */
  read(): LoopDelay | null {
    const histogram = this.#histogram;
    const isOn = this.#end !== undefined;
    clearTimeout(this.#end);
    this.#end = setTimeout(() => {
      histogram.disable();
      this.#end = undefined;
    }, UNREAD_MS).unref();
    if (!isOn) histogram.enable();
    const isKnown = isOn && histogram.count > 0;
    const read = isKnown && {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    };
    histogram.reset();
    return read || null;
  }
}

/** Each value is the time between two ticks, and so has what they were meant to be apart. */
function late(ns: number): number {
  return Math.max(0, ns / NS_A_MS - RESOLUTION_MS);
}
