// Import directions (ARCHITECTURE.md): server -> gateway, signaling -> turn, sfu -> shared. Siblings never meet; the
// SDK and the page see of the server only what crosses the wire. The Node client, a layer of its own inside of sdk/, is
// loaded by one command of the server, when it runs.

import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readSources } from './source-files.ts';
import type { SourceFile } from './source-files.ts';

interface Rule {
  /** Folders that may be imported besides the own one. */
  folders: readonly string[];
  /** Single files of other folders, and whether only their types; `lazy`: these, or at run time by `import()`. */
  files?: Readonly<Record<string, 'types' | 'values' | 'lazy'>>;
  /** Enters the SDK by any file. */
  insideSdk?: true;
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
    // `sterna load` alone needs it: a server must never have libdatachannel in it.
    files: { 'sdk/node/index.ts': 'lazy' },
    // Metrics are composed of the statistics of every folder, so their format is written here, too. Redis knows users.
    packages: new RegExp(`^(?:${NODE}|zod|prom-client|ioredis)$`),
  },
  sdk: {
    folders: [],
    files: { 'signaling/protocol.ts': 'types', 'signaling/codes.ts': 'values' },
    // What Web Crypto does not have, in a module of its own that is loaded by who encrypts.
    packages: /^@noble\/post-quantum\/ml-(?:dsa|kem)\.js$/,
  },
  'sdk/node': {
    // The same signaling as in browsers; RTP and RTCP as the SFU reads and writes them.
    folders: ['sdk', 'sfu/rtp', 'sfu/feedback'],
    insideSdk: true,
    files: { 'signaling/protocol.ts': 'types', 'signaling/codes.ts': 'values' },
    packages: new RegExp(`^(?:${NODE}|ws|node-datachannel)$`),
  },
  web: { folders: ['sdk'], packages: /^$/ },
};

/** Folders that are layers of their own inside of another one. */
const INNER = ['sdk/node', 'sfu/rtp', 'sfu/feedback'] as const;

/** Folders that others enter by these files alone, so that the rest may change freely. */
const DOORS: Readonly<Record<string, RegExp>> = {
  signaling: /^signaling\/(?:index|protocol|codes)\.ts$/,
  sdk: /^sdk\/index\.ts$/,
};

interface Import {
  specifier: string;
  typesOnly: boolean;
  lazy: boolean;
}

function layersOf(path: string): string[] {
  const inner = INNER.filter((folder) => path.startsWith(`${folder}/`));
  return [...inner, path.split('/')[0] ?? ''];
}

function importsOf(file: SourceFile): Import[] {
  const statements = file.text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'/gm,
  );
  return [...statements].map(([, type, from, dynamic]) => ({
    specifier: from ?? dynamic ?? '',
    typesOnly: type !== undefined,
    lazy: dynamic !== undefined,
  }));
}

/** What is wrong with an import, or undefined. */
function violation(file: SourceFile, { specifier, typesOnly, lazy }: Import): string | undefined {
  const folder = layersOf(file.path).find((layer) => Object.hasOwn(RULES, layer)) ?? '';
  const rule = RULES[folder];
  if (!rule) return undefined;
  if (!specifier.startsWith('.')) {
    return rule.packages.test(specifier) ? undefined : `${file.path} imports ${specifier}`;
  }
  const target = join(dirname(file.path), specifier).replaceAll('\\', '/');
  const targets = layersOf(target);
  const targetFolder = targets.find((layer) => Object.hasOwn(RULES, layer)) ?? '';
  if (targetFolder === folder) return undefined;
  const single = rule.files?.[target];
  const allowed = { types: typesOnly, values: true, lazy: typesOnly || lazy };
  if (single !== undefined && allowed[single]) return undefined;
  const door = rule.insideSdk && targetFolder === 'sdk' ? undefined : DOORS[targetFolder];
  const reached = targetFolder === 'sdk/node' ? [targetFolder] : targets;
  const enters = reached.some((layer) => rule.folders.includes(layer));
  return enters && (door?.test(target) ?? true) ? undefined : `${file.path} imports ${target}`;
}

const sources = readSources(
  /\.ts$/,
  Object.keys(RULES).filter((layer) => !layer.includes('/')),
);

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
  expect(verdict('sdk/a.ts', `import { x } from './node/a.ts';`)).toBe(false);
  expect(verdict('sdk/node/a.ts', `import { x } from '../a.ts';`)).toBe(true);
  expect(verdict('sdk/node/a.ts', `import { x } from './payloads/a.ts';`)).toBe(true);
  expect(verdict('sdk/node/a.ts', `import { x } from '../../sfu/rtp/a.ts';`)).toBe(true);
  expect(verdict('sdk/node/a.ts', `import { x } from '../../sfu/sdp/a.ts';`)).toBe(false);
  expect(verdict('server/a.ts', `import { x } from '../sdk/node/index.ts';`)).toBe(false);
  expect(verdict('server/a.ts', `import type { x } from '../sdk/node/index.ts';`)).toBe(true);
  expect(verdict('server/a.ts', `const x = await import('../sdk/node/index.ts');`)).toBe(true);
  expect(verdict('web/a.ts', `import { x } from '../sdk/node/index.ts';`)).toBe(false);
});

test('every import has been read', () => {
  const mentions = sources.flatMap((file) => file.text.match(/^import\b(?!\.meta)/gm) ?? []);
  const statement = /^import\s+(?:type\s)?(?:[^'";]*?\sfrom\s+)?'[^']+'/gm;
  const read = sources.flatMap((file) => file.text.match(statement) ?? []);
  expect(read.length).toBe(mentions.length);
  expect(read.length).toBeGreaterThan(100);
});
