// The metrics of TURN over DTLS; all absent where no listener serves it.
// Called by: metric-families.ts, which has them among its own.

import { DTLS_FAILURES } from '../turn/dtls-failure.ts';
import type { DtlsStats } from '../turn/index.ts';
import type { MetricFamily } from './metric-families.ts';

export const DTLS_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_turn_dtls_sessions',
    type: 'gauge',
    help: 'DTLS sessions of TURN clients, those in their handshake not counted',
    ...ofWorkers(({ sessions }) => sessions),
  },
  {
    name: 'sterna_turn_dtls_handshaking',
    type: 'gauge',
    help: 'DTLS handshakes of TURN clients that have shown where they receive and are not done',
    ...ofWorkers(({ handshaking }) => handshaking),
  },
  {
    name: 'sterna_turn_dtls_handshakes_total',
    type: 'counter',
    help: 'DTLS handshakes of TURN clients that were done',
    ...ofWorkers(({ handshakes }) => handshakes),
  },
  {
    name: 'sterna_turn_dtls_handshake_failures_total',
    type: 'counter',
    help: 'DTLS handshakes of TURN clients that did not come to their end, by reason',
    labels: ['worker', 'reason'],
    samples: ({ media }) =>
      media.workers.flatMap(({ index, stats }) =>
        stats?.dtls === undefined
          ? []
          : DTLS_FAILURES.map((reason) => ({
              labels: { worker: String(index), reason },
              value: stats.dtls?.failures[reason] ?? 0,
            })),
      ),
  },
  {
    name: 'sterna_turn_dtls_unsent_messages_total',
    type: 'counter',
    help: 'Messages to TURN clients over DTLS that no record holds, or whose session was over',
    ...ofWorkers(({ unsent }) => unsent),
  },
];

function ofWorkers(read: (stats: DtlsStats) => number): Pick<MetricFamily, 'labels' | 'samples'> {
  return {
    labels: ['worker'],
    samples: ({ media }) =>
      media.workers.flatMap(({ index, stats }) =>
        stats?.dtls === undefined
          ? []
          : [{ labels: { worker: String(index) }, value: read(stats.dtls) }],
      ),
  };
}
