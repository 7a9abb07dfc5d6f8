// The configuration as it is written down: the JSON Schema, the example and the documentation say what the
// code does.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isMap, isPair, isScalar, parseDocument } from 'yaml';
import { z } from 'zod';
import { LEAVES } from '../../shared/config/keys.ts';
import { type Config, loadConfig } from '../../shared/config/load.ts';
import { settingsJsonSchema } from '../../shared/config/schema.ts';
import { readRootFile, ROOT } from './source-files.ts';

const example = readRootFile('sterna.example.yaml');
const documentation = readRootFile('docs/configuration.md');

/** What the example must set, because it has no default that works. */
const REQUIRED: ReadonlySet<string> = new Set(['keys', 'turn.secrets']);

/** The example with every key in force; what a comment explains does not look like a key. */
const shown = parseDocument(example.replaceAll(/^( *)# ( *(?:- |\w+:).*)$/gm, '$1$2'));

test('sterna.schema.json is what the code says (write it anew: node scripts/generate-schema.mjs)', () => {
  expect(JSON.parse(readRootFile('sterna.schema.json'))).toEqual(settingsJsonSchema());
});

test('the JSON Schema describes every key', () => {
  const node = z.looseObject({
    description: z.string().optional(),
    properties: z.record(z.string(), z.unknown()).optional(),
  });
  for (const { path } of LEAVES) {
    let schema: unknown = settingsJsonSchema();
    for (const name of path) schema = node.parse(schema).properties?.[name];
    expect(node.parse(schema).description).toMatch(/\w/);
  }
});

test('the example names its schema in the first line, for editors', () => {
  expect(example.split('\n')[0]).toBe('# yaml-language-server: $schema=./sterna.schema.json');
});

test('the example is refused until each of its secrets is replaced, and is accepted then', () => {
  const file = join(ROOT, 'sterna.example.yaml');
  const load = (environment: Record<string, string>): Config =>
    loadConfig({ file, environment, ipv6Loopback: true });
  const instead = 'a secret of your own in place of the example';
  expect(() => load({})).toThrow(`keys.mykey: expected ${instead}`);
  const keys = { STERNA_KEYS: `mykey=${'k'.repeat(32)}` };
  expect(() => load(keys)).toThrow(`turn.secrets.0: expected ${instead}`);
  const config = load({ ...keys, STERNA_TURN_SECRETS: 't'.repeat(32) });
  expect(config.mode).toBe('configured');
  expect(config.warnings).toEqual([]);
});

test('the example shows every key, each with its default', () => {
  expect(shown.errors).toEqual([]);
  const values: unknown = shown.toJS();
  const keys = LEAVES.map(({ path }) => path.join('.'));
  expect(keys.filter((key) => valueAt(values, key) === undefined)).toEqual([]);
  const optional = LEAVES.filter(({ path }) => !REQUIRED.has(path.join('.')));
  expect(optional.map(({ path }) => [path, valueAt(values, path.join('.'))])).toEqual(
    optional.map((leaf) => [leaf.path, leaf.default]),
  );
});

test('the example has no key that does not exist', () => {
  const names = new Set(
    LEAVES.flatMap(({ path }) => path.map((_, i) => path.slice(0, i + 1).join('.'))),
  );
  const unknown = keysOf(shown.contents, '').filter(
    (name) => !names.has(name) && !name.startsWith('keys.'),
  );
  expect(unknown).toEqual([]);
});

test('docs/configuration.md has a row for every key, and no other', () => {
  const rows = [
    ...documentation.matchAll(/^\| `([\w.]+)` \| `(.+?)` \| `(STERNA_\w+)` \| (.+?) \|$/gm),
  ];
  expect(rows.map(([, key, value, variable, meaning]) => [key, value, variable, meaning])).toEqual(
    LEAVES.map(({ path, default: value, variable, description }) => [
      path.join('.'),
      typeof value === 'string' && value !== '' ? value : JSON.stringify(value),
      variable,
      description,
    ]),
  );
});

function valueAt(values: unknown, key: string): unknown {
  const map = z.record(z.string(), z.unknown());
  return key.split('.').reduce<unknown>((value, name) => map.parse(value)[name], values);
}

function keysOf(node: unknown, above: string): string[] {
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key)) return [];
    const name = `${above}${String(pair.key.value)}`;
    return [name, ...keysOf(pair.value, `${name}.`)];
  });
}
