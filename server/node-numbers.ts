// A node in numbers, as GET /v1/nodes tells of it: what its parts count, picked from its statistics.
// Called by: overview-api.ts. Allocates: the answer.

import type { NodeNumbers } from '../gateway/routes/overview.ts';
import { STATUS_CLASSES } from '../gateway/latency.ts';
import type { Latency, StatusClass } from '../gateway/latency.ts';
import type { ServerState } from '../gateway/routes/health.ts';
import { systemClock } from '../shared/clock.ts';
import type { RecentLines } from '../shared/recent-lines.ts';
import { LoopDelayWatch } from './loop-delay.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { MediaHost, WorkerReport } from './media/host.ts';
import { threadUsage } from './media/thread-usage.ts';
import { VERSION } from './package-root.ts';
import type { ServerStats } from './stats.ts';

type WorkerNumbers = NonNullable<NodeNumbers['workers'][number]['numbers']>;

export interface NodeParts {
  /** By which other nodes know it, and what people call it. */
  readonly id: string;
  readonly name: string;
  readonly media: Pick<MediaHost, 'healthy' | 'held' | 'rooms'>;
  readonly lines: RecentLines;
  readonly state: () => ServerState;
  /** Of TURN; it may change while the server runs. */
  readonly quota: () => { readonly total: number; readonly perUser: number };
  readonly stats: () => Promise<ServerStats>;
}

/** Made anew at each call; never rejects. */
export function nodeNumbersMaker(parts: NodeParts): () => Promise<NodeNumbers> {
  const loopDelay = new LoopDelayWatch();
  return async () => numbersOf(parts, await parts.stats(), loopDelay.read());
}

function numbersOf(
  { id, name, media: { healthy, held }, lines, state, quota }: NodeParts,
  { signaling, engine, media, cluster, http }: ServerStats,
  loopDelayMs: LoopDelay | null,
): NodeNumbers {
  const { rooms, sessions, away, joins, resumes, refusals, joinDurations, whip } = signaling;
  const { count, p50Ms, p99Ms } = joinDurations;
  const { total, perUser } = quota();
  const cpu = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    id,
    name,
    version: VERSION,
    engine: engine.kind,
    state: state(),
    healthy,
    serves: cluster?.serves ?? true,
    at: systemClock.wall(),
    startedAt: Math.round(performance.timeOrigin),
    rooms,
    participants: sessions + (whip === undefined ? 0 : whip.sessions.whip + whip.sessions.whep),
    away,
    joins,
    resumes,
    refusals: sum(refusals),
    joinMs: count === 0 ? null : { p50: p50Ms, p99: p99Ms },
    requests: answers(http, STATUS_CLASSES),
    clientErrors: answers(http, ['4xx']),
    serverErrors: answers(http, ['5xx']),
    warnings: lines.warnings,
    errors: lines.errors,
    turn: {
      allocations: held.allocations,
      users: held.users,
      quotaTotal: total,
      quotaPerUser: perUser,
    },
    process: {
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      mainCpuSeconds: threadUsage().cpuSeconds,
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      loopDelayMs,
    },
    workers: media.workers.map((worker) => ({
      index: worker.index,
      deaths: worker.deaths,
      numbers: workerNumbers(worker),
    })),
  };
}

function workerNumbers({ stats }: WorkerReport): WorkerNumbers | null {
  if (stats === undefined) return null;
  const { engine, turn, sfu, thread } = stats;
  const traffic = Object.values(turn.traffic);
  const relayed = (read: (one: (typeof traffic)[number]) => number): number =>
    traffic.reduce((all, one) => all + read(one), 0);
  const { router, server } = sfu ?? {};
  return {
    ...thread,
    rooms: router?.rooms ?? 0,
    transports: server?.transports ?? 0,
    disconnected: router?.transports.disconnected ?? 0,
    publications: router?.publications ?? 0,
    packetsIn: router?.packetsIn ?? 0,
    bytesIn: router?.bytesIn ?? 0,
    packetsOut: router?.packetsOut ?? 0,
    bytesOut: router?.bytesOut ?? 0,
    nacksIn: router?.nacksIn ?? 0,
    nacksOut: router?.nacksOut ?? 0,
    resent: router?.retransmissions ?? 0,
    keyFrameRequestsIn: router?.keyFrameRequestsIn ?? 0,
    dropped: sum(router?.drops) + sum(server?.drops),
    allocations: turn.allocations,
    relayedPackets: relayed((one) => one.sentPackets + one.receivedPackets),
    relayedBytes: relayed((one) => one.sentBytes + one.receivedBytes),
    turnDropped: sum(turn.drops),
    sendDropped: engine.sendDropped,
  };
}

function sum(counts: Readonly<Record<string, number | undefined>> = {}): number {
  return Object.values(counts).reduce<number>((all, one) => all + (one ?? 0), 0);
}

function answers(http: Latency | undefined, classes: readonly StatusClass[]): number {
  let all = 0;
  for (const route of http?.all() ?? []) {
    for (const status of classes) {
      for (const count of route.ofClass(status).counts) all += count;
    }
  }
  return all;
}
