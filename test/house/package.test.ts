// package.json and the lockfile: what is promised about Node, licences and where packages come from.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readRootFile, readSources, ROOT } from './source-files.ts';

/** The lowest Node that the project runs on. */
const FLOOR = [20, 19, 0] as const;

const packageFile = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  bin: z.record(z.string(), z.string()),
  engines: z.object({ node: z.string() }),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const lockEntry = z.object({
  version: z.string().optional(),
  resolved: z.string().optional(),
  license: z.string().optional(),
  dev: z.boolean().optional(),
  optional: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  engines: z.object({ node: z.string().optional() }).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});

const lockFile = z.object({
  lockfileVersion: z.number(),
  packages: z.record(z.string(), lockEntry),
});

const project = packageFile.parse(JSON.parse(readRootFile('package.json')));
const lock = lockFile.parse(JSON.parse(readRootFile('package-lock.json')));
const installed = Object.entries(lock.packages).filter(([path]) => path !== '');

/** Whether the floor satisfies an `engines.node` range; covers the comparators that packages use there. */
function admitsFloor(range: string): boolean {
  return range.split('||').some((alternative) =>
    alternative
      .trim()
      .replaceAll(/([<>=^~]+)\s+/g, '$1')
      .split(/\s+/)
      .every(admits),
  );
}

function admits(comparator: string): boolean {
  const parts = /^([<>=^~]*)v?(\d+|[x*])?(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?(?:-.*)?$/i.exec(
    comparator,
  );
  if (!parts) return false;
  const [, operator = '', ...texts] = parts;
  const given = texts.map((text) => (/^\d+$/.test(text ?? '') ? Number(text) : undefined));
  const [major, minor = 0, patch = 0] = given;
  if (major === undefined) return true;
  const order = compare(FLOOR, [major, minor, patch]);
  if (operator === '^') return order >= 0 && FLOOR[0] === major;
  if (operator === '~') return order >= 0 && FLOOR[0] === major && FLOOR[1] === minor;
  if (operator === '>=') return order >= 0;
  if (operator === '>') return order > 0;
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  // A bare "20" or "20.x" means any of that line.
  return FLOOR[0] === major && (given[1] === undefined || FLOOR[1] === minor);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((part, at) => part !== b[at]);
  return i < 0 ? 0 : (a[i] ?? 0) - (b[i] ?? 0);
}

describe('package.json', () => {
  test('promises the floor, the licence and the command', () => {
    expect(project.engines.node).toBe(`>=${FLOOR.join('.')}`);
    expect(project.license).toBe('Apache-2.0');
    expect(readRootFile('LICENSE')).toContain('Apache License');
    expect(project.bin).toEqual({ sterna: 'dist/server/main.js' });
    expect(readRootFile('server/main.ts')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test('names no dependency that is not used', () => {
    const sources = readSources(/\.(?:ts|mjs)$/);
    const unused = Object.keys(project.dependencies).filter(
      (name) =>
        !sources.some(({ text }) =>
          [`from '${name}'`, `from '${name}/`].some((used) => text.includes(used)),
        ),
    );
    expect(unused).toEqual([]);
  });
});

describe('package-lock.json', () => {
  test('leaves open which registry packages come from', () => {
    const bound = installed.filter(([, { resolved }]) => resolved !== undefined);
    expect(bound.map(([path]) => path)).toEqual([]);
    expect(readRootFile('package-lock.json')).not.toMatch(
      /https?:\/\/(?!.*(?:fund|sponsor))[^"]*\.tgz/,
    );
    expect(lock.lockfileVersion).toBe(3);
    expect(installed.length).toBeGreaterThan(50);
  });

  test('has every package that another one names, for all platforms, as `npm ci` demands', () => {
    const paths = new Set(Object.keys(lock.packages));
    const missing = installed.flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }).filter(
        (name) => !candidates(path, name).some((candidate) => paths.has(candidate)),
      ),
    );
    expect(missing).toEqual([]);
  });

  test('has only packages that run on the floor', () => {
    const refused = installed.flatMap(([path, { engines }]) =>
      engines?.node === undefined || admitsFloor(engines.node) ? [] : [`${path}: ${engines.node}`],
    );
    expect(refused).toEqual([]);
  });

  test('ships packages under licences that go with ours', () => {
    const fine = /^\(?(?:MIT|ISC|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|0BSD|MPL[- ]2\.0)\b/;
    const shipped = installed.filter(
      ([, { dev, devOptional, optional }]) =>
        dev !== true && devOptional !== true && optional !== true,
    );
    const odd = shipped.filter(([path, { license }]) => !fine.test(license ?? licenceOf(path)));
    expect(odd.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
    expect(shipped.length).toBeGreaterThan(20);
  });
});

/** Where a package may find another: beside itself, and in every folder above. */
function candidates(path: string, name: string): string[] {
  const parts = path.split('/node_modules/');
  return [
    `node_modules/${name}`,
    ...parts.map((_, i) => `${parts.slice(0, i + 1).join('/node_modules/')}/node_modules/${name}`),
  ];
}

/** A few packages tell their licence only in their own file. */
function licenceOf(path: string): string {
  const file = z.object({ license: z.string().optional() });
  const text = readFileSync(join(ROOT, path, 'package.json'), 'utf8');
  return file.parse(JSON.parse(text)).license ?? '';
}

test('the range check knows the forms that packages use', () => {
  const fine = [
    '>=18',
    '>= 14',
    '^20.19.0 || >=22.12.0',
    '20 || >=22',
    '>=12.0.0 <25',
    '*',
    '20.x',
    '>=20.19',
  ];
  const refused = ['>=22', '^18.0.0', '>=20.19.1', '<20', '^22 || ^24', '20.18'];
  expect(fine.filter((range) => !admitsFloor(range))).toEqual([]);
  expect(refused.filter(admitsFloor)).toEqual([]);
});
