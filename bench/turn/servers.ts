// The servers that the TURN bench compares: how each is started, with the same account, on loopback, one relay thread,
// without logs. Those that are not installed are named as missing.

import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLASS_REQUEST, METHOD_BINDING } from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { built } from '../built.ts';
import { PASSWORD, REALM, USERNAME } from './account.ts';
import { SERVER_CORE, startPinned, stop } from './pinned.ts';

/** Ports of 127.0.0.1 that a server has for itself. */
interface Ports {
  readonly listen: number;
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
  /** What it has printed, the beginning of it. */
  readonly said: readonly string[];
  stop(): Promise<void>;
}

/**
 * Below what Linux gives to sockets that ask for any port. The same for all servers, since only one is at work at a
 * time; and many: coturn keeps the port of an allocation for a second after its end, so that few would bound its rate.
 */
const RELAY_PORTS = { first: 10_000, last: 32_767 } as const;
const READY_MS_MAX = 10_000;

export interface SternaOptions {
  readonly engine: 'linux' | 'portable';
  readonly workers: number;
  /** Of node itself. */
  readonly nodeFlags?: readonly string[];
}

const QUOTA = 100_000;
/** A run may last longer than a permission does by default. */
const LIFETIME_SECONDS = 3600;

/** The command that everybody runs, with all that it has: signaling, gateway and page as well. */
export function sterna({ engine, workers, nodeFlags = [] }: SternaOptions): ServerKind {
  return {
    name: engine === 'linux' ? 'sterna' : 'sterna portable',
    version: `Node ${process.version}`,
    ours: engine === 'linux',
    command: ({ listen }) => {
      const settings = {
        engine,
        workers,
        'gateway.port': 0,
        'keys.bench': randomBytes(32).toString('hex'),
        'turn.realm': REALM,
        'turn.listeners': `udp://127.0.0.1:${listen}`,
        'turn.relay.addresses': '127.0.0.1',
        'turn.relay.ports': `${RELAY_PORTS.first}-${RELAY_PORTS.last}`,
        [`turn.users.${USERNAME}`]: PASSWORD,
        'turn.peers.allow': '127.0.0.0/8',
        'turn.quota.perUser': QUOTA,
        'turn.quota.total': QUOTA,
        'turn.limits.unauthorizedPerSecond': 0,
        'turn.limits.allocationsPerSecond': 0,
        'turn.lifetimes.permission': LIFETIME_SECONDS,
        'turn.lifetimes.channel': LIFETIME_SECONDS,
        'turn.lifetimes.allocation': LIFETIME_SECONDS,
        'sfu.enabled': false,
        'log.level': 'silent',
      };
      const flags = Object.entries(settings).map(([key, value]) => `--set=${key}=${value}`);
      return [process.execPath, ...nodeFlags, built('server/main.js'), 'serve', ...flags];
    },
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
      `--min-port=${RELAY_PORTS.first}`,
      `--max-port=${RELAY_PORTS.last}`,
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

function nodeTurn({ listen }: Ports): string[] {
  const ports = [listen, RELAY_PORTS.first, RELAY_PORTS.last].map(String);
  return [process.execPath, built('bench/turn/node-turn-server.js'), ...ports];
}

/** Starts a server, and waits until it answers. */
export async function start(kind: ServerKind): Promise<RunningServer> {
  const ports = { listen: await freePort(), spare: await freePort() };
  const child = startPinned(SERVER_CORE, kind.command(ports));
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => void (said.length < 50 && said.push(text.toString())));
  }
  await ready(child, ports.listen, kind, said);
  return { kind, port: ports.listen, pid: child.pid ?? 0, said, stop: () => stop(child) };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Asks for a Binding until one comes; the sink sends the request back. */
async function ready(
  child: ChildProcess,
  port: number,
  kind: ServerKind,
  said: readonly string[],
): Promise<void> {
  const knock = new Knock(port);
  const end = performance.now() + READY_MS_MAX;
  while (!knock.answered && performance.now() < end && child.exitCode === null) {
    knock.send();
    await sleep(50);
  }
  knock.close();
  if (knock.answered) return;
  await stop(child);
  throw new Error(`${kind.name} does not start: ${said.join('').slice(-500)}`);
}

/** A Binding request to a port of 127.0.0.1, as often as one likes. */
export class Knock {
  answered = false;
  readonly #port: number;
  readonly #socket = createSocket('udp4');
  readonly #request = new Uint8Array(32);
  readonly #length: number;

  constructor(port: number) {
    this.#port = port;
    const transaction = new Uint8Array(12).fill(2);
    const writer = new StunWriter();
    writer.start(this.#request, 0, METHOD_BINDING, CLASS_REQUEST, transaction, 0);
    this.#length = writer.finish();
    this.#socket.on('message', () => void (this.answered = true));
  }

  send(): void {
    this.#socket.send(this.#request, 0, this.#length, this.#port, '127.0.0.1');
  }

  close(): void {
    this.#socket.close();
  }
}
