// The metrics of given statistics: what is written, what is left out, and how often they are asked for.

import { afterAll, describe, expect, test } from 'vitest';
import { METRIC_FAMILIES } from '../../../server/metric-families.ts';
import { Metrics } from '../../../server/metrics.ts';
import type { ServerStats } from '../../../server/stats.ts';
import { Latency } from '../../../gateway/latency.ts';
import type { TieredCacheStats } from '../../../shared/cache/cache-options.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { SignalingServer } from '../../../signaling/index.ts';
import { parseExposition, samplesOf } from '../../support/exposition.ts';
import { RecordedPlane } from '../signaling/recorded-plane.ts';

const signalingServer = new SignalingServer({
  keys: { key: 'a secret for tests, long enough to be one' },
  node: 'test',
  version: '0.0.0',
  origins: [],
  iceServers: () => ({ servers: [], expiresAt: 0 }),
  media: new RecordedPlane(),
  clock: systemClock,
  log: silentLogger,
});
const signaling = signalingServer.stats();
afterAll(async () => signalingServer.close());

/** Numbers that tell each other apart. */
const traffic = (n: number) => ({
  allocations: n,
  sentPackets: n + 1,
  sentBytes: n + 2,
  receivedPackets: n + 3,
  receivedBytes: n + 4,
});

const http = new Latency();
http.of('GET /v1/x').record(200, 0.03, 0);
http.of('GET /v1/x').record(204, 7, 0);
http.of('GET /v1/x').record(503, 9000, 0);

const USERS: TieredCacheStats = {
  localHits: 31,
  localMisses: 32,
  localSize: 33,
  shared: { capacity: 8, hits: 34, misses: 35, torn: 0, written: 36, evicted: 0, refused: 0 },
  redis: undefined,
  loads: { loads: 20, failed: 3, coalesced: 37, refused: 1, timedOut: 2, underWay: 4, waiting: 5 },
  stale: 38,
  refreshes: 39,
  refreshFailures: 0,
  invalidations: 0,
};

const FULL: ServerStats = {
  http,
  signaling: {
    ...signaling,
    joinDurations: { count: 3, p50Ms: 2, p99Ms: 7 },
    refusals: { ROOM_FULL: 4 },
    sessions: 5,
    whip: {
      sessions: { whip: 1, whep: 2 },
      opened: { whip: 3, whep: 4 },
      iceRestarts: 5,
      refusals: { 401: 6, 429: 0 },
    },
  },
  engine: {
    kind: 'linux',
    capabilities: { udpGro: true, udpSegment: false, ipRecvErr: true, ipPktInfo: true },
  },
  cluster: {
    redis: {
      state: 'up',
      breaker: 'closed',
      commands: 9,
      failures: 1,
      refused: 2,
      breakerOpened: 3,
      reconnects: 6,
      published: 4,
      received: 5,
    },
    serves: true,
    nodes: 3,
    rooms: 11,
    takeovers: 1,
    leaseLosses: 2,
    roomsLost: 4,
    visits: 6,
    passages: { open: 7, forwarded: 8, lost: 9 },
    links: { sent: 10, received: 11, gaps: 12, undelivered: 13, malformed: 14 },
  },
  rates: { told: 21, heard: 22 },
  webhooks: {
    outcomes: { delivered: 9, rejected: 1, blocked: 2, expired: 3, overflow: 4, abandoned: 0 },
    retries: 8,
    queued: 7,
    ageMs: 1500,
  },
  audit: { records: 11, failures: 2, lost: 1 },
  media: {
    users: 2,
    streamsRefused: 7,
    userLookups: { found: 5, unknown: 4, failed: 3, refused: 1, cache: USERS },
    workers: [
      {
        index: 0,
        deaths: 6,
        stats: {
          thread: { cpuSeconds: 1.5, heapUsedBytes: 5_000_000 },
          engine: {
            kind: 'linux',
            sockets: 3,
            received: 1e21,
            receiveDropped: 0,
            sent: 20,
            sendDropped: 1,
          },
          turn: {
            allocations: 2,
            reservations: 1,
            users: 2,
            streams: 3,
            draining: false,
            traffic: {
              udp: traffic(2),
              tcp: traffic(0),
              tls: traffic(30),
              dtls: traffic(0),
            },
            shortCircuited: 9,
            drops: { malformed: 5 },
          },
          dtls: {
            sessions: 4,
            handshaking: 1,
            handshakes: 40,
            unsent: 2,
            failures: { timeout: 3 },
          },
          sfu: {
            router: {
              rooms: 1,
              transports: { new: 0, connecting: 1, connected: 4, disconnected: 0, closed: 0 },
              publications: 8,
              slots: 24,
              packetsIn: 100,
              bytesIn: 1000,
              packetsOut: 300,
              bytesOut: 3000,
              nacksIn: 3,
              nacksOut: 2,
              retransmissions: 3,
              keyFrameRequestsIn: 2,
              keyFrameRequestsOut: 1,
              quietPackets: 11,
              redundantPackets: 12,
              payloadBytes: 4096,
              pipes: 5,
              pipedPacketsOut: 70,
              pipedPacketsIn: 60,
              pipeDropped: 4,
              drops: { muted: 6 },
            },
            server: {
              transports: 5,
              connecting: 1,
              streams: 2,
              impairedBytes: 9,
              drops: { 'srtp-forged': 7 },
              ice: { sessions: 5, answered: 50, refused: 1, drops: { 'bad-integrity': 8 } },
            },
          },
        },
      },
    ],
  },
};

