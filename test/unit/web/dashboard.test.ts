// What the dashboard makes of the server's answers: what is wrong, rates of totals, and why somebody is sent what.

import { expect, test } from 'vitest';
import type {
  NodeList,
  NodeNumbers,
  Overview,
  ParticipantStats,
  Subscription,
  WorkerNumbers,
} from '../../../web/dashboard/answers.ts';
import { bits, count, duration, ms, percent } from '../../../web/dashboard/format.ts';
import { problemsOf } from '../../../web/dashboard/problems.ts';
import { layerOf, troubleOf, whyOf } from '../../../web/dashboard/reasons.ts';
import { Series } from '../../../web/dashboard/series.ts';

const worker = (over: Partial<WorkerNumbers> = {}): WorkerNumbers => ({
  cpuSeconds: 0,
  heapUsedBytes: 0,
  rooms: 0,
  transports: 0,
  disconnected: 0,
  publications: 0,
  packetsIn: 0,
  bytesIn: 0,
  packetsOut: 0,
  bytesOut: 0,
  nacksIn: 0,
  nacksOut: 0,
  resent: 0,
  keyFrameRequestsIn: 0,
  dropped: 0,
  allocations: 0,
  relayedPackets: 0,
  relayedBytes: 0,
  turnDropped: 0,
  sendDropped: 0,
  ...over,
});

const node = (over: Partial<NodeNumbers> = {}): NodeNumbers => ({
  id: 'a',
  name: 'host',
  version: '1',
  engine: 'linux',
  state: 'ready',
  healthy: true,
  serves: true,
  at: 0,
  startedAt: 0,
  rooms: 0,
  participants: 0,
  away: 0,
  joins: 0,
  resumes: 0,
  refusals: 0,
  joinMs: null,
  requests: 0,
  clientErrors: 0,
  serverErrors: 0,
  warnings: 0,
  errors: 0,
  turn: { allocations: 0, users: 0, quotaTotal: 100, quotaPerUser: 10 },
  process: {
    cpuSeconds: 0,
    mainCpuSeconds: 0,
    rssBytes: 0,
    heapUsedBytes: 0,
    loopDelayMs: null,
  },
  workers: [{ index: 0, deaths: 0, numbers: worker() }],
  ...over,
});

const list = (...nodes: NodeNumbers[]): NodeList => ({
  self: 'a',
  nodes,
  missing: [],
  redis: 'none',
});

const CALM: Overview = {
  rooms: [],
  total: 0,
  matched: 0,
  troubles: { disconnected: 0, lossy: 0, paused: 0, reduced: 0 },
  troubledRooms: 0,
};

test('totals of two answers are rates; what was started again counts as nothing', () => {
  const series = new Series();
  const at = (seconds: number, joins: number, packetsOut: number, cpuSeconds: number): void => {
    const workers = [{ index: 0, deaths: 0, numbers: worker({ packetsOut, cpuSeconds }) }];
    series.add([node({ at: 1000 * seconds, joins, workers }), node({ id: 'b', at: 1 })]);
  };
  at(0, 10, 1000, 5);
  expect(series.points).toEqual([]);
  at(2, 14, 1600, 6);
  expect(series.last).toMatchObject({ joins: 2, packetsOut: 300, workerCpu: 0.5, at: 2000 });
  at(2, 14, 1600, 6);
  expect(series.points).toHaveLength(1);
  at(4, 0, 100, 0.1);
  expect(series.last).toMatchObject({ joins: 0, packetsOut: 0, workerCpu: 0 });
  for (let i = 3; i < 200; i++) at(2 * i, 0, 100, 1);
  expect(series.points).toHaveLength(150);
});

test('nothing is wrong with a calm server', () => {
  expect(problemsOf(list(node()), CALM, [])).toEqual([]);
});

test('what is wrong is told, the worst first, with where to look', () => {
  const troubled = node({
    state: 'draining',
    turn: { allocations: 95, users: 1, quotaTotal: 100, quotaPerUser: 10 },
    workers: [{ index: 3, deaths: 1, numbers: null }],
  });
  const room = {
    name: 'a/b <i>',
    troubles: { disconnected: 0, lossy: 2, paused: 0, reduced: 1 },
    troubled: [{ name: '', identity: 'bob', fractionLost: 0.1, reduced: 0 }],
  } as unknown as Overview['rooms'][number];
  const overview = { ...CALM, rooms: [room], troubles: room.troubles };
  const problems = problemsOf(
    { ...list(troubled), missing: [{ id: 'x', name: 'other' }], redis: 'down' },
    overview,
    [],
  );
  expect(problems.map(({ key, tone, href }) => [key, tone, href])).toEqual([
    ['redis', 'bad', undefined],
    ['missing x', 'bad', undefined],
    ['worker 3 a', 'bad', undefined],
    ['deaths 3 a', 'warn', '#log'],
    ['drain a', 'warn', undefined],
    ['quota a', 'warn', '#turn'],
    ['lossy', 'warn', '#room/a%2Fb%20%3Ci%3E'],
    ['reduced', 'plain', '#room/a%2Fb%20%3Ci%3E'],
  ]);
  expect(problems[6]?.text).toBe('2 participants with 5 % loss or more: bob in “a/b <i>”.');
});

