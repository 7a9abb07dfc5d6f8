// A long life of a meeting place: `npm run soak -- --minutes 30`. Guests come and go at random, and workers die; nobody
// may be left without a picture, and in the end all must be as in the beginning (test/support/soak).
// Usage: node scripts/soak.mjs [--minutes 30] [--seed N]
// Wants a build. Prints a line each minute and figures at the end; the exit code says whether all held.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const SEED_MAX = 0x7fff_ffff;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string' } },
});
const minutes = positive('minutes', values.minutes);
const seed = values.seed === undefined ? randomInt(1, SEED_MAX) : positive('seed', values.seed);

console.log(`${minutes} minutes from seed ${seed}`);
const child = spawn(
  process.execPath,
  [vitest, 'run', '--project', 'alone', 'test/fault/soak.test.ts'],
  {
    cwd: root,
    env: {
      ...process.env,
      NO_COLOR: '1',
      STERNA_SOAK_MINUTES: `${minutes}`,
      STERNA_FUZZ_SEED: `${seed}`,
    },
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  if (code !== 0) console.log(`Again: npm run soak -- --minutes ${minutes} --seed ${seed}`);
  process.exitCode = code ?? 1;
});

function positive(name, text) {
  const number = Number(text);
  if (!(number > 0 && number <= SEED_MAX)) {
    console.error(`--${name} must be a number above 0, got ${text}`);
    process.exit(2);
  }
  return number;
}
