// Starts threads that hammer the same shared memory of the cache.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Generations } from '../../../shared/cache/generations.ts';
import { randomCoefficients } from '../../../shared/cache/key-hash.ts';
import { SharedTier } from '../../../shared/cache/shared-tier.ts';
import { WindowCounters } from '../../../shared/cache/window-counters.ts';
import { program } from '../program.ts';
import type { CacheHammerData, CacheHammerReport } from './cache-hammer.ts';

let script: string | undefined;

export class CacheHammer {
  readonly data: Omit<CacheHammerData, 'self'>;

  constructor(options: Pick<CacheHammerData, 'part' | 'turns' | 'keys' | 'limit' | 'threads'>) {
    const coefficients = randomCoefficients(128);
    this.data = {
      ...options,
      coefficients,
      generations: Generations.memory(),
      tier: SharedTier.memory(16),
      counters: WindowCounters.memory(64),
      gate: new SharedArrayBuffer(4),
    };
  }

  start(self: number): Worker {
    script ??= program(new URL('cache-hammer.ts', import.meta.url));
    return new Worker(script, { workerData: { ...this.data, self } });
  }

  /** Until all threads have had their turns; rejects with what one found wrong. */
  run(): Promise<CacheHammerReport[]> {
    return Promise.all(
      Array.from({ length: this.data.threads }, async (_, self) => {
        const thread = this.start(self);
        // oxlint-disable-next-line typescript/no-unsafe-assignment -- what cache-hammer.ts posts
        const [report] = await once(thread, 'message');
        await thread.terminate();
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
        return report as CacheHammerReport;
      }),
    );
  }
}
