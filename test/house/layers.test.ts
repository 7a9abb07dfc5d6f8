// Import directions (ARCHITECTURE.md): server -> gateway, signaling -> turn, sfu -> shared. Siblings never
// meet; the SDK and the page see of the server only what crosses the wire.

import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readSources } from './source-files.ts';
import type { SourceFile } from './source-files.ts';

interface Rule {
  /** Folders that may be imported besides the own one. */
  folders: readonly string[];
  /** Single files of other folders, and whether only their types. */
  files?: Readonly<Record<string, 'types' | 'values'>>;
  /** Packages and `node:` modules; every other one is refused. */
  packages: RegExp;
}

const NODE = String.raw`node:[\w/]+`;

const RULES: Readonly<Record<string, Rule>> = {
  shared: {
    folders: [],
    // ioredis is behind shared/redis alone: what the nodes of a cluster share.
    packages: new RegExp(`^(?:${NODE}|zod|yaml|pino|ipaddr\\.js|koffi|ioredis)$`),
  },
  turn: { folders: ['shared'], packages: new RegExp(`^(?:${NODE}|ipaddr\\.js)$`) },
  // sdp-transform knows the syntax of every SDP attribute; the SFU answers what browsers offer.
  sfu: { folders: ['shared'], packages: new RegExp(`^(?:${NODE}|sdp-transform)$`) },
  signaling: {
    // It answers offers and points slots; packets never come here.
    folders: ['shared', 'sfu'],
    packages: new RegExp(`^(?:${NODE}|zod|ws|jsonwebtoken|ipaddr\\.js)$`),
  },
  gateway: {
    folders: ['shared'],
    packages: new RegExp(`^(?:${NODE}|zod|fastify|@fastify/static)$`),
  },
  server: {
    folders: ['shared', 'turn', 'sfu', 'signaling', 'gateway'],
    // Metrics are composed of the statistics of every folder, so their format is written here, too. Redis knows users.
    packages: new RegExp(`^(?:${NODE}|zod|prom-client|ioredis)$`),
  },
  sdk: {
    folders: [],
    files: { 'signaling/protocol.ts': 'types', 'signaling/codes.ts': 'values' },
    packages: /^$/,
  },
  web: { folders: ['sdk'], packages: /^$/ },
};

/** Folders that others enter by these files alone, so that the rest may change freely. */
const DOORS: Readonly<Record<string, RegExp>> = {
  signaling: /^signaling\/(?:index|protocol|codes)\.ts$/,
  sdk: /^sdk\/index\.ts$/,
};

interface Import {
  specifier: string;
  typesOnly: boolean;
}

function importsOf(file: SourceFile): Import[] {
  const statements = file.text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'/gm,
  );
  return [...statements].map(([, type, from, dynamic]) => ({
    specifier: from ?? dynamic ?? '',
    typesOnly: type !== undefined,
  }));
}

/** What is wrong with an import, or undefined. */
function violation(file: SourceFile, { specifier, typesOnly }: Import): string | undefined {
  const folder = file.path.split('/')[0] ?? '';
  const rule = RULES[folder];
  if (!rule) return undefined;
  if (!specifier.startsWith('.')) {
    return rule.packages.test(specifier) ? undefined : `${file.path} imports ${specifier}`;
  }
  const target = join(dirname(file.path), specifier).replaceAll('\\', '/');
  const targetFolder = target.split('/')[0] ?? '';
  if (targetFolder === folder) return undefined;
  const single = rule.files?.[target];
  if (single === 'values' || (single === 'types' && typesOnly)) return undefined;
  const door = DOORS[targetFolder];
  const enters = rule.folders.includes(targetFolder) && (door?.test(target) ?? true);
  return enters ? undefined : `${file.path} imports ${target}`;
}

const sources = readSources(/\.ts$/, Object.keys(RULES));

test('imports point downward only', () => {
  const violations = sources.flatMap((file) =>
    importsOf(file).flatMap((found) => violation(file, found) ?? []),
  );
  expect(violations).toEqual([]);
});

function verdict(path: string, text: string): boolean {
  const file: SourceFile = { path, text, lines: [] };
  return importsOf(file).every((found) => violation(file, found) === undefined);
}

test('the rules see what they are for', () => {
  expect(verdict('turn/a.ts', `import { x } from '../signaling/index.ts';`)).toBe(false);
  expect(verdict('gateway/a.ts', `import type { x } from '../signaling/index.ts';`)).toBe(false);
  expect(verdict('shared/stun/a.ts', `import '../../turn/a.ts';`)).toBe(false);
  expect(verdict('turn/a.ts', `import {\n  x,\n} from '../sfu/a.ts';`)).toBe(false);
  expect(verdict('turn/a.ts', `export { x } from 'ws';`)).toBe(false);
  expect(verdict('server/a.ts', `import { x } from '../signaling/rooms.ts';`)).toBe(false);
  expect(verdict('server/a.ts', `const x = await import('../sdk/index.ts');`)).toBe(false);
  expect(verdict('sdk/a.ts', `import { x } from '../signaling/protocol.ts';`)).toBe(false);
  expect(verdict('sdk/a.ts', `import type { x } from '../signaling/protocol.ts';`)).toBe(true);
  expect(verdict('sdk/a.ts', `import { x } from '../signaling/codes.ts';`)).toBe(true);
  expect(verdict('web/a.ts', `import { x } from '../sdk/room.ts';`)).toBe(false);
  expect(verdict('server/a.ts', `import { x } from '../signaling/index.ts';`)).toBe(true);
  expect(verdict('turn/a.ts', `import { x } from '../shared/stun/reader.ts';`)).toBe(true);
  expect(verdict('turn/a.ts', `import { x } from 'node:crypto';`)).toBe(true);
});

test('every import has been read', () => {
  const mentions = sources.flatMap((file) => file.text.match(/^import\b(?!\.meta)/gm) ?? []);
  const statement = /^import\s+(?:type\s)?(?:[^'";]*?\sfrom\s+)?'[^']+'/gm;
  const read = sources.flatMap((file) => file.text.match(statement) ?? []);
  expect(read.length).toBe(mentions.length);
  expect(read.length).toBeGreaterThan(100);
});
