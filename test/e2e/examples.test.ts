// examples/: each is what its README says, in one meeting of a development server: a page with a server of its own, a
// page that publishes by WHIP, a bot, and a call made with React.

import { join } from 'node:path';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readRootFile, ROOT } from '../house/source-files.ts';
import { Chromium } from '../support/chromium.ts';
import { blocksOf } from '../support/documents.ts';
import { Child } from '../support/e2e/child.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { freePorts } from '../support/free-ports.ts';

let browser: Chromium;
let sterna: Sterna;
let port: number;
let origin: string;
let server: Child;
let ann: Page;
let bob: Page;

/** The commands of a README, for the ports of the test. */
const commands = (readme: string): string[] =>
  blocksOf(readme)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`));

const shell = (command: string): Child =>
  new Child('bash', ['-euc', command], {
    folder: ROOT,
    environment: { TMPDIR: sterna.folder, SERVER: new URL(sterna.url).origin, PORT: `${port}` },
  });

beforeAll(async () => {
  port = await freePorts(['127.0.0.1'], 1);
  origin = `http://127.0.0.1:${port}/`;
  const [start = ''] = commands('examples/page/README.md');
  const [, variable = '', value = ''] = /^(STERNA_\w+)=(\S+) npm start$/m.exec(start) ?? [];
  const elsewhere = { STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0' };
  [browser, sterna] = await Promise.all([
    Chromium.launch(),
    Sterna.start({ environment: { ...elsewhere, [variable]: value } }),
  ]);
  server = shell(commands('examples/page/README.md')[1] ?? '');
  await server.printed(new RegExp(`^${origin}$`, 'm'));
  ann = await enter(1);
});
afterEach(() => browser.throwErrors());
afterAll(async () => {
  await browser?.close();
  await server?.kill();
  await sterna?.stop();
});

/** Until it shows so many, itself among them. */
async function enter(pictures: number): Promise<Page> {
  const page = await browser.open(origin);
  await page.click('button');
  await showing(page, pictures);
  return page;
}

/** Until so many pictures move. */
async function showing(page: Page, pictures: number): Promise<void> {
  await page.waitForFunction(
    (count) =>
      [...document.querySelectorAll('video')].filter(
        (video) => video.videoWidth > 0 && video.currentTime > 0,
      ).length === count,
    pictures,
    { polling: 100 },
  );
}

test('examples/whip: a page without the SDK publishes', async () => {
  const [token = ''] = commands('examples/whip/README.md');
  const minted = shell(token);
  expect(await minted.exited, minted.output).toBe(0);
  const page = await browser.open(origin);
  await page.setContent(readRootFile('examples/whip/index.html'));
  await page.fill('[name=endpoint]', `${new URL(sterna.url).origin}/v1/whip/demo`);
  await page.fill('[name=token]', /^eyJ\S+$/m.exec(minted.output)?.[0] ?? '');
  await page.click('button');
  await page.waitForFunction(() => document.querySelector('output')?.value === 'connected');
  await showing(ann, 2);
  await page.getByRole('button', { name: 'Stop' }).click();
  await showing(ann, 1);
  await page.close();
});

test('examples/bot: receives who is there, and answers the chat', async () => {
  const [start = ''] = commands('examples/bot/README.md');
  const bot = shell(start);
  try {
    await bot.printed(/^in demo as counter$/m);
    await bot.printed(/^receives (?:camera|microphone) of /m);
  } finally {
    await bot.kill();
  }
});

test('examples/page: two meet', async () => {
  bob = await enter(2);
  await showing(ann, 2);
});

test('examples/react: the hook follows a room, and types hold', async () => {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['examples/react/call.tsx'],
    alias: { 'sterna/sdk': join(ROOT, 'dist/sdk/index.js') },
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const body = outputFiles[0]?.text ?? '';
  const at = new URL(sterna.url).origin;
  // A page of the server's own origin, as an application behind the same proxy has it.
  const page = await browser.open(`${at}/blank`, { bypassCSP: true });
  await page.route(`${at}/call.js`, (route) =>
    route.fulfill({ contentType: 'text/javascript', body }),
  );
  const { token } = (await (await fetch(`${origin}token`, { method: 'POST' })).json()) as {
    token: string;
  };
  await page.route(`${at}/token`, (route) => route.fulfill({ body: token }));
  await page.setContent('<div id="call"></div><script type="module" src="/call.js"></script>');
  await page.getByRole('status').getByText('connected').waitFor();
  await showing(page, 2);
  await page.getByRole('button', { name: 'Camera' }).click();
  await Promise.all([showing(ann, 3), showing(bob, 3)]);

  const strict = ['--strict', '--noEmit', '--jsx', 'react-jsx', '--allowImportingTsExtensions'];
  const modules = ['--module', 'nodenext', '--lib', 'es2023,dom,dom.iterable', '--types', ''];
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const types = new Child(
    process.execPath,
    [tsc, ...strict, ...modules, 'examples/react/call.tsx', '--skipLibCheck', '--ignoreConfig'],
    { folder: ROOT },
  );
  expect(await types.exited, types.output).toBe(0);
});
