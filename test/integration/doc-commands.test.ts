// The commands of the documents, run as they are written there, against one server with a room, a participant and a
// relay. What needs something from outside is read by the program that would run it, where there is one here.

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { mintToken, type MintOptions, signBody } from '../../signaling/index.ts';
import { readRootFile, ROOT } from '../house/source-files.ts';
import { type Block, blocksFor, outsideBlocks } from '../support/documents.ts';
import { Child } from '../support/e2e/child.ts';
import type { Endpoint } from '../support/e2e/sterna.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { Sha256TurnClient } from '../support/e2e/turn-client.ts';
import { freePort } from '../support/free-ports.ts';
import { call } from '../support/http-call.ts';
import { SignalClient } from '../support/signal-client.ts';
import { PUBLISH } from '../support/whip-offers.ts';
import { endAll, temporaryFolder } from '../support/spawn-server.ts';
import { makeTlsFiles } from '../support/tls-files.ts';

const KEY = 'mykey';
const SECRET = 'a-secret-for-tests-long-enough-to-be-one';
const BEARER = { authorization: `Bearer ${KEY}:${SECRET}` };
const JSON_TYPE = { 'content-type': 'application/json' };
/** Of PUBLISH. */
const PUBLISHED = [
  { mid: '0', source: 'microphone' as const },
  { mid: '1', source: 'camera' as const },
];
const BLOCKS = blocksFor('test/integration/doc-commands.test.ts');
const documents = [...new Set(BLOCKS.map(({ document }) => document))];

/** `sterna` as it is installed; a server of its own runs until it serves, elsewhere than the one of the test. */
const STERNA = `#!/bin/bash
set -eu
main='${join(ROOT, 'dist/server/main.js')}'
case "\${1:-}" in
  doctor)
    # That all addresses are of this machine is doubted, and rightly.
    found=$(node "$main" "$@") || true
    echo "$found"
    ! grep '^FAIL' <<<"$found" | grep -v 'config  *doubtful' ;;
  -*)
    node "$main" "$@" --port 0 --set sfu.port=0 --set sfu.tcpPort=0 --set audit.file= \\
      --set turn.listeners=udp://127.0.0.1:0 >server.log 2>&1 & server=$!
    until grep -q server.ready server.log; do kill -0 $server; sleep 0.05; done
    kill -TERM $server
    wait $server ;;
  *) exec node "$main" "$@" ;;
esac
`;
/** A refusal ends the shell. */
const CURL = `#!/bin/sh
exec /usr/bin/env PATH="$BARE_PATH" curl --silent --show-error --fail-with-body "$@"
`;

const folder = temporaryFolder();
let sterna: Sterna;
let listener: Endpoint;
let ann: SignalClient;
let relay: Sha256TurnClient;
let peerPort: number;

beforeAll(async () => {
  const config = {
    keys: { [KEY]: SECRET },
    gateway: { keysFile: join(folder, 'keys.json'), port: 0 },
    turn: {
      listeners: ['udp://127.0.0.1:0'],
      relay: { addresses: ['127.0.0.1'] },
      secrets: [SECRET],
      users: { ann: 'password' },
      peers: { allow: ['127.0.0.0/8'] },
      legacyChannels: true,
    },
    sfu: { addresses: ['127.0.0.1'], port: 0, tcpPort: 0 },
    audit: { file: join(folder, 'audit.jsonl') },
  };
  sterna = await Sterna.start({ config });
  listener = sterna.listener(4);
  const { port } = sterna;
  const listeners = [`udp://127.0.0.1:${listener.port}`];
  const known = {
    ...config,
    gateway: { ...config.gateway, port },
    turn: { ...config.turn, listeners },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'sterna.yaml'), JSON.stringify(known));
  mkdirSync(join(folder, 'bin'));
  for (const [name, text] of Object.entries({ sterna: STERNA, curl: CURL })) {
    writeFileSync(join(folder, 'bin', name), text);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  writeFileSync(join(folder, 'admin.token'), tokenOf('ops', { roomAdmin: true }));
  peerPort = await freePort(['127.0.0.1']);
  relay = new Sha256TurnClient(listener, 'ann', 'password');
});

