// What the TURN bench measures: cells of packet size, burst, flows and method; in each the servers take turns, round by
// round, and the medians of the rounds count. The first round of each server is dropped.

import { LOAD_CORE, startPinned } from './pinned.ts';
import {
  type LoadMethod,
  type LoadOptions,
  type LoadResult,
  loadArguments,
  readResult,
} from './load-options.ts';
import { built, type RunningServer } from './servers.ts';

/** `pairs`: two clients of the server relay to each other, by channels. */
export interface Cell {
  readonly method: LoadMethod | 'pairs';
  readonly flows: number;
  readonly burst: number;
  readonly bytes: number;
}

export interface Plan {
  readonly rounds: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** Concurrent newcomers, and idle allocations. */
  readonly newcomers: number;
  readonly idle: number;
}

/** What one server did in one cell; times in nanoseconds and microseconds, loss as a fraction. */
export interface CellFigure {
  readonly server: string;
  readonly cpuNs: number;
  readonly perSecond: number;
  readonly loss: number;
  /** Of the server's core while it was flooded; below 1, the load or the window was the limit. */
  readonly busy: number;
  /** Of a core, what everything else on the machine took meanwhile. */
  readonly others: number;
  /** Packets a second while latencies were taken: the same for every server. */
  readonly pacedPerSecond: number;
  readonly pacedLoss: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface AllocationFigure {
  readonly server: string;
  readonly perSecond: number;
  readonly cpuNs: number;
  readonly failures: number;
  readonly idleBytes: number;
}

const LOAD_MS_MAX = 90_000;
/** A run during which something else took more of a core than this is done again, so many times. */
const OTHERS_MAX = 0.05;
const TRIES_MAX = 3;

/** One figure for each server that can do what the cell asks for. */
export async function measureCell(
  cell: Cell,
  servers: readonly RunningServer[],
  plan: Plan,
): Promise<CellFigure[]> {
  const pairs = cell.method === 'pairs';
  const base: Omit<LoadOptions, 'port' | 'pid'> = {
    mode: pairs ? 'pairs' : 'relay',
    method: cell.method === 'send' ? 'send' : 'channel',
    flows: cell.flows,
    burst: cell.burst,
    bytes: cell.bytes,
    warmMs: plan.warmMs,
    measureMs: plan.measureMs,
    rate: 1,
  };
  const flooded = await rounds(servers, plan.rounds, base);
  const rate = Math.max(1000, halfOf(servers, flooded));
  const paced = await rounds([...flooded.keys()], plan.rounds, {
    ...base,
    mode: pairs ? 'pairs-paced' : 'paced',
    rate,
  });
  return [...flooded].flatMap(([server, results]) => {
    const slow = paced.get(server);
    if (slow === undefined) return [];
    return {
      server: server.kind.name,
      cpuNs: median(results, (r) => r.serverCpuNs / r.packets),
      perSecond: median(results, (r) => r.packets / r.seconds),
      loss: median(results, lossOf),
      busy: median(results, (r) => r.serverCpuNs / 1e9 / r.seconds),
      others: median([...results, ...slow], (r) => r.others),
      pacedPerSecond: rate,
      pacedLoss: median(slow, lossOf),
      p50: median(slow, (r) => r.p50),
      p99: median(slow, (r) => r.p99),
      p999: median(slow, (r) => r.p999),
    };
  });
}

export async function measureAllocations(
  servers: readonly RunningServer[],
  plan: Plan,
): Promise<AllocationFigure[]> {
  const base = { method: 'channel', burst: 1, bytes: 100, rate: 1 } as const;
  const { warmMs, measureMs, newcomers } = plan;
  const times = { warmMs, measureMs };
  const idle = await rounds(servers, 1, { ...base, ...times, mode: 'idle', flows: plan.idle });
  const setup = await rounds(servers, plan.rounds, {
    ...base,
    ...times,
    mode: 'setup',
    flows: newcomers,
  });
  return [...setup].map(([server, results]) => ({
    server: server.kind.name,
    perSecond: median(results, (r) => r.allocations / r.seconds),
    cpuNs: median(results, (r) => r.serverCpuNs / r.allocations),
    failures: median(results, (r) => r.failures),
    idleBytes: median(idle.get(server) ?? [], (r) => r.bytesPerAllocation),
  }));
}

/** What the load generator can move by itself, packets a second, and what one costs it, nanoseconds. */
export async function measureLoad(
  sink: RunningServer,
  burst: number,
  plan: Plan,
): Promise<{ perSecond: number; ownCpuNs: number }> {
  const { warmMs, measureMs } = plan;
  const base = { method: 'channel', flows: 16, burst, bytes: 1000, rate: 1 } as const;
  const results = await rounds([sink], plan.rounds, { ...base, mode: 'echo', warmMs, measureMs });
  const all = results.get(sink) ?? [];
  return {
    perSecond: median(all, (r) => r.packets / r.seconds),
    ownCpuNs: median(all, (r) => r.ownCpuNs / r.packets),
  };
}

/** Rounds in which each server has its turn; those that fail are said and left out. */
async function rounds(
  servers: readonly RunningServer[],
  count: number,
  options: Omit<LoadOptions, 'port' | 'pid'>,
): Promise<Map<RunningServer, LoadResult[]>> {
  const results = new Map<RunningServer, LoadResult[]>(servers.map((server) => [server, []]));
  const dropped = count > 1 ? 1 : 0;
  for (let round = 0; round < count; round++) {
    for (const server of servers) {
      const kept = results.get(server);
      if (kept === undefined) continue;
      try {
        const { port, pid } = server;
        const result = await runUndisturbed({ ...options, port, pid });
        if (round >= dropped) kept.push(result);
      } catch (error) {
        results.delete(server);
        console.error(`${server.kind.name}: no ${options.mode}: ${String(error)}`);
      }
    }
  }
  return results;
}

/** The run that was disturbed least. */
async function runUndisturbed(options: LoadOptions): Promise<LoadResult> {
  let best = await runLoad(options);
  for (let tries = 1; best.others > OTHERS_MAX && tries < TRIES_MAX; tries++) {
    const again = await runLoad(options);
    if (again.others < best.others) best = again;
  }
  return best;
}

async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const command = [process.execPath, built('bench/turn/load.js'), ...loadArguments(options)];
  const child = startPinned(LOAD_CORE, command);
  let printed = '';
  let complaint = '';
  child.stdout?.on('data', (text: Buffer) => (printed += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()));
  const timeout = setTimeout(() => child.kill('SIGKILL'), LOAD_MS_MAX);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timeout);
  if (code !== 0)
    throw new Error(/^\w*Error: .*$/m.exec(complaint)?.[0] ?? `exit code ${String(code)}`);
  const result = readResult(printed);
  if (result.wrong > 0) throw new Error(`${result.wrong} packets came back wrong`);
  return result;
}

/** Half of what the first rival carried, or of what the only server did: the rate of the latency runs. */
function halfOf(
  servers: readonly RunningServer[],
  flooded: ReadonlyMap<RunningServer, LoadResult[]>,
): number {
  const there = servers.filter((server) => flooded.has(server));
  const baseline = there.find((server) => !server.kind.ours) ?? there[0];
  if (baseline === undefined) return 0;
  return Math.round(median(flooded.get(baseline) ?? [], (r) => r.packets / r.seconds) / 2);
}

function lossOf({ sent, received }: LoadResult): number {
  return sent === 0 ? 0 : Math.max(0, sent - received) / sent;
}

function median(results: readonly LoadResult[], of: (result: LoadResult) => number): number {
  const sorted = results.map(of).toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
