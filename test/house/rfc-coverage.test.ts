// docs/rfc-coverage.md is the list of requirements that tests of test/rfc begin with, and says why a
// section of RFC 8656 has none. It is written by `vitest run --project fast test/house/rfc-coverage -u`.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const FOLDER = new URL('../rfc/', import.meta.url);

interface Requirement {
  readonly rfc: number;
  readonly section: string;
  readonly text: string;
  readonly file: string;
}

/** Sections of RFC 8656 that ask something of an implementation; the registries do not, and of the overview only its transports. */
const SECTIONS = [
  '3.1 5 6 7.1 7.2 7.3 7.4 8.1 8.2 8.3 9 10.1 10.2 10.3 11 11.1 11.2 11.3 11.4 11.5 11.6',
  '12 12.1 12.2 12.3 12.4 12.5 12.6 12.7 13.1 13.2 13.3 14 15 16',
  '18.1 18.2 18.3 18.4 18.5 18.6 18.7 18.8 18.9 18.10 18.11 18.12 18.13',
  '21.1.1 21.1.3 21.1.4 21.1.7 21.2 21.3.1 21.4',
].flatMap((line) => line.split(' '));

const CLIENT = 'asks something of the client';
const HEADER_FIELDS =
  'node:dgram neither reads nor sets these header fields: the alternate behaviour, the defaults of the kernel';
const UNTESTED: Readonly<Record<string, string>> = {
  '7.1': CLIENT,
  '7.3': CLIENT,
  '7.4': CLIENT,
  '8.3': CLIENT,
  '10.3': CLIENT,
  '11.1': CLIENT,
  '11.4': CLIENT,
  '11.5': 'node:dgram delivers no ICMP errors of unconnected sockets',
  '11.6': CLIENT,
  '12.3': CLIENT,
  '12.4': 'the format itself: every test of s12.6 and s12.7 reads and writes it',
  '13.1': HEADER_FIELDS,
  '13.2': HEADER_FIELDS,
  '13.3': HEADER_FIELDS,
  '14': HEADER_FIELDS,
  '16': 'header fields of packets to a TCP connection: the defaults of the kernel',
  '18.3': 'the format itself, that of RFC 8489 s14.2: every test with a peer writes it',
  '18.4': 'the format itself: every test of s11 reads and writes it',
  '18.9': 'a flag: see s7.2 step 4 and s11.2',
  '18.11': 'see s7.2 step 9',
  '18.12': 'see s7.2 step 9',
  '18.13': 'see s11.5',
  '21.1.1': 'see s7.2 step 1 and RFC 8489 s9.2.4',
  '21.1.4': 'see s9 and s11.2: no data without a permission',
};

const TITLE =
  /(?:\b(?:it|on[A-Z]\w*)|\))\(\s*(['"`])(RFC (\d+) (?:s|appendix )([\w.]+)((?:, s[\d.]+)*(?: step \d+)?): (?:(?!\1)[^\\]|\\.)*)\1/g;

function requirementsOf(file: string): Requirement[] {
  const source = readFileSync(new URL(file, FOLDER), 'utf8');
  return [...source.matchAll(TITLE)].flatMap(([, , title, rfc, section, more]) => {
    const text = title!
      .slice(title!.indexOf(': ') + 2)
      .replaceAll(/\$\{[^}]*\}|%[sij]/g, '…')
      .replaceAll('\\', '')
      .replaceAll('|', '\\|');
    return [{ rfc: Number(rfc), section: `${section}${more}`, text, file }];
  });
}

const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.test.ts'))
  .toSorted();
const requirements = files.flatMap(requirementsOf);

const numbersIn = (section: string): number[] => (section.match(/\d+/g) ?? []).map(Number);

function bySection(a: Requirement, b: Requirement): number {
  const [x, y] = [numbersIn(a.section), numbersIn(b.section)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? -1) - (y[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

function tableOf(rfc: number): string {
  const rows = requirements
    .filter((each) => each.rfc === rfc)
    .toSorted(bySection)
    .map(({ section, text, file }) => `| ${section} | ${text} | ${file.replace('.test.ts', '')} |`);
  return [
    `## RFC ${rfc}`,
    '',
    '| section | requirement | test/rfc/ |',
    '|---|---|---|',
    ...rows,
  ].join('\n');
}

function page(): string {
  const rfcs = [...new Set(requirements.map(({ rfc }) => rfc))].toSorted((a, b) => a - b);
  const untested = SECTIONS.filter((section) => section in UNTESTED).map(
    (section) => `| ${section} | ${UNTESTED[section]} |`,
  );
  return [
    '# RFC coverage',
    '',
    'Each line is a test whose title begins with that requirement; "…" stands for a value of a table in the test.',
    'The list is made from the tests: `vitest run --project fast test/house/rfc-coverage -u` writes it anew.',
    '',
    ...rfcs.flatMap((rfc) => [tableOf(rfc), '']),
    '## RFC 8656, sections without a test of their own',
    '',
    '| section | why |',
    '|---|---|',
    ...untested,
    '',
  ].join('\n');
}

it('docs/rfc-coverage.md lists the tests there are', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/rfc-coverage.md');
});

it('every section of RFC 8656 has a test or a reason why not, and never both', () => {
  const tested = new Set(
    requirements.filter(({ rfc }) => rfc === 8656).map(({ section }) => section.split(/[ ,]/)[0]!),
  );
  expect(SECTIONS.filter((section) => !tested.has(section) && !(section in UNTESTED))).toEqual([]);
  expect(Object.keys(UNTESTED).filter((section) => tested.has(section))).toEqual([]);
  expect([...tested].filter((section) => !SECTIONS.includes(section))).toEqual([]);
});

it('every test of an RFC begins with its number and section', () => {
  const titles = /\b(?:onBoth|onCore)\(\s*(['"`])(.*?)\1/gs;
  const wrong = files.flatMap((file) => {
    const source = readFileSync(new URL(file, FOLDER), 'utf8');
    return [...source.matchAll(titles)]
      .map(([, , title]) => title!)
      .filter((title) => !/^RFC \d+ s/.test(title));
  });
  expect(wrong).toEqual([]);
});

it('no two tests claim the same requirement in the same words', () => {
  const names = requirements.map(({ rfc, section, text }) => `RFC ${rfc} s${section}: ${text}`);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});