afterAll(async () => {
  ann?.connection.close('over');
  relay?.close();
  await sterna?.stop();
  endAll();
});

function tokenOf(identity: string, grants: MintOptions['grants']): string {
  return mintToken({ key: KEY, secret: SECRET, identity, name: identity, ttlSeconds: 600, grants });
}

/** She is in the room, also when a command before has put her out. */
async function annIsThere(): Promise<void> {
  if (ann !== undefined && ann.closed === undefined) return;
  ann = new SignalClient(sterna.url, () => tokenOf('ann', { room: 'daily', roomJoin: true }), {
    // With media, as far as the server knows.
    joinOffer: async () => ({ offer: { id: 1, sdp: PUBLISH }, tracks: PUBLISHED }),
  });
  await ann.joined();
}

/** A relay that a command ends. */
async function allocation(): Promise<string> {
  await relay.allocate();
  const list = z.object({ allocations: z.array(z.object({ id: z.string() })) });
  const { body } = await call(sterna.port, 'GET', '/v1/turn/allocations', BEARER);
  return list.parse(JSON.parse(body)).allocations[0]?.id ?? '';
}

function lastHash(): string {
  const lines = readFileSync(join(folder, 'audit.jsonl'), 'utf8').trim().split('\n');
  return z.object({ hash: z.string() }).parse(JSON.parse(lines.at(-1) ?? '')).hash;
}

/** For the server of the test, and the folder of the test. */
const here = (text: string): string =>
  text
    .replaceAll('127.0.0.1:7880', `127.0.0.1:${sterna.port}`)
    .replaceAll('/var/lib/sterna', folder)
    .replaceAll(/192\.0\.2\.[12]0\b/g, '127.0.0.1')
    .replaceAll('-p 3478', `-p ${listener.port}`)
    .replaceAll('3480', `${peerPort}`);

/** Waits for what a signal to the server brings about, as a person would. */
const PRELUDE = `
kill() { builtin kill "$@"; [ "$1" != -HUP ] || until [ -s audit.jsonl ]; do sleep 0.05; done; }
trap 'builtin kill $(jobs -p) 2>/dev/null || true' EXIT
`;

async function run({ document, line, text }: Block): Promise<string> {
  const path = process.env['PATH'] ?? '';
  const shell = new Child('bash', ['-euc', `${PRELUDE}${here(text)}`], {
    folder,
    environment: {
      PATH: `${join(folder, 'bin')}:${path}`,
      BARE_PATH: path,
      TMPDIR: folder,
      STERNA_CONFIG: join(folder, 'sterna.yaml'),
      KEY: `${KEY}:${SECRET}`,
      PID: `${sterna.pid}`,
      HASH: lastHash(),
      ID: text.includes('$ID') ? await allocation() : '',
    },
  });
  try {
    expect(await shell.exited, `${document}:${line}\n${shell.output}`).toBe(0);
  } finally {
    await shell.kill();
  }
  return shell.output;
}

/** What has to be in the output of a block that contains the key. */
const SAYS: Readonly<Record<string, RegExp>> = {
  'sterna doctor': /^ok +turn IPv4 +relayed there and back/m,
  'audit verify': /^ok: \d+ records/m,
  '/v1/tokens': /"token":"eyJ/,
  turnutils_uclient: /tot_recv_msgs=400/,
  '/v1/drain': /"draining":true/,
  '/v1/rooms/daily/stats': /"identity":"ann"/,
};

test.each(documents)('%s', async (document) => {
  const blocks = BLOCKS.filter((block) => block.document === document);
  for (const block of blocks.filter(({ language }) => language === 'sh')) {
    await annIsThere();
    const output = await run(block);
    for (const [part, expected] of Object.entries(SAYS)) {
      expect(block.text.includes(part) ? output : expected.source, part).toSatisfy(
        (said: string) => said === expected.source || expected.test(said),
      );
    }
  }
  await call(sterna.port, 'POST', '/v1/drain', { ...BEARER, ...JSON_TYPE }, '{"on":false}');
});