const [ONLY] = FULL.media.workers;

/** The one worker with that total in two of its counters; silent without one. */
function mediaAt(total: number | undefined): ServerStats['media'] {
  const { engine, turn } = ONLY!.stats!;
  const stats =
    total === undefined
      ? undefined
      : {
          thread: ONLY!.stats!.thread,
          engine: { ...engine, sent: total },
          turn: { ...turn, drops: { malformed: total } },
          dtls: ONLY!.stats!.dtls,
          sfu: ONLY!.stats!.sfu,
        };
  return {
    users: 2,
    streamsRefused: 7,
    userLookups: undefined,
    workers: [{ index: 0, deaths: 6, stats }],
  };
}

async function samples(stats: ServerStats): Promise<Map<string, number>> {
  return samplesOf(parseExposition(await new Metrics(() => Promise.resolve(stats)).scrape()));
}

test('every family is there, with its type and its help, and every sample has its labels', async () => {
  const text = await new Metrics(() => Promise.resolve(FULL)).scrape();
  const families = parseExposition(text);
  expect([...families].map(([name, { type, help }]) => ({ name, type, help }))).toEqual(
    METRIC_FAMILIES.map(({ name, type, help }) => ({ name, type, help })),
  );
  for (const { name, labels } of METRIC_FAMILIES) {
    const series = [...(families.get(name)?.samples.keys() ?? [])];
    expect(series.length).toBeGreaterThan(0);
    for (const each of series) {
      const found = [...each.matchAll(/(\w+)="/g)].map(([, label]) => label);
      expect(found.filter((label) => label !== 'le')).toEqual([...labels]);
    }
  }
});

test('the numbers are those of the statistics, in base units', async () => {
  const found = await samples(FULL);
  expect(found.get('sterna_engine_info{engine="linux"}')).toBe(1);
  expect(found.get('sterna_engine_capability{capability="udp_segment"}')).toBe(0);
  expect(found.get('sterna_engine_capability{capability="ip_pktinfo"}')).toBe(1);
  expect(found.get('sterna_media_up{worker="0"}')).toBe(1);
  expect(found.get('sterna_media_worker_restarts_total{worker="0"}')).toBe(6);
  expect(found.get('sterna_media_datagrams_received_total{worker="0"}')).toBe(1e21);
  expect(found.get('sterna_turn_allocations{worker="0",transport="udp"}')).toBe(2);
  expect(found.get('sterna_turn_allocations{worker="0",transport="dtls"}')).toBe(0);
  const ofTls = ['packets', 'bytes'].map((unit) =>
    ['to-peer', 'to-client'].map((direction) =>
      found.get(
        `sterna_turn_relayed_${unit}_total{worker="0",transport="tls",direction="${direction}"}`,
      ),
    ),
  );
  expect(ofTls).toEqual([
    [31, 33],
    [32, 34],
  ]);
  expect(found.get('sterna_turn_dropped_datagrams_total{worker="0",reason="malformed"}')).toBe(5);
  expect(found.get('sterna_turn_dropped_datagrams_total{worker="0",reason="not-stun"}')).toBe(0);
  expect(found.get('sterna_sfu_transports{worker="0",state="connected"}')).toBe(4);
  expect(found.get('sterna_sfu_packets_total{worker="0",direction="out"}')).toBe(300);
  expect(found.get('sterna_sfu_dropped_packets_total{worker="0",reason="muted"}')).toBe(6);
  expect(found.get('sterna_sfu_dropped_datagrams_total{worker="0",reason="srtp-forged"}')).toBe(7);
  expect(found.get('sterna_ice_dropped_checks_total{worker="0",reason="bad-integrity"}')).toBe(8);
  expect(found.get('sterna_signaling_refusals_total{reason="ROOM_FULL"}')).toBe(4);
  expect(found.get('sterna_whip_sessions{protocol="whep"}')).toBe(2);
  expect(found.get('sterna_whip_sessions_opened_total{protocol="whip"}')).toBe(3);
  expect(found.get('sterna_whip_ice_restarts_total')).toBe(5);
  expect(found.get('sterna_whip_refusals_total{status="401"}')).toBe(6);
  expect(found.get('sterna_cluster_rooms')).toBe(11);
  expect(found.get('sterna_cluster_messages_total{kind="gaps"}')).toBe(12);
  expect(found.get('sterna_cluster_rate_counts_total{direction="heard"}')).toBe(22);
  expect(found.get('sterna_redis_commands_total{result="refused"}')).toBe(2);
  expect(found.get('sterna_redis_breaker_open')).toBe(0);
  expect(found.get('sterna_redis_reconnects_total')).toBe(6);
  expect(found.get('sterna_redis_messages_total{direction="received"}')).toBe(5);
  expect(found.get('sterna_cache_hits_total{cache="users",tier="local"}')).toBe(31);
  expect(found.get('sterna_cache_misses_total{cache="users",tier="shared"}')).toBe(35);
  expect(found.get('sterna_cache_hits_total{cache="users",tier="redis"}')).toBeUndefined();
  expect(found.get('sterna_cache_loads_total{cache="users",result="loaded"}')).toBe(13);
  expect(found.get('sterna_cache_coalesced_total{cache="users"}')).toBe(37);
  expect(found.get('sterna_participants')).toBe(5 + 1 + 2);
  expect(found.get('sterna_signaling_join_duration_seconds{percentile="99"}')).toBe(0.007);
});

test('a histogram has cumulative buckets, its sum and its count', async () => {
  const found = await samples(FULL);
  const of = (suffix: string, status: string, le?: string): number | undefined =>
    found.get(
      `sterna_http_request_duration_seconds${suffix}{route="GET /v1/x",status="${status}"${le === undefined ? '' : `,le="${le}"`}}`,
    );
  const bounds = ['0.000025', '0.00005', '0.005', '0.01', '2.5', '+Inf'];
  expect(bounds.map((le) => of('_bucket', '2xx', le))).toEqual([0, 1, 1, 2, 2, 2]);
  expect([of('_count', '2xx'), of('_sum', '2xx')]).toEqual([2, expect.closeTo(0.00703, 8)]);
  expect([of('_bucket', '5xx', '2.5'), of('_bucket', '5xx', '+Inf')]).toEqual([0, 1]);
  expect(of('_count', '4xx')).toBeUndefined();
});

test('what is not known is left out, and no zero stands in for it', async () => {
  const silent = mediaAt(undefined);
  const found = await samples({ ...FULL, signaling, media: silent });
  expect(found.get('sterna_media_up{worker="0"}')).toBe(0);
  expect(found.get('sterna_media_worker_restarts_total{worker="0"}')).toBe(6);
  expect(found.get('sterna_rooms')).toBe(0);
  expect(found.get('sterna_turn_streams_refused_total')).toBe(7);
  const unknown = [...found.keys()].filter((series) =>
    /^sterna_(?:sfu_|ice_|turn_(?!users|streams_refused)|media_(?!up|worker)|signaling_join_duration)/.test(
      series,
    ),
  );
  expect(unknown).toEqual([]);
});

test('a node that is the only one tells nothing of others', async () => {
  const found = await samples({ ...FULL, cluster: undefined, rates: undefined });
  expect([...found.keys()].filter((series) => /_(?:cluster|redis)_/.test(series))).toEqual([]);
});

test('the portable engine has no capabilities to tell', async () => {
  const found = await samples({ ...FULL, engine: { kind: 'portable', reason: 'configured' } });
  expect(found.get('sterna_engine_info{engine="portable"}')).toBe(1);
  expect([...found.keys()].filter((series) => series.includes('capability'))).toEqual([]);
});

test.each([
  'sterna_media_datagrams_sent_total{worker="0"}',
  'sterna_turn_dropped_datagrams_total{worker="0",reason="malformed"}',
])('the counter %s follows its total, also back to where a new worker starts', async (series) => {
  let media = mediaAt(20);
  const metrics = new Metrics(() => Promise.resolve({ ...FULL, media }));
  const read = async (): Promise<number | undefined> =>
    samplesOf(parseExposition(await metrics.scrape())).get(series);
  expect(await read()).toBe(20);
  expect(await read()).toBe(20);
  media = mediaAt(undefined);
  expect(await read()).toBeUndefined();
  media = mediaAt(3);
  expect(await read()).toBe(3);
});

describe('scrapes', () => {
  test('at the same time share one collection; the next one collects again', async () => {
    let asked = 0;
    const metrics = new Metrics(async () => {
      asked++;
      await new Promise((resolve) => setImmediate(resolve));
      return {
        ...FULL,
        media: { users: asked, streamsRefused: 0, userLookups: undefined, workers: [] },
      };
    });
    const texts = await Promise.all(Array.from({ length: 50 }, () => metrics.scrape()));
    expect([asked, new Set(texts).size]).toEqual([1, 1]);
    expect(await metrics.scrape()).toContain('sterna_turn_users 2\n');
  });

  test('go on after one has failed', async () => {
    let broken = true;
    const metrics = new Metrics(() =>
      broken ? Promise.reject(new Error('broken')) : Promise.resolve(FULL),
    );
    await expect(metrics.scrape()).rejects.toThrow('broken');
    broken = false;
    expect(await metrics.scrape()).toContain('sterna_media_up{worker="0"} 1\n');
  });

  test('leave nothing behind that would keep a process alive', async () => {
    const before = process.getActiveResourcesInfo();
    const metrics = new Metrics(() => Promise.resolve(FULL));
    await metrics.scrape();
    expect(process.getActiveResourcesInfo()).toEqual(before);
  });
});
