// How many inputs a fuzz test takes and from which seed, one way for all of them: STERNA_FUZZ_RUNS and
// STERNA_FUZZ_SEED. `npm run fuzz` sets both; without them a test is short and draws a seed of its own.

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

const SEED_MAX = 0x7fff_ffff;
const KEPT = new URL('../fuzz/seeds.txt', import.meta.url);

function positive(name: string): number | undefined {
  const text = process.env[name] ?? '';
  if (text === '') return undefined;
  const given = Number(text);
  if (Number.isInteger(given) && given > 0 && given <= SEED_MAX) return given;
  throw new Error(`${name} must be an integer from 1 to ${SEED_MAX}, got ${text}`);
}

const givenSeed = positive('STERNA_FUZZ_SEED');

/** The seed of this run: the same seed makes the same run. */
export const FUZZ_SEED: number = givenSeed ?? randomInt(1, SEED_MAX);

/** The number of inputs: what was given, or else `few`. */
export function fuzzRuns(few: number): number {
  return positive('STERNA_FUZZ_RUNS') ?? few;
}

/** The seeds that a fuzz test is to run from: the one of this run, and those that once found something. */
export function fuzzSeeds(name: string): number[] {
  if (givenSeed !== undefined) return [givenSeed];
  const kept = readFileSync(KEPT, 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([fuzz]) => fuzz === name)
    .map(([, seed]) => Number(seed));
  return [FUZZ_SEED, ...kept];
}

/** For a test of so many inputs, however slow the machine. */
export function fuzzTimeoutMs(runs: number): number {
  return 120_000 + 30 * runs;
}

const BREATHE_EVERY = 2000;

/** To be awaited after each input of a long loop: Vitest's own messages must get through in between. */
export function breathe(index: number): Promise<void> | undefined {
  return index % BREATHE_EVERY === 0 ? nextTurn() : undefined;
}
