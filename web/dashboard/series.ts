// What the nodes count, as rates over the last minutes: totals of two answers make one point. A total that has fallen
// is of a worker or a server that was started again, and counts as nothing.
// Called by: main.ts with each answer; the charts and the problems read it.

import type { NodeNumbers, WorkerNumbers } from './answers.ts';

/** Five minutes of a page that asks every two seconds. */
const POINTS_MAX = 150;

/** At one moment, over all nodes that are looked at. */
export interface Point {
  /** Unix time, milliseconds. */
  readonly at: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bitsIn: number;
  readonly bitsOut: number;
  readonly relayedBits: number;
  readonly nacks: number;
  readonly resent: number;
  readonly dropped: number;
  readonly sendDropped: number;
  readonly joins: number;
  readonly refusals: number;
  readonly warnings: number;
  readonly errors: number;
  readonly serverErrors: number;
  /** Of one core: of the busiest main thread, and of the busiest worker. */
  readonly mainCpu: number;
  readonly workerCpu: number;
  /** Of the slowest node, milliseconds. */
  readonly loopP99: number;
  readonly loopMax: number;
  readonly joinP99: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
}

type Totals = Record<string, number>;

export class Series {
  readonly points: Point[] = [];
  #before = new Map<string, NodeNumbers>();

  /** Adds a point where the answer before had one of these nodes. */
  add(nodes: readonly NodeNumbers[]): void {
    const rates: Totals = {};
    const gauges = { mainCpu: 0, workerCpu: 0, loopP99: 0, loopMax: 0, joinP99: 0 };
    let isKnown = false;
    for (const node of nodes) {
      const before = this.#before.get(node.id);
      const seconds = (node.at - (before?.at ?? node.at)) / 1000;
      // An answer that others have had, too.
      if (before === undefined || seconds <= 0) continue;
      isKnown = true;
      for (const [name, total] of Object.entries(totalsOf(node, before))) {
        rates[name] = (rates[name] ?? 0) + total / seconds;
      }
      const { mainCpuSeconds, loopDelayMs } = node.process;
      const main = (mainCpuSeconds ?? 0) - (before.process.mainCpuSeconds ?? 0);
      gauges.mainCpu = Math.max(gauges.mainCpu, main / seconds);
      gauges.workerCpu = Math.max(gauges.workerCpu, workerCpuOf(node, before) / seconds);
      gauges.loopP99 = Math.max(gauges.loopP99, loopDelayMs?.p99 ?? 0);
      gauges.loopMax = Math.max(gauges.loopMax, loopDelayMs?.max ?? 0);
      gauges.joinP99 = Math.max(gauges.joinP99, node.joinMs?.p99 ?? 0);
    }
    this.#before = new Map(nodes.map((node) => [node.id, node]));
    if (!isKnown) return;
    const rate = (name: string): number => rates[name] ?? 0;
    this.points.push({
      at: Math.max(...nodes.map(({ at }) => at)),
      packetsIn: rate('packetsIn'),
      packetsOut: rate('packetsOut'),
      bitsIn: 8 * rate('bytesIn'),
      bitsOut: 8 * rate('bytesOut'),
      relayedBits: 8 * rate('relayedBytes'),
      nacks: rate('nacksIn'),
      resent: rate('resent'),
      dropped: rate('dropped') + rate('turnDropped'),
      sendDropped: rate('sendDropped'),
      joins: rate('joins'),
      refusals: rate('refusals'),
      warnings: rate('warnings'),
      errors: rate('errors'),
      serverErrors: rate('serverErrors'),
      ...gauges,
      rssBytes: sumOf(nodes, (node) => node.process.rssBytes),
      heapBytes: sumOf(nodes, (node) => node.process.heapUsedBytes),
    });
    if (this.points.length > POINTS_MAX) this.points.shift();
  }

  /** Other nodes are looked at. */
  clear(): void {
    this.points.length = 0;
    this.#before.clear();
  }

  get last(): Point | undefined {
    return this.points.at(-1);
  }
}

const NODE_TOTALS = ['joins', 'refusals', 'warnings', 'errors', 'serverErrors'] as const;
const WORKER_TOTALS = [
  'packetsIn',
  'packetsOut',
  'bytesIn',
  'bytesOut',
  'relayedBytes',
  'nacksIn',
  'resent',
  'dropped',
  'turnDropped',
  'sendDropped',
] as const satisfies readonly (keyof WorkerNumbers)[];

/** By how much each has risen. */
function totalsOf(node: NodeNumbers, before: NodeNumbers): Totals {
  const totals: Totals = {};
  for (const name of NODE_TOTALS) totals[name] = Math.max(0, node[name] - before[name]);
  for (const [now, then] of workersOf(node, before)) {
    for (const name of WORKER_TOTALS) {
      totals[name] = (totals[name] ?? 0) + Math.max(0, now[name] - then[name]);
    }
  }
  return totals;
}

/** CPU seconds of the worker that took most. */
function workerCpuOf(node: NodeNumbers, before: NodeNumbers): number {
  const taken = workersOf(node, before).map(([now, then]) =>
    now.cpuSeconds === null || then.cpuSeconds === null ? 0 : now.cpuSeconds - then.cpuSeconds,
  );
  return Math.max(0, ...taken);
}

/** Those that answered both times. */
function workersOf(node: NodeNumbers, before: NodeNumbers): [WorkerNumbers, WorkerNumbers][] {
  return node.workers.flatMap(({ index, numbers }) => {
    const then = before.workers.find((worker) => worker.index === index)?.numbers ?? null;
    return numbers === null || then === null ? [] : [[numbers, then]];
  });
}

function sumOf(nodes: readonly NodeNumbers[], read: (node: NodeNumbers) => number): number {
  return nodes.reduce((sum, node) => sum + read(node), 0);
}
