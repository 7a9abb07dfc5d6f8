// What a piece of code allocates on the JavaScript heap, measured between garbage collections.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the flag above defines it
export const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;

/** Turns before the measurement, so that the compiler has seen the code. */
export const WARM_UP_TURNS = 30_000;

/** Heap in use after a full collection. */
export function liveBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/**
 * Bytes allocated per turn. `run(turns)` is called in batches short enough to fit between two
 * collections, and the median batch counts: one with a collection or the compiler's work in it does not.
 */
export function bytesPerTurn(run: (turns: number) => void, turns: number): number {
  const perBatch = 10_000;
  run(WARM_UP_TURNS);
  const batches: number[] = [];
  for (let done = 0; done < turns; done += perBatch) {
    collect({ type: 'minor' });
    const before = process.memoryUsage().heapUsed;
    run(perBatch);
    batches.push((process.memoryUsage().heapUsed - before) / perBatch);
  }
  return batches.toSorted((a, b) => a - b)[batches.length >> 1]!;
}
