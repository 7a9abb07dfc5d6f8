// What signaling costs: memory of an idle WebSocket, a message to everybody in a room of 200 and in 1,000 rooms, and
// a storm of joins; beside the least that could be called a room server, a bare `ws` without tokens and sessions.
// `npm run bench:signal`; `-- --small` is the short run of the test suite.

import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { mintToken } from '../signaling/index.ts';
import { REHEARSAL_OFFER } from '../signaling/rehearsal-offer.ts';
import { built } from './built.ts';
import { type Percentiles, percentiles } from './percentiles.ts';
import { message } from './signal/child-message.ts';
import { paced } from './signal/exchange.ts';
import type { HostKind, HostUsage, SignalHostReady } from './signal/host.ts';
import { Members } from './signal/members.ts';
import { canPin, SERVER_CORE } from './turn/pinned.ts';

interface Plan {
  /** Idle ones, in as many rooms. */
  readonly idle: number;
  readonly rooms: number;
  readonly roomOf: number;
  readonly messages: number;
  /** Of the storm. */
  readonly joins: number;
}

const FULL: Plan = { idle: 9700, rooms: 1000, roomOf: 200, messages: 1000, joins: 1000 };
const SMALL: Plan = { idle: 40, rooms: 10, roomOf: 20, messages: 10, joins: 10 };

/** Milliseconds between messages: 50 a second in the large room are some 10,000 copies, 500 in small ones 4,000. */
const LARGE_EVERY_MS = 20;
const SMALL_EVERY_MS = 2;
/** 100 a second. */
const JOIN_EVERY_MS = 10;

/** Milliseconds, nanoseconds of CPU, bytes. */
export interface SignalFigures {
  readonly kind: HostKind;
  readonly idle: number;
  readonly residentPerSocket: number;
  readonly heapPerSocket: number;
  readonly largeRoom: Percentiles;
  readonly largeRoomCpuNs: number;
  readonly smallRooms: Percentiles;
  readonly smallRoomsCpuNs: number;
  readonly storm: Percentiles;
}

export async function run(small: boolean): Promise<SignalFigures[]> {
  const plan = small ? SMALL : FULL;
  return [await measure('sterna', plan), await measure('bare', plan)];
}

async function measure(kind: HostKind, plan: Plan): Promise<SignalFigures> {
  const node = [process.execPath, '--expose-gc', built('bench/signal/host.js'), kind];
  const [file = '', ...args] = canPin ? ['taskset', '-c', String(SERVER_CORE), ...node] : node;
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const usage = (): Promise<HostUsage> => {
    const answer = message<HostUsage>(child, 'usage');
    child.send('usage');
    return answer;
  };
  let members: Members | undefined;
  try {
    const host = await message<SignalHostReady>(child, 'ready');
    if (kind === 'sterna') await makeRoom(host, plan.roomOf);
    members = new Members(host);
    // What is compiled and cached once is no socket's.
    await members.join(plan.roomOf, () => 'large');
    await members.talk([0], Math.ceil(plan.messages / 10), LARGE_EVERY_MS, plan.roomOf - 1);
    const before = await usage();
    const roomOf = (n: number): string => `room-${n % plan.rooms}`;
    await members.join(plan.idle, roomOf);
    const idle = await usage();

    const everybody = Array.from({ length: plan.roomOf }, (_, n) => n);
    const copies = plan.roomOf - 1;
    const large = await members.talk(everybody, plan.messages, LARGE_EVERY_MS, copies);
    const afterLarge = await usage();
    const firsts = Array.from({ length: plan.rooms }, (_, n) => plan.roomOf + n);
    // A room fewer may have one more; all have so many.
    const others = Math.floor(plan.idle / plan.rooms) - 1;
    const even = firsts.filter((_, n) => n >= plan.idle % plan.rooms);
    const some = await members.talk(even, plan.messages, SMALL_EVERY_MS, others);
    const afterSmall = await usage();

    await members.leave();
    const stormers = new Members(host);
    members = stormers;
    const storm = await paced(plan.joins, JOIN_EVERY_MS, (n) =>
      stormers.joinOne(`storm-${n % plan.rooms}`, kind === 'sterna' ? REHEARSAL_OFFER : {}),
    );
    return {
      kind,
      idle: plan.idle,
      residentPerSocket: (idle.resident - before.resident) / plan.idle,
      heapPerSocket: (idle.heap - before.heap) / plan.idle,
      largeRoom: percentiles(large),
      largeRoomCpuNs: (afterLarge.cpuNs - idle.cpuNs) / large.length,
      smallRooms: percentiles(some),
      smallRoomsCpuNs: (afterSmall.cpuNs - afterLarge.cpuNs) / some.length,
      storm: percentiles(storm),
    };
  } finally {
    members?.close();
    child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
  }
}

/** One that may hold more than those that are made by who joins. */
async function makeRoom({ url, key: [key, secret] }: SignalHostReady, size: number): Promise<void> {
  const token = mintToken({
    key,
    secret,
    identity: 'bench',
    grants: { roomAdmin: true },
    ttlSeconds: 60,
  });
  const answer = await fetch(`${url}/v1/rooms`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'large', maxParticipants: size }),
  });
  if (!answer.ok) throw new Error(`POST /v1/rooms: ${answer.status} ${await answer.text()}`);
}

function print(figures: readonly SignalFigures[], plan: Plan): void {
  const [ours, bare] = figures;
  if (ours === undefined || bare === undefined) return;
  const row = (name: string, of: (figure: SignalFigures) => number, digits: number): void => {
    const [a, b] = [of(ours), of(bare)];
    const cells = [a.toFixed(digits), b.toFixed(digits), `${(a / b).toFixed(2)}x`];
    console.log(`${name.padEnd(58)}${cells.map((text) => text.padStart(12)).join('')}`);
  };
  console.log(
    `${''.padEnd(58)}${['Sterna', 'bare ws', 'ratio'].map((text) => text.padStart(12)).join('')}`,
  );
  row(
    `${plan.idle} idle in ${plan.rooms} rooms: resident KiB each`,
    (f) => f.residentPerSocket / 1024,
    1,
  );
  row('  of it heap, KiB each', (f) => f.heapPerSocket / 1024, 1);
  row(
    `room of ${plan.roomOf}, ${1000 / LARGE_EVERY_MS} messages/s: p50 ms`,
    (f) => f.largeRoom.p50,
    2,
  );
  row('  p99 ms', (f) => f.largeRoom.p99, 2);
  row('  server CPU ns a copy', (f) => f.largeRoomCpuNs, 0);
  row(
    `${plan.rooms} rooms, ${1000 / SMALL_EVERY_MS} messages/s: p50 ms`,
    (f) => f.smallRooms.p50,
    2,
  );
  row('  p99 ms', (f) => f.smallRooms.p99, 2);
  row('  server CPU ns a copy', (f) => f.smallRoomsCpuNs, 0);
  row(
    `${1000 / JOIN_EVERY_MS} joins/s (ours with an offer and its answer): p50 ms`,
    (f) => f.storm.p50,
    2,
  );
  row('  p99 ms', (f) => f.storm.p99, 2);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`);
  if (!canPin)
    console.log('Warning: two cores and taskset are needed to keep server and load apart.');
  const small = process.argv.includes('--small');
  print(await run(small), small ? SMALL : FULL);
}
