// How many authenticated and limited requests the gateway answers a second on one core, beside bare Fastify without any
// of that, and nginx with a fixed answer where it is installed. `npm run bench:gateway`; `-- --small` is the short run
// of the test suite. wrk makes the load from another core; rounds of all take turns, and medians are printed.

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built } from './built.ts';
import type { GatewayHostKind, GatewayHostReady } from './gateway-host.ts';
import { message } from './signal/child-message.ts';
import { canPin, SERVER_CORE } from './turn/pinned.ts';

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: readonly number[];
  readonly timings: number;
}

const FULL: Plan = { rounds: 5, seconds: 4, connections: [1, 50, 200], timings: 2000 };
const SMALL: Plan = { rounds: 1, seconds: 1, connections: [2], timings: 20 };

export interface GatewayRound {
  readonly perSecond: number;
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Medians of the rounds; errors of all. */
export interface GatewayFigures extends GatewayRound {
  readonly name: string;
  readonly connections: number;
}

export interface GatewayRun {
  readonly figures: readonly GatewayFigures[];
  /** Median of Server-Timing, milliseconds. */
  readonly serverTimingMs: number;
}

interface Peer {
  readonly name: string;
  readonly url: string;
  readonly authorization: string;
  stop(): Promise<void>;
}

export function missingWrk(): string | undefined {
  const isThere = spawnSync('wrk', ['--version']).error === undefined;
  return isThere ? undefined : 'wrk is needed: apt-get install wrk';
}

export async function run(small: boolean): Promise<GatewayRun> {
  const missing = missingWrk();
  if (missing !== undefined) throw new Error(missing);
  const plan = small ? SMALL : FULL;
  const peers: Peer[] = [];
  try {
    peers.push(await host('sterna', 'Sterna'));
    peers.push(await host('fastify', 'bare Fastify'));
    if (!small && spawnSync('nginx', ['-v']).error === undefined) peers.push(await nginx());
    const rounds = peers.map(() => plan.connections.map((): GatewayRound[] => []));
    // What is compiled once is no round's.
    for (const peer of peers) await load(peer, 10, 1);
    for (let round = 0; round < plan.rounds; round++) {
      for (const [at, connections] of plan.connections.entries()) {
        for (const [number, peer] of peers.entries()) {
          rounds[number]?.[at]?.push(await load(peer, connections, plan.seconds));
        }
      }
    }
    const figures = peers.flatMap(({ name }, number) =>
      plan.connections.map((connections, at) => ({
        name,
        connections,
        ...medianOf(rounds[number]?.[at] ?? []),
      })),
    );
    return { figures, serverTimingMs: await serverTiming(peers[0], plan.timings) };
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

async function host(kind: GatewayHostKind, name: string): Promise<Peer> {
  const child = spawnPinned([process.execPath, built('bench/gateway-host.js'), kind]);
  const { url, authorization } = await message<GatewayHostReady>(child, 'ready');
  return { name, url, authorization, stop: () => ended(child, () => child.disconnect()) };
}

/** One worker, an answer of the same length, and no log: the least that an HTTP server does. */
async function nginx(): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'sterna-nginx-'));
  const port = await freePort();
  const body = 'x'.repeat(150);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
     events { worker_connections 1024; }
     http { access_log off; keepalive_requests 100000000; ${paths}
       server { listen 127.0.0.1:${port}; location / { return 200 '${body}'; } } }`,
  );
  const child = spawnPinned(['nginx', '-p', folder, '-c', join(folder, 'nginx.conf')]);
  const url = `http://127.0.0.1:${port}`;
  await until(url);
  return {
    name: 'nginx, return 200',
    url,
    authorization: 'Bearer nobody:asks',
    stop: async () => {
      await ended(child, () => child.kill('SIGTERM'));
      rmSync(folder, { recursive: true });
    },
  };
}

function spawnPinned(command: readonly string[]): ChildProcess {
  const pinned = canPin ? ['taskset', '-c', String(SERVER_CORE), ...command] : command;
  const [file = '', ...args] = pinned;
  return spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  end();
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  if (child.exitCode === null) await exit;
  clearTimeout(timer);
}

async function load(peer: Peer, connections: number, seconds: number): Promise<GatewayRound> {
  const command = ['wrk', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency'];
  const request = ['-H', `Authorization: ${peer.authorization}`, `${peer.url}/v1/rooms/x`];
  const pin = canPin ? ['taskset', '-c', String(SERVER_CORE === 0 ? 1 : 0)] : [];
  const [file = '', ...args] = [...pin, ...command, ...request];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await new Promise((resolve) => child.once('close', resolve));
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const sockets = [...text.matchAll(/(?:connect|read|write|timeout) (\d+)/g)];
  return {
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    errors:
      number(/Non-2xx or 3xx responses: (\d+)/) +
      sockets.reduce((sum, [, count]) => sum + Number(count), 0),
    p50Us: microseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(text)),
    p99Us: microseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(text)),
  };
}

function microseconds(found: RegExpExecArray | null): number {
  const unit = { us: 1, ms: 1000, s: 1_000_000 }[found?.[2] ?? ''] ?? Number.NaN;
  return Number(found?.[1]) * unit;
}

async function serverTiming(peer: Peer | undefined, count: number): Promise<number> {
  if (peer === undefined) return Number.NaN;
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    const { authorization } = peer;
    const answer = await fetch(`${peer.url}/v1/rooms/x`, { headers: { authorization } });
    await answer.arrayBuffer();
    took.push(Number(/dur=([\d.]+)/.exec(answer.headers.get('server-timing') ?? '')?.[1]));
  }
  return median(took);
}

function medianOf(rounds: readonly GatewayRound[]): GatewayRound {
  return {
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    p50Us: median(rounds.map(({ p50Us }) => p50Us)),
    p99Us: median(rounds.map(({ p99Us }) => p99Us)),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function until(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      await fetch(url);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`nothing answers at ${url}`);
}

function print({ figures, serverTimingMs }: GatewayRun): void {
  const head = ['requests/s', 'Sterna is', 'errors', 'p50 us', 'p99 us'];
  console.log(`${''.padEnd(36)}${head.map((text) => text.padStart(12)).join('')}`);
  for (const one of figures) {
    const ours = figures.find(({ connections }) => connections === one.connections);
    const cells = [
      one.perSecond.toFixed(0),
      `${((ours?.perSecond ?? Number.NaN) / one.perSecond).toFixed(2)}x`,
      String(one.errors),
      one.p50Us.toFixed(0),
      one.p99Us.toFixed(0),
    ];
    const name = `${one.name}, ${one.connections} connections`;
    console.log(`${name.padEnd(36)}${cells.map((text) => text.padStart(12)).join('')}`);
  }
  console.log(`\nServer-Timing, median: ${serverTimingMs} ms`);
  if (!canPin) console.log('Two cores and taskset are needed to keep server and load apart.');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const missing = missingWrk();
  if (missing === undefined) {
    print(await run(process.argv.includes('--small')));
  } else {
    console.log(missing);
    process.exitCode = 1;
  }
}