test('a thread counts as busy when it usually is, not for one moment', () => {
  const series = new Series();
  let cpuSeconds = 0;
  const step = (i: number, busy: number): void => {
    cpuSeconds += 2 * busy;
    const workers = [{ index: 0, deaths: 0, numbers: worker({ cpuSeconds }) }];
    series.add([node({ at: 2000 * i, workers })]);
  };
  for (let i = 0; i < 20; i++) step(i, i === 12 ? 1 : 0.2);
  expect(problemsOf(list(node()), CALM, series.points)).toEqual([]);
  for (let i = 20; i < 40; i++) step(i, 0.95);
  expect(problemsOf(list(node()), CALM, series.points)).toMatchObject([
    { key: 'worker', tone: 'bad' },
  ]);
});

const sent = (over: Partial<Subscription> = {}): Subscription => ({
  mid: '0',
  track: 'TR_1',
  participant: 'PA_1',
  codec: 'VP8',
  waits: null,
  layer: 2,
  temporalLayer: 1,
  reason: 'best',
  fractionLost: 0,
  jitterMs: 0,
  nacks: 0,
  resent: 0,
  bitrateBps: 0,
  ...over,
});

test('why somebody is sent what is said in words, and what is new as it is', () => {
  expect([whyOf(sent()), layerOf(sent())]).toEqual(['the best there is', 'S2, T1']);
  expect(whyOf(sent({ reason: 'bandwidth' }))).toBe('the network carries no better');
  const paused = sent({ waits: 'bandwidth', layer: -1 });
  expect([whyOf(paused), layerOf(paused)]).toEqual([
    'paused: the network does not carry even the smallest',
    'none',
  ]);
  expect(whyOf(sent({ waits: 'something-new' }))).toBe('something-new');
  const audio = sent({ reason: null, layer: null });
  expect([whyOf({ ...audio, kind: 'audio' }), layerOf(audio)]).toEqual(['heard', '–']);
});

test('a participant in trouble is told of, the worst first; what is pointed at nothing is none', () => {
  const stats: ParticipantStats = {
    participant: { sid: 'PA_1', identity: 'a', name: 'A', state: 'active', joinedAt: 0 },
    transport: {
      state: 'connected',
      worker: 0,
      path: 'udp',
      family: 4,
      rttMs: 1,
      availableBps: 1,
      consentAgeMs: 20,
    },
    tracks: [],
    subscriptions: [
      sent({ fractionLost: 0.2 }),
      sent({ waits: 'bandwidth' }),
      sent({ waits: 'unbound', fractionLost: 1 }),
      sent({ track: null, waits: 'bandwidth' }),
    ],
    direct: 0,
  };
  expect(troubleOf(stats).map(({ tone, text }) => [tone, text])).toEqual([
    ['bad', '1 paused by its network'],
    ['warn', 'loses 20\u00a0%'],
  ]);
  expect(troubleOf({ ...stats, subscriptions: [sent()] })).toEqual([]);
});

/** A number and its unit stay together in the page. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

test('numbers have three digits that count', () => {
  expect([0, 7, 999, 1234, 99_950, 1_234_567].map(count).map(plain)).toEqual([
    '0',
    '7',
    '999',
    '1.23 k',
    '100 k',
    '1.23 M',
  ]);
  expect([bits(1_536_000), percent(0.034), percent(0.5), percent(0)].map(plain)).toEqual([
    '1.54 Mbit/s',
    '3.4 %',
    '50 %',
    '0 %',
  ]);
  expect([ms(null), ms(4.25), ms(250), ms(1500)].map(plain)).toEqual([
    '–',
    '4.3 ms',
    '250 ms',
    '1.5 s',
  ]);
  expect([59, 61, 3700, 90_000].map(duration).map(plain)).toEqual([
    '59 s',
    '1 min',
    '1 h 1 min',
    '1 d 1 h',
  ]);
});
