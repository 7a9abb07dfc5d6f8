// The SFUs that the bench compares, and how each is started: afresh for every run, so that none has another run's
// memory or peers, on the server's core, for one and the same address, without logs.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { built } from '../built.ts';
import { SERVER_CORE, startPinned, stop } from '../turn/pinned.ts';
import { findJanus, JANUS_PACKAGE, type JanusInstallation, JanusRun } from './janus-server.ts';
import type { Endpoint } from './load-options.ts';

export const SERVERS = ['sterna', 'forwarder', 'janus'] as const;
export type ServerName = (typeof SERVERS)[number];

interface Launch {
  readonly command: readonly string[];
  readonly endpoint: Endpoint;
  /** Answers anything when it is ready. */
  readonly url: string;
  /** Called when it has ended. */
  readonly cleanUp?: () => void;
}

export interface SfuKind {
  readonly name: string;
  /** Ours is what the others are compared with. */
  readonly ours: boolean;
  /** TCP port of its API. */
  launch(port: number, address: string): Launch;
}

export interface RunningSfu {
  readonly pid: number;
  readonly endpoint: Endpoint;
  stop(): Promise<void>;
}

const READY_MS_MAX = 15_000;
const SAID_MAX = 20;

const leftovers = new Set<() => void>();
process.on('exit', () => {
  for (const cleanUp of leftovers) cleanUp();
});

/** Janus takes no loopback address, so all of them use the machine's own; its packets go by loopback all the same. */
export function ownAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

/** Those of the wanted ones that are there, and what to do about the others. */
export function installed(
  wanted: readonly ServerName[],
  janusRooms = 1,
): { kinds: SfuKind[]; missing: string[] } {
  const kinds: SfuKind[] = [];
  const missing: string[] = [];
  if (wanted.includes('sterna')) kinds.push(sterna);
  if (wanted.includes('forwarder')) kinds.push(forwarder());
  if (wanted.includes('janus')) {
    const installation = findJanus();
    if (installation === undefined) {
      missing.push(
        `${JANUS_PACKAGE}: sudo apt-get install --no-install-recommends ${JANUS_PACKAGE}`,
      );
    } else if (ownAddress() === undefined) {
      missing.push(`${JANUS_PACKAGE}: it takes no loopback address, and there is no other`);
    } else {
      for (const eventLoops of [undefined, 1]) {
        kinds.push(janus(installation, eventLoops, janusRooms));
      }
    }
  }
  return { kinds, missing };
}

const PARTICIPANTS_MAX = 1000;

/** The command that everybody runs, with all that it has. */
const sterna: SfuKind = {
  name: 'sterna',
  ours: true,
  launch: (port, address) => {
    const [key, secret] = ['bench', randomBytes(32).toString('hex')];
    const settings = {
      engine: 'linux',
      workers: 1,
      'gateway.port': port,
      [`keys.${key}`]: secret,
      'rooms.maxParticipants': PARTICIPANTS_MAX,
      'sfu.addresses': address,
      'sfu.port': 0,
      'sfu.tcp': false,
      // TURN must have these two; it stays idle.
      'turn.listeners': `udp://127.0.0.1:${port}`,
      'turn.secrets': secret,
      'log.level': 'silent',
    };
    const flags = Object.entries(settings).map(([name, value]) => `--set=${name}=${value}`);
    const url = `http://127.0.0.1:${port}`;
    return {
      command: [process.execPath, built('server/main.js'), 'serve', ...flags],
      endpoint: { api: 'whip', url, key, secret },
      url,
    };
  },
};

/** `dropEvery`: loses one packet of so many. */
export function forwarder(dropEvery?: number): SfuKind {
  const entry = createRequire(import.meta.url).resolve('node-datachannel');
  const manifest = readFileSync(join(dirname(entry), '../../../package.json'), 'utf8');
  const version = /"version": "(.*?)"/.exec(manifest)?.[1] ?? '';
  return {
    name: `node-datachannel ${version}`,
    ours: false,
    launch: (port, address) => {
      const url = `http://127.0.0.1:${port}`;
      const command = [process.execPath, built('bench/sfu/forwarder.js'), String(port), address];
      if (dropEvery !== undefined) command.push(String(dropEvery));
      return { command, endpoint: { api: 'whip', url, key: '', secret: '' }, url };
    },
  };
}

/** As it is by default, a thread for each connection, and with the one event loop that suits one core. */
function janus(
  installation: JanusInstallation,
  eventLoops: number | undefined,
  rooms: number,
): SfuKind {
  const variant = eventLoops === undefined ? 'default' : `${eventLoops} event loop`;
  return {
    name: `janus ${installation.version} ${variant}`,
    ours: false,
    launch: (port, address) => {
      const run = new JanusRun(installation, { port, address, eventLoops, rooms });
      const url = `http://127.0.0.1:${port}/janus`;
      const cleanUp = (): void => run.remove();
      return { command: run.command, endpoint: { api: 'janus', url }, url: `${url}/info`, cleanUp };
    },
  };
}

/** Starts a server, and waits until it answers. Throws Error with what it said instead. */
export async function start(kind: SfuKind, address: string): Promise<RunningSfu> {
  const { command, endpoint, url, cleanUp = () => {} } = kind.launch(await freePort(), address);
  leftovers.add(cleanUp);
  const child = startPinned(SERVER_CORE, command);
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => {
      if (said.length < SAID_MAX) said.push(text.toString());
    });
  }
  const end = async (): Promise<void> => {
    await stop(child);
    cleanUp();
    leftovers.delete(cleanUp);
  };
  const until = performance.now() + READY_MS_MAX;
  while (performance.now() < until && child.exitCode === null) {
    if (await answers(url)) return { pid: child.pid ?? 0, endpoint, stop: end };
    await sleep(50);
  }
  await end();
  throw new Error(`does not start: ${said.join('').trim().slice(-500)}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
