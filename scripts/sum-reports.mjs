// Adds up what a CI run has proved: the check steps and vitest's JSON reports. Prints "N passed, N failed[, N
// skipped]".
// Usage: node scripts/sum-reports.mjs FOLDER...    Exit code 1 when anything failed, or when nothing ran.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

let passed = 0;
let failed = 0;
let skipped = 0;

for (const folder of process.argv.slice(2)) {
  addSteps(join(folder, 'steps.txt'));
  addReport(join(folder, 'vitest.json'));
}

/** A step of tests is counted by its tests; it counts itself only when it has left no report. */
function addSteps(file) {
  if (!existsSync(file)) return;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [outcome, name] = line.split(' ');
    if (name === 'tests') continue;
    if (outcome === 'ok') passed++;
    if (outcome === 'failed') failed++;
  }
}

function addReport(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    failed++;
    return;
  }
  const before = failed;
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  // A file that cannot even be loaded fails without a test of its own.
  for (const { status, assertionResults } of report.testResults) {
    if (status === 'failed' && assertionResults.length === 0) failed++;
  }
  // An error outside of every test leaves nothing but this.
  if (!report.success && failed === before) failed++;
}

const tail = skipped > 0 ? `, ${skipped} skipped` : '';
console.log(`${passed} passed, ${failed} failed${tail}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
