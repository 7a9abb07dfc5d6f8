// A quarter of a minute of a meeting place under random life, or what `npm run soak` asks for: nobody is left without a
// picture, and everything is as before when everybody has left.

import { expect, it } from 'vitest';
import { held } from '../support/fault/held.ts';
import { FUZZ_SEED } from '../support/fuzz.ts';
import { Soak, WORKERS } from '../support/soak/soak.ts';

const MINUTES = Number(process.env['STERNA_SOAK_MINUTES'] ?? 0.25);
const MS = MINUTES * 60_000;
const IS_LONG = MINUTES >= 1;
/** What a thread that was ended from outside had allocated stays with the process. */
const RESIDENT_MIB_PER_DEATH = 8;
const RESIDENT_MIB_MAX = 64;
const HEAP_MIB_MAX = 8;
/** One more or less is open at times before anything has happened, too. */
const DESCRIPTORS_SWING = 2;

it(`STERNA_FUZZ_SEED=${FUZZ_SEED}`, { timeout: MS + 400_000 }, async () => {
  const { violations, excused, counts, before, after, longestMs, packets, complaints } =
    await Soak.run({
      seed: FUZZ_SEED,
      ms: MS,
      everyMs: IS_LONG ? 200 : 60,
      killEveryMs: IS_LONG ? 90_000 : 12_000,
      say: (line) => process.stdout.write(`${line}\n`),
    });
  const { deaths = 0 } = counts;
  const heaps = (state: typeof before): string =>
    state.heapsMiB.map((mib) => mib.toFixed(1)).join(' + ');
  held(
    `longest without a picture ${longestMs.toFixed(0)} ms; packets ${packets.in} in, ${packets.out} out; ${excused} excused; ` +
      `resident ${before.residentMiB} -> ${after.residentMiB} MiB, heaps ${heaps(before)} -> ${heaps(after)} MiB, ` +
      `descriptors ${before.descriptors} -> ${after.descriptors}; ` +
      Object.entries(counts)
        .map(([what, count]) => `${what} ${count}`)
        .join(', '),
  );
  expect(violations).toEqual([]);
  expect(complaints).toEqual([]);
  expect(after.gauges).toEqual(before.gauges);
  expect(after.poolMiB).toBeLessThanOrEqual(WORKERS);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + DESCRIPTORS_SWING);
  for (const [i, mib] of after.heapsMiB.entries()) {
    expect(mib - before.heapsMiB[i]!).toBeLessThan(HEAP_MIB_MAX);
  }
  const most = RESIDENT_MIB_MAX + RESIDENT_MIB_PER_DEATH * deaths;
  expect(after.residentMiB - before.residentMiB).toBeLessThan(most);
});
