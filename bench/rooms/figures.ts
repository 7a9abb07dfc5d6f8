// What the rooms bench measures: in each part every server, afresh, with the same load; the median of the rounds.

import { median, type Percentiles } from '../percentiles.ts';
import { runLoadProcess } from '../sfu/load-process.ts';
import type { Endpoint } from '../sfu/load-options.ts';
import { type SfuKind, start } from '../sfu/servers.ts';
import { loadArguments, type LoadOptions, type LoadResult, readResult } from './load-options.ts';
import type { RoomPlan } from './plan.ts';

export interface Part {
  readonly name: string;
  readonly plan: RoomPlan;
  readonly storm?: { readonly joins: number; readonly perSecond: number };
}

export interface Timing {
  readonly rounds: number;
  readonly warmMs: number;
  readonly measureMs: number;
}

/** What one server did in one part: medians of its rounds. */
export interface RoomsFigure {
  readonly server: string;
  readonly ours: boolean;
  /** CPU time of the server, all its threads, for each packet that somebody got. */
  readonly cpuNs: number;
  readonly inPerSecond: number;
  readonly outPerSecond: number;
  /** Shares of the encodings among the video packets, from the lowest on. */
  readonly layers: readonly number[];
  readonly loss: number;
  readonly silent: number;
  readonly forwardUs: Percentiles;
  readonly bytesPerParticipant: number;
  /** Of a core each: the server, the load, and everything else on the machine meanwhile. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  readonly others: number;
  readonly behindMs: number;
  readonly storm: LoadResult['storm'];
  /** By the server's own metrics, where it has them. */
  readonly serverJoinMs: Percentiles | undefined;
}

export interface PartFigures extends Part {
  readonly figures: readonly RoomsFigure[];
  readonly failures: readonly { readonly server: string; readonly message: string }[];
}

interface Run {
  readonly result: LoadResult;
  readonly serverJoinMs: Percentiles | undefined;
}

/** A server that fails is left out of the rest of the part. */
export async function measurePart(
  part: Part,
  kinds: readonly SfuKind[],
  address: string,
  timing: Timing,
): Promise<PartFigures> {
  const runs = new Map<SfuKind, Run[]>(kinds.map((kind) => [kind, []]));
  const failures: { server: string; message: string }[] = [];
  for (let round = 0; round < timing.rounds; round++) {
    for (const [kind, all] of runs) {
      try {
        all.push(await runOnce(part, kind, address, timing));
      } catch (error) {
        runs.delete(kind);
        const message = error instanceof Error ? error.message : String(error);
        failures.push({ server: kind.name, message });
      }
    }
  }
  return { ...part, figures: [...runs].map(([kind, all]) => figureOf(kind, all)), failures };
}

async function runOnce(
  { plan, storm }: Part,
  kind: SfuKind,
  address: string,
  { warmMs, measureMs }: Timing,
): Promise<Run> {
  const server = await start(kind, address);
  try {
    const { pid } = server;
    const endpoint = endpointOf(server.endpoint);
    const options: LoadOptions = { endpoint, pid, address, plan, storm, warmMs, measureMs };
    const printed = await runLoadProcess('bench/rooms/load.js', loadArguments(options));
    const result = readResult(printed);
    if (result.wrong > 0) throw new Error(`${result.wrong} packets went wrong`);
    const serverJoinMs = endpoint.api === 'sterna' ? await joinTimes(endpoint.url) : undefined;
    return { result, serverJoinMs };
  } finally {
    await server.stop();
  }
}

/** The same server, by its signaling in place of WHIP. */
function endpointOf(endpoint: Endpoint): LoadOptions['endpoint'] {
  if (endpoint.api === 'straight') throw new TypeError('there is no server');
  return endpoint.api === 'janus' ? endpoint : { ...endpoint, api: 'sterna' };
}

async function joinTimes(url: string): Promise<Percentiles> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const of = (percentile: number): number => {
    const line = new RegExp(
      `^sterna_signaling_join_duration_seconds\\{percentile="${percentile}"\\} (\\S+)$`,
      'm',
    ).exec(text);
    return 1000 * Number(line?.[1]);
  };
  return { p50: of(50), p99: of(99) };
}

function figureOf({ name, ours }: SfuKind, runs: readonly Run[]): RoomsFigure {
  const of = (value: (result: LoadResult) => number): number =>
    median(runs.map(({ result }) => value(result)));
  const last = runs.at(-1);
  return {
    server: name,
    ours,
    cpuNs: of(({ serverCpuNs, received }) => serverCpuNs / received),
    inPerSecond: of(({ sent, seconds }) => sent / seconds),
    outPerSecond: of(({ received, seconds }) => received / seconds),
    layers: [0, 1, 2].map((layer) => of(({ layers }) => layers[layer]! / total(layers))),
    loss: of(({ lost, received }) => lost / (lost + received)),
    silent: of(({ silent }) => silent),
    forwardUs: {
      p50: of(({ forwardUs }) => forwardUs.p50),
      p99: of(({ forwardUs }) => forwardUs.p99),
    },
    bytesPerParticipant: of(({ bytesPerParticipant }) => bytesPerParticipant),
    serverBusy: of(({ serverCpuNs, seconds }) => serverCpuNs / 1e9 / seconds),
    loadBusy: of(({ ownCpuNs, seconds }) => ownCpuNs / 1e9 / seconds),
    others: Math.max(...runs.map(({ result }) => result.others)),
    behindMs: of(({ behindMs }) => behindMs),
    storm: last?.result.storm,
    serverJoinMs: last?.serverJoinMs,
  };
}

function total(layers: readonly number[]): number {
  return layers.reduce((sum, one) => sum + one, 0);
}
