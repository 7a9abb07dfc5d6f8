// The packages that npm would publish: what is in them, and that an empty folder gets a server that runs and an SDK
// whose types compile without anything else.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Child } from '../support/e2e/child.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
/** Nothing of what is asked, told or run besides, and no network where the cache has what is wanted. */
const QUIET = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];

/** Where the cache is empty a hundred packages come over the network. */
const INSTALLED_WITHIN_MS = 300_000;

const packed = z.tuple([
  z.object({
    filename: z.string(),
    size: z.number(),
    files: z.array(z.object({ path: z.string() })),
  }),
]);
type Packed = z.output<typeof packed>[0];

let folder: string;
let app: string;
let server: Packed;
let sdk: Packed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sterna-package-'));
  app = join(folder, 'app');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{ "private": true, "type": "module" }');
  await run(ROOT, process.execPath, 'scripts/pack-sdk.mjs');
  server = await pack('.');
  sdk = await pack('./dist/sdk-package');
  const files = [server, sdk].map(({ filename }) => join(folder, filename));
  await run(app, 'npm', 'install', ...files, '--omit=dev', ...QUIET);
}, INSTALLED_WITHIN_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** What it prints on standard output and standard error. */
async function run(where: string, command: string, ...args: string[]): Promise<string> {
  const child = new Child(command, args, { folder: where });
  expect(await child.exited, child.output).toBe(0);
  return child.output;
}

async function pack(what: string): Promise<Packed> {
  const silent = ['--ignore-scripts', '--json', '--loglevel=silent'];
  const output = await run(ROOT, 'npm', 'pack', what, ...silent, '--pack-destination', folder);
  return packed.parse(JSON.parse(output))[0];
}

test('have what runs, and nothing of tests, benches and builds', () => {
  const paths = server.files.map(({ path }) => path);
  const wanted = [
    'LICENSE',
    'README.md',
    'docs/README.md',
    'sterna.schema.json',
    'dist/server/main.js',
    'dist/sdk/index.d.ts',
    'dist/web/index.html',
    'dist/web/sterna.js',
  ];
  expect(paths).toEqual(expect.arrayContaining(wanted));
  const odd =
    /(?:^|\/)(?:test|bench|scripts|sdk-package)\/|\.map$|tsbuildinfo|\.test\.|(?<!\.d)\.ts$/;
  expect([...paths, ...sdk.files.map(({ path }) => path)].filter((path) => odd.test(path))).toEqual(
    [],
  );
  expect(server.size).toBeLessThan(1_500_000);
  expect(sdk.size).toBeLessThan(150_000);
});

test('npx runs the server', async () => {
  expect(await run(app, 'npx', '--no-install', 'sterna', '--version')).toMatch(/^\d+\.\d+\.\d+$/m);
  const child = new Child('npx', ['--no-install', 'sterna', 'serve'], {
    folder: app,
    environment: {
      TMPDIR: folder,
      STERNA_GATEWAY_PORT: '0',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
    },
  });
  try {
    const [, url = ''] = await child.printed(/"event":"server\.ready".*?"url":"([^"]+)"/);
    const health = await fetch(new URL('/healthz', url));
    expect(await health.json()).toMatchObject({ status: 'ok' });
    const page = await fetch(url);
    expect(await page.text()).toMatch(/^<!doctype html>/i);
    const module = await fetch(new URL('/sterna.js', url));
    expect((await module.text()).length).toBeGreaterThan(10_000);
  } finally {
    await child.kill();
  }
});

/** What an application says to the SDK; both packages take it, and each takes what the other gives. */
const APPLICATION = `
import { join, type JoinOptions, type Room, SternaClientError } from 'sterna-sdk';
import { join as joinToo, type Room as RoomToo } from 'sterna/sdk';

const options: JoinOptions = { token: 'eyJ', want: { audio: 4, video: 4 } };
const room: Room = await join('https://meet.example.org', options);
room.on('trackAdded', ({ participant, track }) => console.log(participant.name.length, track.kind));
room.on('closed', ({ error }) => console.log(error?.reason));
await room.simulate({ op: 'network', down: { loss: 0.1 }, ms: 1000 });
// @ts-expect-error -- there is no such operation
await room.simulate({ op: 'nothing' });
console.log(new SternaClientError('ROOM_FULL').code.toFixed());

export const same: Parameters<RoomToo['simulate']> = [] as unknown as Parameters<Room['simulate']>;
export const back: Parameters<Room['simulate']> = [] as unknown as Parameters<RoomToo['simulate']>;
export const rooms: Promise<RoomToo> = joinToo('https://meet.example.org', options);
`;

test('the types of both SDKs compile by themselves', async () => {
  await writeFile(join(app, 'app.ts'), APPLICATION);
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  const modules = ['--module', 'nodenext', '--lib', 'es2023,dom,dom.iterable', '--types', ''];
  const output = await run(app, process.execPath, TSC, '--noEmit', ...strict, ...modules, 'app.ts');
  expect(output).toBe('');
});

test('the SDK of its own needs nothing else', async () => {
  const modules = sdk.files.map(({ path }) => path).filter((path) => path.endsWith('.js'));
  expect(modules).toContain('index.js');
  for (const name of modules) {
    const text = await readFile(join(app, 'node_modules/sterna-sdk', name), 'utf8');
    expect(text, name).not.toMatch(
      /^import ['"][^.]|^(?:import|export) .* from ['"][^.]|\brequire\(/m,
    );
    expect(gzipSync(text).length, name).toBeLessThan(60_000);
  }
  const code = `import('sterna-sdk').then(({ join, SternaClientError }) =>
    console.log(typeof join, new SternaClientError('ROOM_FULL').code))`;
  expect(await run(app, process.execPath, '--eval', code)).toBe('function 4430\n');
});
