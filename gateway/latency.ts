// How long the server takes to answer, by route: since its start and over the last minutes, as percentiles for people
// and as buckets for Prometheus. Routes are those of the table, so no sender can make a new one.
// Called by: the gate, the responder, the latency route, the metrics. Allocates: nothing on `record`.

import { LatencyHistogram } from './latency-histogram.ts';

const MINUTE_MS = 60_000;
const MINUTES = 5;

/** Upper bounds in seconds, from what the hot path takes to what nobody waits for. */
export const BUCKET_SECONDS: readonly number[] = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 0.5, 1, 2.5,
];

export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** Of one route and class of status: not cumulative, the last one has what is above all bounds. */
export interface Buckets {
  readonly counts: Float64Array;
  sumSeconds: number;
}

/** Milliseconds. */
export interface LatencyNumbers {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export class RouteLatency {
  readonly name: string;
  readonly #total = new LatencyHistogram();
  readonly #minutes = Array.from({ length: MINUTES }, () => new LatencyHistogram());
  readonly #classes: readonly Buckets[] = STATUS_CLASSES.map(() => ({
    counts: new Float64Array(BUCKET_SECONDS.length + 1),
    sumSeconds: 0,
  }));
  #minute = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** `now` is monotonic milliseconds. */
  record(status: number, ms: number, now: number): void {
    this.#turn(now);
    const us = Math.round(ms * 1000);
    this.#total.record(us);
    this.#minutes[this.#minute % MINUTES]!.record(us);
    const buckets = this.#classes[classOf(status)]!;
    const seconds = ms / 1000;
    let bucket = 0;
    while (bucket < BUCKET_SECONDS.length && seconds > BUCKET_SECONDS[bucket]!) bucket++;
    buckets.counts[bucket]!++;
    buckets.sumSeconds += seconds;
  }

  ofClass(status: StatusClass): Buckets {
    return this.#classes[STATUS_CLASSES.indexOf(status)]!;
  }

  sinceStart(): LatencyNumbers {
    return numbersOf(this.#total);
  }

  /** Over the last five minutes, the present one being under way. */
  lately(now: number): LatencyNumbers {
    this.#turn(now);
    const sum = new LatencyHistogram();
    for (const minute of this.#minutes) sum.add(minute);
    return numbersOf(sum);
  }

  #turn(now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute <= this.#minute) return;
    for (let gone = Math.max(this.#minute + 1, minute - MINUTES + 1); gone <= minute; gone++) {
      this.#minutes[gone % MINUTES]!.clear();
    }
    this.#minute = minute;
  }
}

/** Every route of the table, in its order. */
export class Latency {
  readonly #routes = new Map<string, RouteLatency>();

  /** The one of that name, made if there is none. */
  of(name: string): RouteLatency {
    const route = this.#routes.get(name) ?? new RouteLatency(name);
    this.#routes.set(name, route);
    return route;
  }

  all(): IterableIterator<RouteLatency> {
    return this.#routes.values();
  }
}

function classOf(status: number): number {
  return Math.min(Math.max(Math.floor(status / 100) - 2, 0), STATUS_CLASSES.length - 1);
}

function numbersOf(histogram: LatencyHistogram): LatencyNumbers {
  const at = (part: number): number => histogram.percentile(part) / 1000;
  return {
    count: histogram.count,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    max: histogram.max / 1000,
  };
}
