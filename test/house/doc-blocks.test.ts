// Every fenced block of the documents is run by a test, read by one, or says that it is no code: none is only believed.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { loadConfig } from '../../shared/config/load.ts';
import {
  accountsOf,
  type Block,
  blocksOf,
  documents,
  emptyAccounts,
} from '../support/documents.ts';
import { makeTlsFiles } from '../support/tls-files.ts';
import { readRootFile, ROOT } from './source-files.ts';

/** Output, pictures, and messages as they go over the wire. */
const ILLUSTRATIONS = new Set(['text', 'mermaid', 'http']);
/** What is YAML and no configuration of Sterna's. */
const OTHER_YAML = /^scrape_configs:/;
const SECRETS = {
  STERNA_KEYS: 'mykey=a-secret-of-at-least-32-characters',
  STERNA_TURN_SECRETS: 'another-secret-of-at-least-32-characters',
};

const { cert, key } = makeTlsFiles('meet.example.org');
const folder = mkdtempSync(join(tmpdir(), 'sterna-doc-'));
afterAll(() => rmSync(folder, { recursive: true }));

const all = documents().flatMap(blocksOf);
const of = (language: string): Block[] => all.filter((block) => block.language === language);
const place = ({ document, line }: Block): string => `${document}:${line}`;

test('is an illustration, JSON, YAML, or has one account in test/support/documents.ts', () => {
  const read = new Set([...ILLUSTRATIONS, 'json', 'yaml']);
  const odd = all
    .filter(({ language }) => !read.has(language))
    .filter((block) => accountsOf(block).length !== 1)
    .map((block) => `${place(block)} (${block.language}) has ${accountsOf(block).length}`);
  expect(odd).toEqual([]);
  expect(all.length).toBeGreaterThan(100);
});

test('accounts are of blocks that are there, and name tests that read the document', () => {
  expect(emptyAccounts()).toEqual([]);
  const wrong = all.flatMap(accountsOf).filter(({ by, document, part }) => {
    if (by === undefined) return false;
    if (!existsSync(join(ROOT, by))) return true;
    const text = readRootFile(by);
    // Tests that run all of their blocks ask for them by their own name.
    if (text.includes(`blocksFor('${by}')`)) return false;
    return !text.includes(document) || (part !== undefined && !text.includes(part.trim()));
  });
  expect(wrong).toEqual([]);
});

test('of JSON can be parsed, whole or line by line', () => {
  const odd = of('json').filter(({ text }) => {
    const lines = text.trim().split('\n');
    return !isJson(text) && !lines.every((line) => isJson(line)) && !isJson(lines.join(''));
  });
  expect(odd.map(place)).toEqual([]);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('of YAML is a configuration that the server takes, but for its secrets', () => {
  const wrong = of('yaml').flatMap((block) => {
    const { errors } = parseDocument(block.text);
    if (errors.length > 0) return [`${place(block)}: ${errors.map(String).join()}`];
    if (OTHER_YAML.test(block.text)) return [];
    const file = join(folder, 'sterna.yaml');
    writeFileSync(
      file,
      block.text.replace('/etc/sterna/fullchain.pem', cert).replace('/etc/sterna/privkey.pem', key),
    );
    // Pieces are shown without what a server needs besides.
    const missing = Object.entries(SECRETS).filter(
      ([name]) => !(name === 'STERNA_KEYS' ? /^keys:/m : /\bsecrets:/).test(block.text),
    );
    try {
      loadConfig({ file, environment: Object.fromEntries(missing), ipv6Loopback: true });
      return [];
    } catch (error) {
      return [`${place(block)}: ${String(error)}`];
    }
  });
  expect(wrong).toEqual([]);
});

test('links between documents lead to a file and, within it, to a heading', () => {
  const broken = documents().flatMap((document) => {
    const links = readRootFile(document).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g);
    return [...links].flatMap(([, link = '']) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : join(document, '..', path).replaceAll('\\', '/');
      if (!existsSync(join(ROOT, target))) return [`${document}: ${link}`];
      if (anchor === undefined || !target.endsWith('.md')) return [];
      return headingsOf(target).has(anchor) ? [] : [`${document}: ${link}`];
    });
  });
  expect(broken).toEqual([]);
});

function headingsOf(document: string): Set<string> {
  const headings = readRootFile(document).matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
