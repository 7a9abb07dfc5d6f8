// CHANGELOG.md follows Keep a Changelog, and its newest version is that of package.json.

import { expect, test } from 'vitest';
import { readRootFile } from './source-files.ts';

const KINDS = new Set(['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']);

const lines = readRootFile('CHANGELOG.md').split('\n');
const versions = lines.filter((line) => line.startsWith('## '));

test('opens with its title and what is not released yet', () => {
  expect(lines[0]).toBe('# Changelog');
  expect(versions[0]).toBe('## [Unreleased]');
});

test('names versions with their dates, newest first', () => {
  const released = versions.slice(1);
  const odd = released.filter((line) => !/^## \[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/.test(line));
  expect(odd).toEqual([]);
  const dates = released.map((line) => line.slice(-10));
  expect(dates).toEqual(dates.toSorted().toReversed());
});

test('sorts what changed under the known headings', () => {
  const headings = lines.filter((line) => line.startsWith('### ')).map((line) => line.slice(4));
  expect(headings.filter((heading) => !KINDS.has(heading))).toEqual([]);
  expect(headings.length).toBeGreaterThan(0);
});
