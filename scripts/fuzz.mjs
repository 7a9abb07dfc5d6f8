// Every fuzz test with very many inputs, one after the other: `npm run fuzz`, which is what runs each night.
// Usage: node scripts/fuzz.mjs [NAME...] [--runs 1000000] [--seed N] [--connects 10000]
// NAME is a test of test/fuzz without its ending, or `connects`. A random seed unless one is given; seeds that once
// found something come first. Prints inputs, seed, seconds and failures of each; exit code 1 when there was a failure,
// whose seed is then added to test/fuzz/seeds.txt.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const seedsFile = new URL('../test/fuzz/seeds.txt', import.meta.url);
const SEED_MAX = 0x7fff_ffff;
/** With fewer, no test reaches all that it must have reached. */
const RUNS_MIN = 20_000;
const SAID_LINES_MAX = 60;
/** What the two tests of memory count. */
const CONNECTS = ['test/unit/sfu/transport-memory.test.ts', 'test/unit/sfu/dtls-memory.test.ts'];

const { values, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    connects: { type: 'string', default: '10000' },
    seed: { type: 'string' },
  },
  allowPositionals: true,
});

const known = readdirSync(new URL('../test/fuzz/', import.meta.url))
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -'.test.ts'.length));
const runs = positive('runs', values.runs, RUNS_MIN);
const connects = positive('connects', values.connects);
const seed = values.seed === undefined ? randomInt(1, SEED_MAX) : positive('seed', values.seed);
const names = positionals.length > 0 ? positionals : [...known, 'connects'];
for (const name of names) {
  if (name !== 'connects' && !known.includes(name)) {
    fail(`there is no fuzz test ${name}; there are ${known.join(', ')} and connects`);
  }
}

const kept = readFileSync(seedsFile, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(' '));

let failures = 0;
say('test', 'inputs', 'seed', 'seconds', 'failures');
for (const name of names.filter((one) => one !== 'connects')) {
  const file = `test/fuzz/${name}.test.ts`;
  for (const [, old] of values.seed === undefined ? kept.filter(([fuzz]) => fuzz === name) : []) {
    await proved(name, [file], Number(old));
  }
  if (!(await proved(name, [file], seed)) && values.seed === undefined) {
    appendFileSync(seedsFile, `${name} ${seed} ${new Date().toISOString().slice(0, 10)}\n`);
  }
}
if (names.includes('connects')) {
  await proved('connects', CONNECTS, undefined);
}
console.log(failures === 0 ? 'No failures.' : `${failures} failed.`);
process.exitCode = failures === 0 ? 0 : 1;

/** Runs one test to its end; true when it found nothing. */
async function proved(name, files, from) {
  const counts =
    from === undefined
      ? { STERNA_TRANSPORT_CONNECTS: `${connects}`, STERNA_DTLS_CONNECTS: `${connects}` }
      : { STERNA_FUZZ_RUNS: `${runs}`, STERNA_FUZZ_SEED: `${from}` };
  const begun = performance.now();
  const { code, lines } = await run(['run', '--project', 'fast', ...files], counts);
  const seconds = (performance.now() - begun) / 1000;
  say(
    name,
    from === undefined ? connects : runs,
    from ?? '-',
    seconds.toFixed(0),
    code === 0 ? 0 : 1,
  );
  if (code === 0) {
    for (const line of lines) if (/^[A-Za-z ]+: \{/.test(line)) console.log(`  ${line}`);
    return true;
  }
  failures++;
  console.log(lines.slice(-SAID_LINES_MAX).join('\n'));
  const environment = Object.entries(counts).map(([key, value]) => `${key}=${value}`);
  console.log(`Again: ${environment.join(' ')} npx vitest run --project fast ${files.join(' ')}`);
  return false;
}

function run(args, environment) {
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  }
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, lines: said.trimEnd().split('\n') }));
  });
}

function positive(name, text, least = 1) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least || number > SEED_MAX) {
    fail(`--${name} must be an integer from ${least} to ${SEED_MAX}, got ${text}`);
  }
  return number;
}

function say(...columns) {
  console.log(
    columns
      .map((column) => String(column).padEnd(16))
      .join('')
      .trimEnd(),
  );
}

function fail(why) {
  console.error(why);
  process.exit(2);
}
