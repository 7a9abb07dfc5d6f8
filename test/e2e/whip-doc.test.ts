// docs/whip.md: its token, its GStreamer command and its web page, run as they are written there.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, test } from 'vitest';
import { readRootFile } from '../house/source-files.ts';
import { Chromium } from '../support/chromium.ts';
import { Child } from '../support/e2e/child.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { BlankOrigin } from '../support/peers/browser-peer.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let sterna: Sterna;
let browser: Chromium;
let origin: BlankOrigin;

beforeAll(async () => {
  sterna = await Sterna.start({
    environment: {
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
    },
  });
  browser = await Chromium.launch();
  origin = await BlankOrigin.start();
});

afterAll(async () => {
  await browser?.close();
  await origin?.close();
  await sterna?.stop();
});

/** The only block of that language that has this in it, for the server of the test. */
function block(language: string, part: string): string {
  const blocks = readRootFile('docs/whip.md').matchAll(
    new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'),
  );
  const [found, ...more] = [...blocks]
    .map(([, text = '']) => text)
    .filter((text) => text.includes(part));
  if (found === undefined || more.length > 0) throw new Error(`not one block with ${part}`);
  return found
    .replaceAll('http://127.0.0.1:7880', `http://127.0.0.1:${sterna.port}`)
    .replaceAll('https://meet.example.org', `http://127.0.0.1:${sterna.port}`);
}

const shell = (...commands: string[]): Child =>
  new Child('bash', ['-euc', commands.join('\n')], {
    folder: ROOT,
    environment: { TMPDIR: sterna.folder },
  });

test('GStreamer publishes H.264, and the page plays it', async () => {
  const token = block('sh', 'export TOKEN=');
  const publisher = shell(token, block('sh', 'gst-peer.py'));
  const viewer = shell(token.replace('camera', 'viewer'), 'echo "token=$TOKEN"');
  try {
    const [, bearer = ''] = await viewer.printed(/^token=(\S+)$/m);
    await publisher.printed(/"state": "connected"/);
    const page = await browser.open(origin.url);
    await page.setContent('<video autoplay muted></video>');
    const given = `const video = document.querySelector('video'); const token = ${JSON.stringify(bearer)};`;
    await page.addScriptTag({ type: 'module', content: `${given}\n${block('js', '/v1/whep/')}` });
    await page.waitForFunction(() => {
      const video = document.querySelector('video');
      return video !== null && video.videoWidth === 320 && video.currentTime > 1;
    });
    browser.throwErrors();
    publisher.endInput();
    await publisher.printed(/"event": "deleted", "status": 200/);
  } finally {
    await Promise.all([publisher.kill(), viewer.kill()]);
  }
});
