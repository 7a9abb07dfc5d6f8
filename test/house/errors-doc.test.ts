// docs/errors.md is what scripts/generate-errors.mjs makes of the code, and names every reason that there is.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LOCAL_REASONS } from '../../sdk/errors.ts';
import { CODES } from '../../signaling/codes.ts';
import { readRootFile, ROOT } from './source-files.ts';

const page = readRootFile('docs/errors.md');

test('the page is up to date (write it anew: node scripts/generate-errors.mjs)', () => {
  const script = join(ROOT, 'scripts/generate-errors.mjs');
  const made = execFileSync(process.execPath, [script, '--print'], { encoding: 'utf8' });
  expect(page).toBe(made);
});

test('every reason of signaling and of the SDK has one row', () => {
  const rows = [...page.matchAll(/^\| `([A-Z_0-9]+)` \|/gm)].map(([, reason]) => reason);
  expect(rows).toEqual([...new Set(rows)]);
  expect(rows).toEqual(
    expect.arrayContaining([...Object.keys(CODES), ...Object.keys(LOCAL_REASONS)]),
  );
});
