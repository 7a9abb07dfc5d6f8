// docs/sdk.md: every piece of JavaScript in it runs, in order, in a real meeting.

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { MiniServer } from '../support/mini-server.ts';
import { SdkPage } from '../support/sdk-page.ts';

let browser: Chromium;
let server: MiniServer;

beforeAll(async () => {
  browser = await Chromium.launch();
  server = await MiniServer.start();
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

async function snippets(): Promise<string[]> {
  const text = await readFile(new URL('../../docs/sdk.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
}

test('the guide runs as it is written', async () => {
  const code = await snippets();
  expect(code.length).toBeGreaterThanOrEqual(6);
  const bob = await (await SdkPage.open(browser, server)).join({ identity: 'bob' });
  const ada = await browser.open(`${server.url}/blank`);
  const said: string[] = [];
  ada.on('console', (message) => said.push(message.text()));
  const token = server.token({ identity: 'ada' });
  const module = [
    `const url = location.origin; const token = ${JSON.stringify(token)};`,
    ...code,
    `console.log('done');`,
  ].join('\n');
  const done = ada.waitForEvent('console', (message) => message.text() === 'done');
  await ada.addScriptTag({ type: 'module', content: module });
  await done;
  browser.throwErrors();
  expect(said[0]).toMatch(/^r ada \[bob\]$/);
  expect(said).toContain('TOKEN_INVALID 4401 never');
  expect(said).toContain('over left');
  await bob.heard('data ada chat hello, everybody room');
  await bob.heard('left ada LEFT');
});
