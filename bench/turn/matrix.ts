// What the TURN bench measures: cells of packet size, burst, flows and method; in each the servers take turns, round by
// round, and the medians of the rounds count. The first round finds out which fill suits each server, and is dropped.

import { median } from '../percentiles.ts';
import { type RunOptions, runLoad } from './load-process.ts';
import type { Fill, LoadMethod, LoadResult } from './load-options.ts';
import type { RunningServer } from './servers.ts';

export interface Cell {
  readonly method: LoadMethod;
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
  /** Ways of filling the closed loop; of each server the one counts in which a packet cost it the least. */
  readonly fills: readonly Fill[];
}

/** What one server did in one cell; times in nanoseconds and microseconds, loss as a fraction. */
export interface CellFigure {
  readonly server: string;
  readonly ours: boolean;
  readonly fill: Fill;
  readonly cpuNs: number;
  readonly perSecond: number;
  readonly loss: number;
  /** Of the server's core while it was flooded; below 1, the load or the window was the limit. */
  readonly busy: number;
  /** Of a core, what everything else on the machine took meanwhile. */
  readonly others: number;
  /** Packets a second while latencies were taken: the same for every server; and what one cost then. */
  readonly pacedPerSecond: number;
  readonly pacedCpuNs: number;
  readonly pacedLoss: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface AllocationFigure {
  readonly server: string;
  readonly ours: boolean;
  readonly perSecond: number;
  readonly cpuNs: number;
  readonly failures: number;
  readonly idleBytes: number;
}

/** A run during which something else took more of a core than this is done again, so many times. */
const OTHERS_MAX = 0.05;
const TRIES_MAX = 3;

/** A server's runs with the fill that suits it. */
interface Flooded {
  readonly fill: Fill;
  readonly results: readonly LoadResult[];
}

/** One figure for each server that can do what the cell asks for. */
export async function measureCell(
  cell: Cell,
  servers: readonly RunningServer[],
  plan: Plan,
): Promise<CellFigure[]> {
  const flooded = await floodedRounds(cell, servers, plan);
  const rate = Math.max(1000, halfOf(servers, flooded));
  const { warmMs, measureMs } = plan;
  const pace = { ...REST, ...cell, mode: 'paced', warmMs, measureMs, rate } as const;
  const paced = await rounds([...flooded.keys()], plan.rounds, () => pace);
  return [...flooded].flatMap(([server, { fill, results }]) => {
    const slow = dropFirst(paced.get(server) ?? []);
    if (slow.length === 0) return [];
    return {
      server: server.kind.name,
      ours: server.kind.ours,
      fill,
      cpuNs: medianOf(results, cpuOfPacket),
      perSecond: medianOf(results, (r) => r.packets / r.seconds),
      loss: medianOf(results, lossOf),
      busy: medianOf(results, (r) => r.serverCpuNs / 1e9 / r.seconds),
      others: medianOf([...results, ...slow], (r) => r.others),
      pacedPerSecond: rate,
      pacedCpuNs: medianOf(slow, cpuOfPacket),
      pacedLoss: medianOf(slow, lossOf),
      p50: medianOf(slow, (r) => r.p50),
      p99: medianOf(slow, (r) => r.p99),
      p999: medianOf(slow, (r) => r.p999),
    };
  });
}

/** In the first round every server tries each fill; in the others it has the one that cost it the least. */
async function floodedRounds(
  cell: Cell,
  servers: readonly RunningServer[],
  { fills, rounds: count, warmMs, measureMs }: Plan,
): Promise<Map<RunningServer, Flooded>> {
  const base = { ...REST, ...cell, mode: 'relay', warmMs, measureMs } as const;
  const best = new Map<RunningServer, Flooded>();
  let able = servers;
  for (const fill of fills) {
    const tried = await rounds(able, 1, () => ({ ...base, fill }));
    able = [...tried.keys()];
    for (const [server, results] of tried) {
      const known = best.get(server);
      const better = known === undefined || cheapest(results) < cheapest(known.results);
      if (better) best.set(server, { fill, results });
    }
  }
  const chosen = new Map(able.flatMap((server) => [[server, best.get(server)!] as const]));
  if (count === 1) return chosen;
  const counted = await rounds(able, count - 1, (server) => ({
    ...base,
    fill: chosen.get(server)?.fill ?? 'rolling',
  }));
  return new Map(
    [...counted].map(([server, results]) => [server, { ...chosen.get(server)!, results }]),
  );
}

export async function measureAllocations(
  servers: readonly RunningServer[],
  plan: Plan,
): Promise<AllocationFigure[]> {
  const { warmMs, measureMs, newcomers } = plan;
  const base = { ...REST, warmMs, measureMs };
  const idle = await rounds(servers, 1, () => ({ ...base, mode: 'idle', flows: plan.idle }));
  const setup = await rounds(servers, plan.rounds, () => ({
    ...base,
    mode: 'setup',
    flows: newcomers,
  }));
  return [...setup].map(([server, all]) => {
    const results = dropFirst(all);
    return {
      server: server.kind.name,
      ours: server.kind.ours,
      perSecond: medianOf(results, (r) => r.allocations / r.seconds),
      cpuNs: medianOf(results, (r) => r.serverCpuNs / r.allocations),
      failures: medianOf(results, (r) => r.failures),
      idleBytes: medianOf(idle.get(server) ?? [], (r) => r.bytesPerAllocation),
    };
  });
}

/** What the load generator can move by itself, packets a second, and what one costs it, nanoseconds. */
export async function measureLoad(
  sink: RunningServer,
  burst: number,
  plan: Plan,
): Promise<{ perSecond: number; ownCpuNs: number }> {
  const { warmMs, measureMs } = plan;
  const base = { ...REST, mode: 'echo', burst, warmMs, measureMs } as const;
  const results = await rounds([sink], plan.rounds, () => base);
  const all = dropFirst(results.get(sink) ?? []);
  return {
    perSecond: medianOf(all, (r) => r.packets / r.seconds),
    ownCpuNs: medianOf(all, (r) => r.ownCpuNs / r.packets),
  };
}

/** What a run does not say for itself. */
const REST = {
  method: 'channel',
  fill: 'rolling',
  flows: 16,
  burst: 1,
  bytes: 1000,
  rate: 1,
  packets: 1,
} as const;

/** Rounds in which each server has its turn; those that fail are said and left out. */
async function rounds(
  servers: readonly RunningServer[],
  count: number,
  optionsFor: (server: RunningServer) => Omit<RunOptions, 'port' | 'pid'>,
): Promise<Map<RunningServer, LoadResult[]>> {
  const results = new Map<RunningServer, LoadResult[]>(servers.map((server) => [server, []]));
  for (let round = 0; round < count; round++) {
    for (const server of servers) {
      const options = { ...optionsFor(server), port: server.port, pid: server.pid };
      try {
        results.get(server)?.push(await runUndisturbed(options));
      } catch (error) {
        results.delete(server);
        console.error(`${server.kind.name}: no ${options.mode}: ${String(error)}`);
      }
    }
  }
  return results;
}

/** The first round warms a server up, where there is another. */
function dropFirst(results: readonly LoadResult[]): readonly LoadResult[] {
  return results.length > 1 ? results.slice(1) : results;
}

/** The run that was disturbed least. */
async function runUndisturbed(options: RunOptions): Promise<LoadResult> {
  let best = await runLoad(options);
  for (let tries = 1; best.others > OTHERS_MAX && tries < TRIES_MAX; tries++) {
    const again = await runLoad(options);
    if (again.others < best.others) best = again;
  }
  return best;
}

/** Half of what the first rival carried, or of what the only server did: the rate of the latency runs. */
function halfOf(
  servers: readonly RunningServer[],
  flooded: ReadonlyMap<RunningServer, Flooded>,
): number {
  const there = servers.filter((server) => flooded.has(server));
  const baseline = there.find((server) => !server.kind.ours) ?? there[0];
  if (baseline === undefined) return 0;
  const results = flooded.get(baseline)?.results ?? [];
  return Math.round(medianOf(results, (r) => r.packets / r.seconds) / 2);
}

function cpuOfPacket({ serverCpuNs, packets }: LoadResult): number {
  return serverCpuNs / packets;
}

function cheapest(results: readonly LoadResult[]): number {
  return Math.min(...results.map(cpuOfPacket));
}

function lossOf({ sent, received }: LoadResult): number {
  return sent === 0 ? 0 : Math.max(0, sent - received) / sent;
}

function medianOf(results: readonly LoadResult[], of: (result: LoadResult) => number): number {
  return median(results.map(of));
}