/** Runs a module with what it needs before it, and prints an expression after it. */
async function moduleOf(document: string, before: string, after: string): Promise<string> {
  const block = BLOCKS.find((each) => each.document === document && each.language === 'js');
  const source = `${before}\n${block?.text}\nconsole.log(${after});`;
  const child = new Child(process.execPath, ['--input-type=module', '--eval', source], {
    folder: ROOT,
    environment: { STERNA_SECRET: SECRET },
  });
  expect(await child.exited, child.output).toBe(0);
  return child.output.trim();
}

test('docs/tokens.md: the token of a service of one’s own joins', async () => {
  const user = `tokenFor({ id: 'eve', name: 'Eve', mayTalk: true }, 'daily')`;
  const token = await moduleOf('docs/tokens.md', '', user);
  const eve = new SignalClient(sterna.url, () => token);
  await eve.joined();
  expect(eve.joins[0]?.message.self).toMatchObject({ identity: 'eve', name: 'Eve' });
  eve.connection.close('over');
});

test('docs/webhooks.md: what the server signs is taken, and nothing else', async () => {
  const body = '{"event":"room_started"}';
  const authorization = signBody(KEY, SECRET, Buffer.from(body), Date.now());
  const given = (raw: string): string =>
    `const secret = ${JSON.stringify(SECRET)}; const rawBody = ${JSON.stringify(raw)};
     const request = { headers: { authorization: ${JSON.stringify(authorization)} } };`;
  expect(await moduleOf('docs/webhooks.md', given(body), `'taken'`)).toBe('taken');
  await expect(moduleOf('docs/webhooks.md', given(`${body} `), `'taken'`)).rejects.toThrow(
    'not the body that was signed',
  );
});

/** By language: what reads a block without running it. */
const READERS: Readonly<Record<string, (text: string) => Promise<void>>> = {
  sh: (text) => reads('bash', ['-n'], text),
  python: (text) => reads('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], text),
  nginx: nginxTakes,
  caddyfile: async (text) => {
    expect(text.match(/\{/g)).toHaveLength(text.match(/\}/g)?.length ?? -1);
  },
  html: async (text) => expect(text).toMatch(/^<(\w+)[^>]*>.*<\/\1>\n$/s),
};

async function reads(command: string, args: string[], text: string): Promise<void> {
  const child = new Child(command, args);
  child.write(text);
  child.endInput();
  expect(await child.exited, child.output).toBe(0);
}

/** Where nginx is installed. */
async function nginxTakes(text: string): Promise<void> {
  if (!existsSync('/usr/sbin/nginx')) return;
  const { cert, key } = makeTlsFiles('meet.example.org');
  const server = text
    .replace('/etc/ssl/meet.pem', cert)
    .replace('/etc/ssl/meet.key', key)
    // The one of Debian 12 knows HTTP/2 by the old directive alone.
    .replace('listen 443 ssl;\n  http2 on;', 'listen 127.0.0.1:8443 ssl http2;');
  const file = join(folder, 'nginx.conf');
  const own = `pid ${folder}/nginx.pid; error_log stderr; events {}`;
  writeFileSync(file, `${own} http { access_log off; ${server} }`);
  const child = new Child('/usr/sbin/nginx', ['-t', '-q', '-p', folder, '-c', file]);
  expect(await child.exited, child.output).toBe(0);
}

test('what cannot be run here can be read', async () => {
  expect.hasAssertions();
  for (const { language, text, document } of outsideBlocks()) {
    const reader = READERS[language];
    if (reader === undefined) throw new Error(`${document} has ${language}`);
    await reader(text);
  }
});

test('CONTRIBUTING.md: every script is there', () => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readRootFile('package.json')));
  const named = [...readRootFile('CONTRIBUTING.md').matchAll(/npm run ([\w:-]+)/g)];
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter(([, name = '']) => scripts[name] === undefined)).toEqual([]);
});
