// What a person with curl and a raw WebSocket can do to the running program, and what a meeting goes through when it
// ends: told to stop, and killed.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CODES, SIGNAL_PATH, SUBPROTOCOL } from '../../signaling/codes.ts';
import { Chromium } from '../support/chromium.ts';
import { Child } from '../support/e2e/child.ts';
import { MeetingPage } from '../support/e2e/meeting-page.ts';
import { Sterna } from '../support/e2e/sterna.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LISTENERS = { STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0' };

/** Runs curl and gives what it prints: head and body. */
async function curl(...args: string[]): Promise<{ head: string; body: string }> {
  const child = new Child('curl', ['--silent', '--show-error', '--include', ...args]);
  const code = await child.exited;
  const text = child.output.replaceAll('\r', '');
  expect(code, text).toBe(0);
  const end = text.indexOf('\n\n');
  return { head: text.slice(0, end), body: text.slice(end + 2) };
}

describe('curl', () => {
  let sterna: Sterna;

  beforeAll(async () => {
    sterna = await Sterna.start({
      config: { turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['shared-secret'] } },
    });
  });

  afterAll(() => sterna?.stop());

  test.each([
    ['/healthz', 'ok'],
    ['/readyz', 'ready'],
  ])('%s answers 200', async (path, status) => {
    const { head, body } = await curl(`${sterna.url}${path}`);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\n/);
    expect(JSON.parse(body)).toMatchObject({ status });
  });

  test('/ is the page, under a content security policy', async () => {
    const { head, body } = await curl(`${sterna.url}/`);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\n/);
    expect(head).toMatch(/content-type: text\/html/i);
    expect(head).toMatch(/content-security-policy: default-src 'self'/i);
    expect(body).toMatch(/^<!doctype html>/i);
  });

  test('what is not there is 404 with a reason', async () => {
    const { head, body } = await curl(`${sterna.url}/nothing`);
    expect(head).toMatch(/^HTTP\/1\.1 404 /);
    expect(JSON.parse(body)).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
  });

  test('a configured server mints no tokens', async () => {
    const json = ['--header', 'content-type: application/json', '--data', '{"room":"r"}'];
    const { head } = await curl(...json, `${sterna.url}/dev/token`);
    expect(head).toMatch(/^HTTP\/1\.1 404 /);
  });

  const UPGRADE = [
    ['connection', 'Upgrade'],
    ['upgrade', 'websocket'],
    ['sec-websocket-version', '13'],
    ['sec-websocket-key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
  ].flatMap(([name, value]) => ['--header', `${name}: ${value}`]);

  test('a WebSocket without the subprotocol is refused and told which', async () => {
    const { head, body } = await curl(...UPGRADE, `${sterna.url}${SIGNAL_PATH}`);
    expect(head).toMatch(/^HTTP\/1\.1 426 /);
    expect(head).toMatch(/sec-websocket-protocol: sterna\.v1/i);
    expect(JSON.parse(body)).toMatchObject({ reason: 'UPGRADE_PROTOCOL' });
  });

  test('a WebSocket from a foreign page is refused', async () => {
    const foreign = ['--header', 'origin: https://elsewhere.example'];
    const protocol = ['--header', `sec-websocket-protocol: ${SUBPROTOCOL}`];
    const { head, body } = await curl(
      ...UPGRADE,
      ...foreign,
      ...protocol,
      `${sterna.url}${SIGNAL_PATH}`,
    );
    expect(head).toMatch(/^HTTP\/1\.1 403 /);
    expect(JSON.parse(body)).toMatchObject({ reason: 'NOT_ALLOWED' });
  });
});

