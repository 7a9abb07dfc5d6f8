// Heap bytes an operation: what tests of hot paths that allocate nothing measure with.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

export const collect = functionOf(runInNewContext('gc'));

function functionOf(value: unknown): () => void {
  if (!isFunction(value)) throw new Error('this runtime has no gc()');
  return value;
}

function isFunction(value: unknown): value is () => void {
  return typeof value === 'function';
}

const BATCH = 2000;
const BATCHES = 30;

/** The median of batches small enough that no collection hides what was allocated. */
function medianOfBatches(operation: () => void): number {
  const deltas: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < BATCH; i++) operation();
    deltas.push((process.memoryUsage().heapUsed - before) / BATCH);
  }
  deltas.sort((a, b) => a - b);
  return deltas[BATCHES >> 1] ?? Number.NaN;
}

/** The steady state: on a busy machine the compiler may need more than one round to get there. */
export function bytesPerOperation(operation: () => void): number {
  for (let i = 0; i < 30_000; i++) operation();
  let least = medianOfBatches(operation);
  for (let round = 0; round < 4 && least > 1; round++) {
    least = Math.min(least, medianOfBatches(operation));
  }
  return least;
}
