// Every metric that the server exposes, once: its name, type, labels, meaning, and where its values come from.
// docs/metrics.md lists them. Each label has a fixed set of values, so no sender can make a new time series.
// Called by: metrics.ts; the house tests.

import { performance } from 'node:perf_hooks';
import { CAPABILITY_NAMES } from '../shared/net/engine-choice.ts';
import type { CacheStats } from '../shared/cache/local-tier.ts';
import type { SignalingStats } from '../signaling/index.ts';
import { CODES } from '../signaling/codes.ts';
import { CACHE_METRIC_FAMILIES } from './cache-metric-families.ts';
import { CLUSTER_METRIC_FAMILIES } from './cluster-metric-families.ts';
import { DTLS_METRIC_FAMILIES } from './dtls-metric-families.ts';
import { HTTP_METRIC_FAMILIES } from './http-metric-families.ts';
import type { MediaReport, WorkerReport } from './media/host.ts';
import type { WorkerStats } from './media/messages.ts';
import { OVERSIGHT_METRIC_FAMILIES } from './oversight-metric-families.ts';
import { VERSION } from './package-root.ts';
import { REDIS_METRIC_FAMILIES } from './redis-metric-families.ts';
import { simulation } from '../signaling/protocol.ts';
import { SFU_METRIC_FAMILIES } from './sfu-metric-families.ts';
import type { ServerStats } from './stats.ts';
import { TURN_METRIC_FAMILIES } from './turn-metric-families.ts';
import { WHIP_METRIC_FAMILIES } from './whip-metric-families.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a histogram: `_bucket`, whose labels end with `le`, `_sum` or `_count`. */
  readonly suffix?: string;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** What is not known is left out: a zero would look like a counter that was reset. */
  readonly samples: (stats: ServerStats) => Sample[];
}

type Values = Pick<MetricFamily, 'labels' | 'samples'>;
type Read<From> = (from: From) => number;

