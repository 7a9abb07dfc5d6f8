// docs/threat-model.md names for each threat the tests that show the defence, and they are there.

import { expect, test } from 'vitest';
import { readRootFile } from './source-files.ts';
import { brokenLinks, linksIn } from './test-links.ts';

const text = readRootFile('docs/threat-model.md');

test('every threat has a defence and a test, which is in the file that is named', () => {
  const rows = [...text.matchAll(/^\| (.+) \|$/gm)].map(([, cells = '']) => cells.split(' | '));
  const threats = rows.filter((cells) => cells.length === 3 && cells[0] !== 'Threat');
  expect(threats.length).toBeGreaterThan(30);
  expect(threats.filter((cells) => linksIn(cells[2] ?? '').length === 0)).toEqual([]);
  expect(brokenLinks(text)).toEqual([]);
});
