// What the doctor finds at a server that runs: every listener asked over its transport, relays used there and back, the
// certificate read; and what it says to do where something is not as it should be.

import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { type CliResult, endAll, runCli } from '../support/spawn-server.ts';
import { makeTlsFiles } from '../support/tls-files.ts';

const SECRET = 'a secret for tests, long enough to be one';
const { cert, key } = makeTlsFiles();
const LISTENERS = [
  'udp://127.0.0.1:0',
  'udp://[::]:0',
  'tcp://[::]:0',
  'tls://[::]:0',
  'dtls://127.0.0.1:0',
  'dtls://[::]:0',
];

let sterna: Sterna;
let open: string[];

beforeAll(async () => {
  const peers = { allow: ['127.0.0.0/8', '::1/128'] };
  const turn = { listeners: LISTENERS, tls: { cert, key }, secrets: [SECRET], peers };
  sterna = await Sterna.start({ config: { turn, sfu: { enabled: false } } });
  const [ready] = await sterna.waitForEvents('server.ready');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the log has it
  open = ready?.['listeners'] as string[];
});

afterAll(async () => {
  await sterna.stop();
  endAll();
});

function ask(
  changes: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const settings = {
    'gateway.port': `${sterna.port}`,
    'turn.listeners': open.join(','),
    ...changes,
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  return runCli(['doctor', '--config', join(sterna.folder, 'sterna.yaml'), ...set], environment);
}

test('every listener answers in every family, relays there and back, and shows a certificate that is good', async () => {
  const { stdout } = await ask();
  // That relays and peers are all on this machine is doubted; its clock and limits are the machine's own.
  const bad = stdout
    .split('\n')
    .filter((line) => /^(?:FAIL|warn) /.test(line) && !/^warn {2}(?:clock|limits) /.test(line));
  for (const check of ['clock', 'limits'])
    expect(stdout).toMatch(new RegExp(`^\\w+ +${check} `, 'm'));
  expect(bad.filter((line) => !line.startsWith('FAIL  config     doubtful: '))).toEqual([]);
  const expected = open.flatMap((url) => [
    `ok    stun       ${url} answers, we are 127.0.0.1:`,
    ...(url.includes('[::]') ? [`ok    stun       ${url} answers, we are [::1]:`] : []),
    ...(/^d?tls:/.test(url) ? [`ok    tls        ${url} is DNS:localhost`] : []),
  ]);
  expect(expected.filter((line) => !stdout.includes(line))).toEqual([]);
  for (const transport of ['udp', 'tcp', 'tls', 'dtls']) {
    const asked = open
      .filter((url) => url.startsWith(`${transport}:`))
      .flatMap((url) => (url.includes('[::]') ? [url, url] : [url]));
    const relayed = stdout.matchAll(
      new RegExp(`^ok {4}turn IPv[46] {2}relayed there and back by ${transport}, between `, 'gm'),
    );
    expect([...relayed], transport).toHaveLength(2 * asked.length);
  }
});

test('a listener that nobody answers at, a wrong secret and a name that is not in the certificate', async () => {
  // Somebody has its port by TCP and takes no part; by UDP nobody has it.
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a TCP server has
  const { port } = other.address() as AddressInfo;
  const dtls = open.find((url) => url.startsWith('dtls:'))!;
  try {
    const { stdout, code } = await ask({
      'turn.listeners': `dtls://127.0.0.1:${port},${dtls}`,
      'turn.secrets': 'another secret than the one of the server',
      'turn.advertise': 'turns:turn.example.org:5349?transport=tcp',
    });
    expect(stdout).toContain(`FAIL  stun       dtls://127.0.0.1:${port}: no answer: look at `);
    expect(stdout).toContain(`ok    stun       ${dtls} answers`);
    expect(stdout).toContain(
      `FAIL  turn IPv4  through ${dtls}: it answers 401: check turn.secrets`,
    );
    expect(stdout).toContain(`FAIL  tls        ${dtls} is not for turn.example.org: `);
    expect(code).toBe(1);
  } finally {
    other.close();
  }
});

test('where OpenSSL cannot be called it says so, and asks the other listeners', async () => {
  const without = join(sterna.folder, 'without-koffi.mjs');
  const source = `export default undefined; throw new Error('no foreign functions here');`;
  writeFileSync(
    without,
    `import { register } from 'node:module';
const hooks = \`export async function load(url, context, next) {
  if (!url.includes('/koffi/')) return next(url, context);
  return { format: 'module', shortCircuit: true, source: ${JSON.stringify(source)} };
}\`;
register('data:text/javascript,' + encodeURIComponent(hooks));
`,
  );
  const { stdout, code } = await ask({}, { NODE_OPTIONS: `--import=${without}` });
  const said = 'can neither be served nor asked, no foreign functions here: run another build';
  const expected = open.map((url) => `${url} ${url.startsWith('dtls:') ? said : 'answers'}`);
  expect(expected.filter((line) => !stdout.includes(line))).toEqual([]);
  expect(code).toBe(1);
});

test('without a server it reads the certificate from its file', async () => {
  const set = [
    'turn.listeners=dtls://127.0.0.1:0,udp://127.0.0.1:0',
    `turn.tls.cert=${cert}`,
    `turn.tls.key=${key}`,
    'gateway.port=0',
    'sfu.port=0',
    'sfu.tcpPort=0',
  ].flatMap((setting) => ['--set', setting]);
  const { stdout } = await runCli(['doctor', ...set]);
  expect(stdout).toContain(`ok    tls        ${cert} is DNS:localhost`);
});