function unlabelled(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** One sample for each value of the label. */
function by<Value extends string>(
  label: string,
  values: readonly Value[],
  read: Read<Value>,
): Sample[] {
  return values.map((value) => ({ labels: { [label]: value }, value: read(value) }));
}

function ofSignaling(read: Read<SignalingStats>): Values {
  return { labels: [], samples: ({ signaling }) => unlabelled(read(signaling)) };
}

/** Every reason that there is, also those that have not come up: a rate needs the zero before the first. */
function ofReasons(
  read: (signaling: SignalingStats) => Readonly<Record<string, number | undefined>>,
): Values {
  return {
    labels: ['reason'],
    samples: ({ signaling }) =>
      by('reason', Object.keys(CODES), (reason) => read(signaling)[reason] ?? 0),
  };
}

/** One sample for each worker that answers. */
function ofWorkers(read: Read<WorkerStats>): Values {
  return {
    labels: ['worker'],
    samples: ({ media }) =>
      answering(media).map(({ index, stats }) => ({
        labels: { worker: String(index) },
        value: read(stats),
      })),
  };
}

function ofEachWorker(read: Read<WorkerReport>): Values {
  return {
    labels: ['worker'],
    samples: ({ media }) =>
      media.workers.map((worker) => ({
        labels: { worker: String(worker.index) },
        value: read(worker),
      })),
  };
}

function answering(media: MediaReport): { index: number; stats: WorkerStats }[] {
  return media.workers.flatMap(({ index, stats }) =>
    stats === undefined ? [] : [{ index, stats }],
  );
}

function ofTokenCaches(read: Read<CacheStats>): Values {
  return {
    labels: ['cache'],
    samples: ({ signaling }) =>
      by('cache', ['accepted', 'refused'], (cache) => read(signaling.tokens[cache])),
  };
}

function ofProcess(read: () => number): Values {
  return { labels: [], samples: () => unlabelled(read()) };
}

export const METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_build_info',
    type: 'gauge',
    help: 'Always 1; the labels name the version of Sterna and of Node',
    labels: ['version', 'node'],
    samples: () => [{ labels: { version: VERSION, node: process.versions.node }, value: 1 }],
  },
  {
    name: 'sterna_engine_info',
    type: 'gauge',
    help: 'Always 1; the label names the engine that moves media: linux or portable',
    labels: ['engine'],
    samples: ({ engine }) => [{ labels: { engine: engine.kind }, value: 1 }],
  },
  {
    name: 'sterna_engine_capability',
    type: 'gauge',
    help: 'Whether the kernel lets the Linux engine use that socket option, 0 or 1',
    labels: ['capability'],
    samples: ({ engine }) =>
      engine.kind !== 'linux'
        ? []
        : CAPABILITY_NAMES.map(([capability, name]) => ({
            labels: { capability: name.toLowerCase() },
            value: engine.capabilities[capability] ? 1 : 0,
          })),
  },
  {
    name: 'sterna_media_up',
    type: 'gauge',
    help: 'Whether the media worker answered; while it is 0, what it counts is absent',
    ...ofEachWorker(({ stats }) => (stats === undefined ? 0 : 1)),
  },
  {
    name: 'sterna_media_worker_restarts_total',
    type: 'counter',
    help: 'Times that a media worker died and was started again; its allocations were lost',
    ...ofEachWorker(({ deaths }) => deaths),
  },
  {
    name: 'sterna_media_worker_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of the media worker, of its present thread; absent where the system does not tell it',
    labels: ['worker'],
    samples: ({ media }) =>
      answering(media).flatMap(({ index, stats: { thread } }) =>
        thread.cpuSeconds === null
          ? []
          : [{ labels: { worker: String(index) }, value: thread.cpuSeconds }],
      ),
  },
  {
    name: 'sterna_media_worker_heap_used_bytes',
    type: 'gauge',
    help: 'JavaScript heap of the media worker that is in use',
    ...ofWorkers(({ thread }) => thread.heapUsedBytes),
  },
  {
    name: 'sterna_media_sockets',
    type: 'gauge',
    help: 'Open UDP sockets, of listeners and relays',
    ...ofWorkers(({ engine }) => engine.sockets),
  },
  {
    name: 'sterna_media_datagrams_received_total',
    type: 'counter',
    help: 'Datagrams that the engine received',
    ...ofWorkers(({ engine }) => engine.received),
  },
  {
    name: 'sterna_media_datagrams_receive_dropped_total',
    type: 'counter',
    help: 'Datagrams to an address that nobody answers at: one too many of a wildcard listener, or multicast',
    ...ofWorkers(({ engine }) => engine.receiveDropped),
  },
  {
    name: 'sterna_media_datagrams_sent_total',
    type: 'counter',
    help: 'Datagrams that the engine sent',
    ...ofWorkers(({ engine }) => engine.sent),
  },
  {
    name: 'sterna_media_datagrams_send_dropped_total',
    type: 'counter',
    help: 'Datagrams to send that the kernel, or a full queue of the engine, refused',
    ...ofWorkers(({ engine }) => engine.sendDropped),
  },
  ...TURN_METRIC_FAMILIES,
  ...DTLS_METRIC_FAMILIES,
  ...SFU_METRIC_FAMILIES,
  {
    name: 'sterna_rooms',
    type: 'gauge',
    help: 'Rooms, empty ones included',
    ...ofSignaling(({ rooms }) => rooms),
  },
  {
    name: 'sterna_participants',
    type: 'gauge',
    help: 'Participants of rooms, those who lost their connection included',
    ...ofSignaling(({ sessions, whip }) =>
      whip === undefined ? sessions : sessions + whip.sessions.whip + whip.sessions.whep,
    ),
  },
  {
    name: 'sterna_participants_away',
    type: 'gauge',
    help: 'Participants who lost their connection and may still resume',
    ...ofSignaling(({ away }) => away),
  },
  {
    name: 'sterna_signaling_sockets',
    type: 'gauge',
    help: 'Open signaling WebSockets',
    ...ofSignaling(({ sockets }) => sockets),
  },
  {
    name: 'sterna_signaling_sockets_unauthenticated',
    type: 'gauge',
    help: 'Open signaling WebSockets that have not joined yet',
    ...ofSignaling(({ unauthenticated }) => unauthenticated),
  },
  {
    name: 'sterna_signaling_messages_total',
    type: 'counter',
    help: 'Messages that clients sent',
    ...ofSignaling(({ messages }) => messages),
  },
  {
    name: 'sterna_signaling_joins_total',
    type: 'counter',
    help: 'Joins by a token',
    ...ofSignaling(({ joins }) => joins),
  },
  {
    name: 'sterna_signaling_resumes_total',
    type: 'counter',
    help: 'Sessions that went on over a new WebSocket',
    ...ofSignaling(({ resumes }) => resumes),
  },
  {
    name: 'sterna_signaling_takeovers_total',
    type: 'counter',
    help: 'Joins that put out an earlier session of the same identity',
    ...ofSignaling(({ takeovers }) => takeovers),
  },
  {
    name: 'sterna_signaling_join_duration_seconds',
    type: 'gauge',
    help: 'From a join message to its reply, percentile of the last 1024; absent before the first',
    labels: ['percentile'],
    samples: ({ signaling: { joinDurations } }) =>
      joinDurations.count === 0
        ? []
        : [
            { labels: { percentile: '50' }, value: joinDurations.p50Ms / 1000 },
            { labels: { percentile: '99' }, value: joinDurations.p99Ms / 1000 },
          ],
  },
  {
    name: 'sterna_signaling_refusals_total',
    type: 'counter',
    help: 'Error messages to clients and refused upgrades, by reason',
    ...ofReasons(({ refusals }) => refusals),
  },
  {
    name: 'sterna_signaling_closes_total',
    type: 'counter',
    help: 'WebSockets that the server closed, by reason',
    ...ofReasons(({ closes }) => closes),
  },
  {
    name: 'sterna_simulations_total',
    type: 'counter',
    help: 'What was made to go wrong on purpose for participants, by kind',
    labels: ['op'],
    samples: ({ signaling: { simulations } }) =>
      by('op', simulation.shape.op.options, (op) => simulations[op] ?? 0),
  },
  ...WHIP_METRIC_FAMILIES,
  ...CLUSTER_METRIC_FAMILIES,
  ...REDIS_METRIC_FAMILIES,
  ...CACHE_METRIC_FAMILIES,
  ...OVERSIGHT_METRIC_FAMILIES,
  ...HTTP_METRIC_FAMILIES,
  {
    name: 'sterna_token_cache_entries',
    type: 'gauge',
    help: 'Verified tokens that are remembered',
    ...ofTokenCaches(({ size }) => size),
  },
  {
    name: 'sterna_token_cache_capacity_entries',
    type: 'gauge',
    help: 'How many tokens can be remembered',
    ...ofTokenCaches(({ capacity }) => capacity),
  },
  {
    name: 'sterna_token_cache_hits_total',
    type: 'counter',
    help: 'Tokens that were found in the cache',
    ...ofTokenCaches(({ hits }) => hits),
  },
  {
    name: 'sterna_token_cache_misses_total',
    type: 'counter',
    help: 'Tokens that were not, or no longer, in the cache',
    ...ofTokenCaches(({ misses }) => misses),
  },
  {
    name: 'sterna_token_cache_expired_total',
    type: 'counter',
    help: 'Entries that were found too old',
    ...ofTokenCaches(({ expired }) => expired),
  },
  {
    name: 'sterna_token_cache_evicted_total',
    type: 'counter',
    help: 'Entries that made room for newer ones',
    ...ofTokenCaches(({ evicted }) => evicted),
  },
  {
    name: 'sterna_tokens_revoked',
    type: 'gauge',
    help: 'Revoked tokens that have not expired yet',
    ...ofSignaling(({ tokens }) => tokens.revoked),
  },
  {
    name: 'sterna_process_start_time_seconds',
    type: 'gauge',
    help: 'When the process started, Unix time',
    ...ofProcess(() => performance.timeOrigin / 1000),
  },
  {
    name: 'sterna_process_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of all threads, by mode: user or system',
    labels: ['mode'],
    samples: () => {
      const usage = process.cpuUsage();
      return by('mode', ['user', 'system'], (mode) => usage[mode] / 1e6);
    },
  },
  {
    name: 'sterna_process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the process that is in RAM',
    ...ofProcess(() => process.memoryUsage.rss()),
  },
  {
    name: 'sterna_process_heap_used_bytes',
    type: 'gauge',
    help: 'JavaScript heap of the main thread that is in use',
    ...ofProcess(() => process.memoryUsage().heapUsed),
  },
  {
    name: 'sterna_process_event_loop_seconds_total',
    type: 'counter',
    help: 'Time of the main thread, by state: active or idle; the share of active is how busy it is',
    labels: ['state'],
    samples: () => {
      const utilization = performance.eventLoopUtilization();
      return by('state', ['active', 'idle'], (state) => utilization[state] / 1000);
    },
  },
];
