// Bytes that C code has allocated and not freed in this process: what the JavaScript heap's figures leave out.

import koffi from 'koffi';
import { collect } from './turn/heap.ts';

/** struct mallinfo2 of glibc, malloc.h: ten counts. */
const FIELDS = [
  'arena',
  'ordblks',
  'smblks',
  'hblks',
  'hblkhd',
  'usmblks',
  'fsmblks',
  'uordblks',
  'fordblks',
  'keepcost',
] as const;

type Mallinfo = Record<(typeof FIELDS)[number], number>;

/**
 * In the heap of the C library, this thread's part; resident memory where the library cannot say. Buffers of JavaScript
 * lie there, too: those that nobody has are given back by a collection, and what it has left to do by the next.
 */
function nativeBytes(): number {
  collect();
  collect();
  mallinfo2 ??= find();
  return mallinfo2().uordblks;
}

/**
 * By how much it has grown after `turns` turns of something, beside what V8 takes from the same heap now and then: that
 * comes and goes, so the least of some samples counts.
 */
export async function nativeGrowth(
  turns: number,
  turn: (index: number) => void | Promise<void>,
): Promise<number> {
  const before = nativeBytes();
  const samples: number[] = [];
  for (let index = 0; index < turns; index++) {
    await turn(index);
    const left = turns - 1 - index;
    if (left % SAMPLE_EVERY === 0 && left < SAMPLES * SAMPLE_EVERY) samples.push(nativeBytes());
  }
  return Math.min(...samples) - before;
}

const SAMPLES = 10;
const SAMPLE_EVERY = 10;

let mallinfo2: (() => Pick<Mallinfo, 'uordblks'>) | undefined;

function find(): () => Pick<Mallinfo, 'uordblks'> {
  try {
    const struct = koffi.struct(Object.fromEntries(FIELDS.map((name) => [name, 'size_t'])));
    return koffi.load(null).func('mallinfo2', struct, []);
  } catch {
    return () => ({ uordblks: process.memoryUsage.rss() });
  }
}
