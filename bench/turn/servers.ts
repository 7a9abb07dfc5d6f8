// The servers that the TURN bench compares: how each is started, with the same account, on loopback, one relay thread,
// without logs. Those that are not installed are named as missing.

import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CLASS_REQUEST, METHOD_BINDING } from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { PASSWORD, REALM, USERNAME } from './account.ts';
import { SERVER_CORE, startPinned, stop } from './pinned.ts';

/** Ports of 127.0.0.1 that a server may use. */
interface Ports {
  readonly listen: number;
  readonly relayFirst: number;
  readonly relayLast: number;
  /** Two free ones in a row. */
  readonly spare: number;
}

/** A server that could be started. */
export interface ServerKind {
  readonly name: string;
  readonly version: string;
  /** Ours is what the others are compared with. */
  readonly ours: boolean;
  command(ports: Ports): string[];
}

export interface RunningServer {
  readonly kind: ServerKind;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The range of ephemeral relay ports (RFC 6056), shared out so that no server meets another's. */
const RELAY_PORTS_FIRST = 49_152;
const RELAY_PORTS_EACH = 2700;
const READY_MS_MAX = 10_000;

/** A file of dist/, from there and from the sources alike. */
export function built(file: string): string {
  const here = new URL('.', import.meta.url);
  const dist = new URL(
    here.pathname.endsWith('/dist/bench/turn/') ? '../../' : '../../dist/',
    here,
  );
  return fileURLToPath(new URL(file, dist));
}

/** The one place that says how Sterna is started. */
export function sterna(engine: 'linux' | 'portable'): ServerKind {
  return {
    name: engine === 'linux' ? 'sterna' : 'sterna portable',
    version: `Node ${process.version}`,
    ours: engine === 'linux',
    command: ({ listen, relayFirst, relayLast }) => [
      process.execPath,
      built('bench/turn/sterna-server.js'),
      ...[engine, listen, relayFirst, relayLast].map(String),
    ],
  };
}

/** Sends everything back; no TURN server. */
export const sink: ServerKind = {
  name: 'sink',
  version: '',
  ours: false,
  command: ({ listen }) => [process.execPath, built('bench/turn/sink-server.js'), String(listen)],
};

/** coturn as it is by default, and at its best where that build knows how. Empty when it is not there. */
export function coturns(binary: string): ServerKind[] {
  const shown = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (shown.error !== undefined) return [];
  const version = /\d+\.\d+\.\d+/.exec(shown.stdout + shown.stderr)?.[0] ?? 'unknown';
  const help = spawnSync(binary, ['--help'], { encoding: 'utf8' });
  const knows = (flag: string): boolean => (help.stdout + help.stderr).includes(flag);
  const kinds = [coturn(binary, version, 'default', () => [])];
  if (knows('--multiplex-peer') && knows('--udp-gso')) {
    const best = ({ spare }: Ports): string[] => [
      '--multiplex-peer',
      `--multiplex-peer-port=${spare}`,
      '--udp-gso',
    ];
    kinds.push(coturn(binary, version, 'multiplex+gso', best));
  }
  return kinds;
}

/** No configuration file; long-term credentials, one relay thread, UDP on loopback alone, no logs. */
const COTURN_FLAGS =
  `-n -a -m 1 -u ${USERNAME}:${PASSWORD} -r ${REALM} -L 127.0.0.1 -E 127.0.0.1 --allow-loopback-peers ` +
  '--no-cli --no-tls --no-dtls --log-file=/dev/null --simple-log --no-stdout-log --pidfile=/dev/null';

function coturn(
  binary: string,
  version: string,
  variant: string,
  flags: (ports: Ports) => string[],
): ServerKind {
  return {
    name: `coturn ${version} ${variant}`,
    version,
    ours: false,
    command: (ports) => [
      binary,
      ...COTURN_FLAGS.split(' '),
      `--listening-port=${ports.listen}`,
      `--min-port=${ports.relayFirst}`,
      `--max-port=${ports.relayLast}`,
      ...flags(ports),
    ],
  };
}

/** The npm package node-turn; empty when it is not installed. */
export function nodeTurns(): ServerKind[] {
  const require = createRequire(import.meta.url);
  try {
    require.resolve('node-turn');
  } catch {
    return [];
  }
  const manifest: unknown = require('node-turn/package.json');
  const version = /"version":"([^"]+)"/.exec(JSON.stringify(manifest))?.[1] ?? 'unknown';
  return [{ name: `node-turn ${version}`, version, ours: false, command: nodeTurn }];
}

function nodeTurn({ listen, relayFirst, relayLast }: Ports): string[] {
  const ports = [listen, relayFirst, relayLast].map(String);
  return [process.execPath, built('bench/turn/node-turn-server.js'), ...ports];
}

/** Starts a server, the `slot`-th of those that run at once, and waits until it answers. */
export async function start(kind: ServerKind, slot: number): Promise<RunningServer> {
  const relayFirst = RELAY_PORTS_FIRST + slot * RELAY_PORTS_EACH;
  const relayLast = relayFirst + RELAY_PORTS_EACH - 1;
  const ports = { listen: await freePort(), relayFirst, relayLast, spare: await freePort() };
  const child = startPinned(SERVER_CORE, kind.command(ports));
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => void (said.length < 50 && said.push(text.toString())));
  }
  if (kind.name === sink.name) await sleep(500);
  else await ready(child, ports.listen, kind, said);
  return { kind, port: ports.listen, pid: child.pid ?? 0, stop: () => stop(child) };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Asks for a Binding until one comes. */
async function ready(
  child: ChildProcess,
  port: number,
  kind: ServerKind,
  said: readonly string[],
): Promise<void> {
  const request = new Uint8Array(32);
  const transaction = new Uint8Array(12).fill(2);
  const writer = new StunWriter();
  const length = writer.start(request, 0, METHOD_BINDING, CLASS_REQUEST, transaction, 0).finish();
  const socket = createSocket('udp4');
  const answers: Buffer[] = [];
  socket.on('message', (answer) => void answers.push(answer));
  const end = performance.now() + READY_MS_MAX;
  while (answers.length === 0 && performance.now() < end && child.exitCode === null) {
    socket.send(request, 0, length, port, '127.0.0.1');
    await sleep(50);
  }
  socket.close();
  if (answers.length > 0) return;
  await stop(child);
  throw new Error(`${kind.name} does not start: ${said.join('').slice(-500)}`);
}
