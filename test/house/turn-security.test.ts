// docs/turn-security.md names the test that each attack fails at; a name that no test has would be a promise. MACs are
// compared in constant time, which no test can time.

import { expect, test } from 'vitest';
import { readRootFile, readSources } from './source-files.ts';
import { brokenLinks, linksIn } from './test-links.ts';

const DOCUMENT = 'docs/turn-security.md';
const text = readRootFile(DOCUMENT);

const NOT_YET = 'not yet';

const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| Attack '))
  .map((line) => line.slice(2, -2).split(' | '));

test('every row of the table is an attack, what is done, and tests or "not yet"', () => {
  expect(rows.length).toBeGreaterThan(30);
  const odd = rows.filter((cells) => {
    const tests = cells[2] ?? '';
    const tested = linksIn(tests).length > 0;
    return cells.length !== 3 || cells.includes('') || tested === tests.includes(NOT_YET);
  });
  expect(odd).toEqual([]);
});

test('every test that the table links to is in the file that it names', () => {
  const links = linksIn(text);
  expect(brokenLinks(text)).toEqual([]);
  const inRows = rows.flatMap((cells) => cells.join().match(/\]\(/g) ?? []);
  expect(links).toHaveLength(inRows.length);
});

/** Files that make MACs, and why they compare none. */
const MAKERS: Readonly<Record<string, string>> = {
  'server/ice-servers.ts': 'a pseudonym',
  'shared/stun/integrity.ts': 'the reader compares',
  'shared/stun/writer.ts': 'signs messages',
  'turn/credentials.ts': 'passwords, which are keys of integrity and never sent',
  'turn/shared-key.ts': 'names of users in shared memory',
};

test('who makes a MAC compares it in constant time, or is known to compare none', () => {
  const files = readSources(/\.ts$/, ['shared', 'turn', 'sfu', 'signaling', 'gateway', 'server'])
    .filter(({ text: source }) => /\b(?:createHmac|messageIntegrity)\(/.test(source))
    .filter(({ text: source }) => !/\btimingSafeEqual\(/.test(source))
    .map(({ path }) => path);
  expect(files).toEqual(Object.keys(MAKERS).toSorted());
});
