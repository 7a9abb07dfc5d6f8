// docs/protocol.md, "By hand": its curl commands and its raw WebSocket client, run as they are written there
// against a server on another port.

import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRootFile } from '../house/source-files.ts';
import { Harness } from '../unit/signaling/harness.ts';

let server: Harness;

beforeEach(async () => {
  server = await Harness.start({ authTimeoutMs: 1000 });
});
afterEach(async () => server.stop());

const commands = [...readRootFile('docs/protocol.md').matchAll(/^```sh\n(.*?)^```$/gms)].map(
  ([, block = '']) => block,
);

/** The one command of the page that contains `part`, pointed at our server. */
function command(part: string): string {
  const found = commands.filter((text) => text.includes(part));
  expect(found, part).toHaveLength(1);
  return (found[0] ?? '').replaceAll('127.0.0.1:7880', server.host);
}

interface Run {
  output: string;
  type(line: string): void;
  until(text: string): Promise<void>;
  end(): Promise<number | null>;
}

function run(text: string, environment: Record<string, string> = {}): Run {
  const shell = spawn('bash', ['-c', text], { env: { ...process.env, ...environment } });
  let wake: (() => void) | undefined;
  const ended = new Promise<number | null>((resolve) => {
    shell.on('close', (code) => {
      resolve(code);
      wake?.();
    });
  });
  const state: Run = {
    output: '',
    type: (line) => void shell.stdin.write(`${line}\n`),
    until: async (part) => {
      while (!state.output.includes(part)) {
        if (shell.exitCode !== null) throw new Error(`ended without ${part}: ${state.output}`);
        // oxlint-disable-next-line eslint/no-await-in-loop -- output comes piece by piece
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    end: () => ended,
  };
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      state.output += chunk.toString('latin1');
      wake?.();
    });
  }
  return state;
}

test('curl: the upgrade, and bye when nobody joins', async () => {
  const curl = run(command('Sec-WebSocket-Version'));
  await curl.end();
  expect(curl.output).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
  expect(curl.output).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  expect(curl.output).toContain('Sec-WebSocket-Protocol: sterna.v1');
  expect(curl.output).toContain('"type":"bye","code":4408,"reason":"AUTH_TIMEOUT"');
});

test('curl: a token in the URL is refused', async () => {
  const curl = run(command('?token='));
  await curl.end();
  expect(curl.output).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(curl.output).toContain('first WebSocket message');
});

test('a raw WebSocket: join, data, attributes, leave', async () => {
  const client = command('node -e');
  const bob = run(client, { TOKEN: server.token('bob') });
  await bob.until('"type":"joined"');
  const ann = run(client, { TOKEN: server.token('ann') });
  await ann.until('"type":"joined"');
  const sid = /PA_[\w-]{16}(?=","identity":"bob")/.exec(ann.output)?.[0];
  const typed =
    /^```json\n(\{"type":"data".*?)^```$/ms.exec(readRootFile('docs/protocol.md'))?.[1] ?? '';
  const lines = typed
    .trim()
    .replace('PA_...', sid ?? '')
    .split('\n');
  expect(lines).toHaveLength(5);
  for (const line of lines) ann.type(line);
  expect(await ann.end()).toBe(0);
  for (const part of [
    '{"type":"ok","re":2}',
    '{"type":"ok","re":3}',
    '{"type":"ok","re":4}',
    '"type":"pong","t":0',
    'closed 1000 LEFT',
  ]) {
    expect(ann.output).toContain(part);
  }
  await bob.until('"reason":"LEFT"');
  for (const part of ['"payload":"aGVsbG8="', '"mood":"fine"', '"candidate":null']) {
    expect(bob.output).toContain(part);
  }
  bob.type('{"type":"leave"}');
  expect(await bob.end()).toBe(0);
});
