// The metrics of the HTTP API: how long answers take, by route of the table and class of status, as buckets.
// Called by: metric-families.ts. A route and class that has not been answered yet has no series.

import { BUCKET_SECONDS, STATUS_CLASSES } from '../gateway/latency.ts';
import type { Buckets, Latency } from '../gateway/latency.ts';
import type { MetricFamily, Sample } from './metric-families.ts';

export const HTTP_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_http_request_duration_seconds',
    type: 'histogram',
    help: 'Time from the header of a request to its answer, by route and class of status',
    labels: ['route', 'status'],
    samples: ({ http }) => (http === undefined ? [] : samplesOf(http)),
  },
];

function samplesOf(latency: Latency): Sample[] {
  return [...latency.all()].flatMap((route) =>
    STATUS_CLASSES.flatMap((status) =>
      ofBuckets(route.ofClass(status), { route: route.name, status }),
    ),
  );
}

/** Cumulative, as the text format wants them. */
function ofBuckets({ counts, sumSeconds }: Buckets, labels: Record<string, string>): Sample[] {
  let count = 0;
  const buckets = BUCKET_SECONDS.map((bound, at): Sample => {
    count += counts[at]!;
    return { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: count };
  });
  count += counts[BUCKET_SECONDS.length]!;
  if (count === 0) return [];
  return [
    ...buckets,
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_sum', labels, value: sumSeconds },
    { suffix: '_count', labels, value: count },
  ];
}