describe('docs/protocol.md, "By hand"', () => {
  let sterna: Sterna;
  let chapter: string;
  const shells: Child[] = [];

  beforeAll(async () => {
    const [document] = await Promise.all([
      readFile(join(ROOT, 'docs/protocol.md'), 'utf8'),
      (async () => {
        // `signal`, too, is typed.
        const environment = { ...LISTENERS, STERNA_SFU_ENABLED: 'false' };
        sterna = await Sterna.start({ environment });
      })(),
    ]);
    chapter = /^## By hand\n(.*?)^## /ms.exec(document)?.[1] ?? '';
  });

  afterAll(async () => {
    await Promise.all(shells.map((child) => child.kill()));
    await sterna?.stop();
  });

  /** The blocks of that language, for this server instead of the one on the usual port. */
  const blocks = (language: string): string[] =>
    [...chapter.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
      ([, block = '']) => block.replaceAll('127.0.0.1:7880', `127.0.0.1:${sterna.port}`),
    );

  function shell(...commands: string[]): Child {
    const child = new Child('bash', ['-c', commands.join('\n')], {
      folder: ROOT,
      environment: { TMPDIR: sterna.folder },
    });
    shells.push(child);
    return child;
  }

  const command = (start: string): string => {
    const found = blocks('sh').find((block) => block.startsWith(start));
    if (found === undefined) throw new Error(`the document has no command ${start}`);
    return found;
  };

  test('the upgrade with curl answers what the document shows', async () => {
    const child = shell(command('curl -sSiN'));
    await child.exited;
    const shown = blocks('text').find((block) => block.startsWith('HTTP/1.1 101')) ?? '';
    const lines = shown.split('\n').filter((line) => line !== '');
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(child.output).toContain(line);
  });

  test('a token in the URL is refused with 400', async () => {
    const child = shell(command('curl -si '));
    expect(await child.exited).toBe(0);
    expect(child.output).toMatch(/^HTTP\/1\.1 400 /);
    expect(child.output).toContain('"reason":"BAD_MESSAGE"');
  });

  test('two raw WebSockets join and say everything that there is to say', async () => {
    const token = command('export TOKEN=');
    const client = command('node -e');
    const ann = shell(token, client);
    await ann.printed(/"type":"joined".*"identity":"ann"/);
    const bob = shell(token.replace('ann', 'bob'), client);
    await bob.printed(/"type":"joined".*"identity":"bob".*"identity":"ann"/);
    const announced = await ann.printed(/"type":"people".*?"sid":"(PA_[\w-]+)","identity":"bob"/);
    const typed = blocks('json').find((block) => block.includes('"leave"')) ?? '';
    ann.write(typed.replace('PA_...', announced[1] ?? ''));

    expect(await ann.exited).toBe(0);
    for (const id of [2, 3, 4]) expect(ann.output).toContain(`{"type":"ok","re":${id}}`);
    expect(ann.output).toMatch(/"type":"pong","t":0,/);
    expect(ann.output).toMatch(/closed 1000/);
    await bob.printed(/"type":"data","from":"PA_[\w-]+","direct":false,"payload":"aGVsbG8="/);
    await bob.printed(/"attrs":\{"mood":"fine"\}/);
    await bob.printed(/"type":"signal","from":"PA_[\w-]+","candidate":null/);
    await bob.printed(/"gone":\[\{"sid":"PA_[\w-]+","reason":"LEFT"\}\]/);
  });
});

describe('a call under which the server', () => {
  let browser: Chromium;
  let sterna: Sterna;
  let pages: MeetingPage[];

  beforeAll(async () => {
    browser = await Chromium.launch();
  });

  afterEach(() => browser.closePages());

  afterAll(() => browser?.close());

  async function meet(): Promise<void> {
    sterna = await Sterna.start({ environment: LISTENERS });
    const ada = await MeetingPage.join(browser, sterna.url, { name: 'Ada', relay: true });
    const bob = await MeetingPage.join(browser, sterna.url, { name: 'Bob', relay: true });
    pages = [ada, bob];
    await Promise.all(pages.map((page) => page.sees(1)));
  }

  test('is told to stop: everybody gets bye, and the process ends with 0', async () => {
    await meet();
    await sterna.stop('SIGTERM');
    for (const page of pages) {
      expect(page.received.at(-1)).toMatchObject({
        type: 'bye',
        code: CODES.DRAINING.code,
        reason: 'DRAINING',
        action: 'rejoin',
      });
      await page.banner.getByText('reconnecting').waitFor();
    }
  });

  test('is killed and started again: the pages say so, and meet again by themselves', async () => {
    await meet();
    const before = pages.map(({ joined }) => joined?.self.sid);
    const { port } = sterna;
    await sterna.kill();
    await Promise.all(pages.map((page) => page.banner.getByText('reconnecting').waitFor()));
    sterna = await Sterna.start({ environment: { ...LISTENERS, STERNA_GATEWAY_PORT: `${port}` } });
    try {
      await Promise.all(pages.map((page) => page.banner.getByText('joined anew').waitFor()));
      await Promise.all(pages.map((page) => page.sees(1)));
      for (const page of pages) {
        expect(page.joined?.resumed).toBe(false);
        expect(before).not.toContain(page.joined?.self.sid);
        expect(await page.links()).toMatchObject([{ local: 'relay', remote: 'host' }]);
        expect(await page.page.getByTestId('tile').count()).toBe(2);
      }
    } finally {
      await sterna.stop();
    }
  });
});
