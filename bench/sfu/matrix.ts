// What the SFU bench measures: in each shape the servers take turns, round by round, and the medians of the rounds
// count. A run that something else on the machine disturbed is done again, and marked when that did not help.

import { median } from '../percentiles.ts';
import { LOAD_CORE, SERVER_CORE } from '../turn/pinned.ts';
import { loadArguments, type LoadOptions, type LoadResult, readResult } from './load-options.ts';
import { runLoadProcess } from './load-process.ts';
import { type RunningSfu, type SfuKind, start } from './servers.ts';
import type { Shape } from './shapes.ts';

export interface Plan {
  readonly rounds: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** A run during which something else took more of a core than `OTHERS_MAX` is done again, so many times at most. */
  readonly tries: number;
}

/** What one server did in one shape: medians of its rounds. */
export interface SfuFigure {
  readonly server: string;
  readonly ours: boolean;
  readonly rounds: number;
  /** CPU time of the server for each packet that a subscriber got. */
  readonly cpuNs: number;
  readonly perSecond: number;
  /** As a fraction. */
  readonly loss: number;
  /** Microseconds, the load's own part included. */
  readonly p50: number;
  readonly p99: number;
  readonly bytesPerSubscription: number;
  readonly firstPacketMs: number;
  readonly firstKeyFrameMs: number;
  /** Of a core each: the server, the load, and everything else on the machine meanwhile. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  readonly others: number;
  /** How far the publishers were behind their schedule at the worst, milliseconds. */
  readonly behindMs: number;
  /** Each round's CPU nanoseconds, to show how far they lie apart. */
  readonly cpuNsOfRounds: readonly number[];
}

/** More than this of a core spoils a run. */
export const OTHERS_MAX = 0.05;

export interface Failure {
  readonly server: string;
  readonly message: string;
}

/** A server that fails is left out of the rest of the shape. */
export async function measureShape(
  shape: Shape,
  kinds: readonly SfuKind[],
  address: string,
  plan: Plan,
): Promise<{ figures: SfuFigure[]; failures: Failure[] }> {
  const results = new Map<SfuKind, LoadResult[]>(kinds.map((kind) => [kind, []]));
  const failures: Failure[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const [kind, all] of results) {
      try {
        all.push(await undisturbed(plan, () => runAgainst(kind, shape, address, plan)));
      } catch (error) {
        results.delete(kind);
        failures.push({ server: kind.name, message: messageOf(error) });
      }
    }
  }
  const figures = [...results].map(([kind, all]) => figureOf(kind, all));
  return { figures, failures };
}

/** The load without a server: what it costs and loses by itself. It may use the server's core, too. */
export async function measureStraight(
  shape: Shape,
  address: string,
  plan: Plan,
): Promise<SfuFigure> {
  const { warmMs, measureMs } = plan;
  const endpoint = { api: 'straight' } as const;
  const options = { endpoint, pid: 0, address, shape, warmMs, measureMs };
  const result = await undisturbed(plan, () => runLoad(options, `${SERVER_CORE},${LOAD_CORE}`));
  return figureOf({ name: 'straight', ours: false }, [result]);
}

/** One run, against a server of its own. */
export async function runAgainst(
  kind: SfuKind,
  shape: Shape,
  address: string,
  { warmMs, measureMs }: Plan,
): Promise<LoadResult> {
  const server: RunningSfu = await start(kind, address);
  try {
    const { endpoint, pid } = server;
    return await runLoad({ endpoint, pid, address, shape, warmMs, measureMs }, `${LOAD_CORE}`);
  } finally {
    await server.stop();
  }
}

export function lossOf({ expected, received }: LoadResult): number {
  return (expected - received) / expected;
}

/** Throws Error with what the load complained of. */
async function runLoad(options: LoadOptions, cores: string): Promise<LoadResult> {
  const printed = await runLoadProcess('bench/sfu/load.js', loadArguments(options), cores);
  const result = readResult(printed);
  if (result.wrong > 0) throw new Error(`${result.wrong} packets went wrong`);
  return result;
}

/** The run that was disturbed least. */
async function undisturbed({ tries }: Plan, run: () => Promise<LoadResult>): Promise<LoadResult> {
  let best = await run();
  for (let tried = 1; best.others > OTHERS_MAX && tried < tries; tried++) {
    const again = await run();
    if (again.others < best.others) best = again;
  }
  return best;
}

function figureOf(
  { name, ours }: Pick<SfuKind, 'name' | 'ours'>,
  all: readonly LoadResult[],
): SfuFigure {
  const of = (value: (result: LoadResult) => number): number => median(all.map(value));
  const cpuNsOfRounds = all.map(({ serverCpuNs, received }) => serverCpuNs / received);
  return {
    server: name,
    ours,
    rounds: all.length,
    cpuNs: median(cpuNsOfRounds),
    perSecond: of(({ received, seconds }) => received / seconds),
    loss: of(lossOf),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    bytesPerSubscription: of(({ bytesPerSubscription }) => bytesPerSubscription),
    firstPacketMs: of(({ firstPacketMs }) => firstPacketMs),
    firstKeyFrameMs: of(({ firstKeyFrameMs }) => firstKeyFrameMs),
    serverBusy: of(({ serverCpuNs, seconds }) => serverCpuNs / 1e9 / seconds),
    loadBusy: of(({ ownCpuNs, seconds }) => ownCpuNs / 1e9 / seconds),
    others: Math.max(...all.map(({ others }) => others)),
    behindMs: of(({ behindMs }) => behindMs),
    cpuNsOfRounds,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
