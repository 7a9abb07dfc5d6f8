// The metrics of this server in Prometheus' text format, made anew from its statistics at every scrape.
// prom-client's own process metrics stay out: they come all or none, keep a timer that wakes an idle process 100
// times a second and an observer that cannot be taken off. metric-families.ts has what is worth a time series.
// Called by: server.ts, which hands it to the gateway.

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRIC_FAMILIES } from './metric-families.ts';
import type { MetricFamily } from './metric-families.ts';
import type { ServerStats } from './stats.ts';

export class Metrics {
  readonly #registry = new Registry();
  readonly #setters: readonly ((stats: ServerStats) => void)[];
  readonly #stats: () => Promise<ServerStats>;
  #scrape: Promise<string> | undefined;

  constructor(stats: () => Promise<ServerStats>) {
    this.#stats = stats;
    this.#setters = METRIC_FAMILIES.map((family) => setterOf(family, this.#registry));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Whoever asks during a scrape gets its answer, so that many askers cost the media worker no more than one. */
  scrape(): Promise<string> {
    this.#scrape ??= this.#collect().finally(() => (this.#scrape = undefined));
    return this.#scrape;
  }

  async #collect(): Promise<string> {
    const stats = await this.#stats();
    for (const set of this.#setters) set(stats);
    return this.#registry.metrics();
  }
}

/** Totals are kept by who counts and start over with it, as Prometheus expects; so a counter is set by reset and inc. */
function setterOf(family: MetricFamily, registry: Registry): (stats: ServerStats) => void {
  const { name, help, samples } = family;
  const labelNames = [...family.labels];
  if (family.type === 'histogram') return histogramSetter(family, registry);
  const metric =
    family.type === 'counter'
      ? new Counter({ name, help, labelNames, registers: [registry] })
      : new Gauge({ name, help, labelNames, registers: [registry] });
  return (stats) => {
    metric.reset();
    // Without labels `reset` leaves a sample of 0, which would be told of what is not known.
    if (labelNames.length === 0) metric.remove();
    for (const { labels, value } of samples(stats)) metric.inc(labels, value);
  };
}

/** Its buckets are counted where durations are taken: the registry's histogram only lends its name and its form. */
function histogramSetter(
  { name, help, labels, samples }: MetricFamily,
  registry: Registry,
): (stats: ServerStats) => void {
  const metric = new Histogram({ name, help, labelNames: [...labels], registers: [registry] });
  let values: object[] = [];
  Object.assign(metric, {
    getForPromString: () => Promise.resolve({ name, help, type: 'histogram', values }),
  });
  return (stats) => {
    values = samples(stats).map((sample) => ({
      metricName: name + (sample.suffix ?? ''),
      labels: sample.labels,
      value: sample.value,
    }));
  };
}
