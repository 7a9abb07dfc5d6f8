// The metrics of the TURN server: allocations, what is relayed and what is dropped, by media worker. A part of
// metric-families.ts.

import { CLIENT_TRANSPORTS } from '../turn/index.ts';
import { DROP_REASONS } from '../turn/drop-reason.ts';
import type { TransportTraffic } from '../turn/traffic.ts';
import type { WorkerStats } from './media/messages.ts';
import type { MetricFamily, Sample } from './metric-families.ts';
import type { ServerStats } from './stats.ts';

type Values = Pick<MetricFamily, 'labels' | 'samples'>;

/** What each worker that answers says, with its number as the first label. */
function ofWorkers(
  labels: readonly string[],
  read: (turn: WorkerStats['turn']) => readonly Sample[],
): Values {
  return {
    labels: ['worker', ...labels],
    samples: ({ media }: ServerStats): Sample[] =>
      media.workers.flatMap(({ index, stats }) =>
        stats === undefined
          ? []
          : read(stats.turn).map((sample) => ({
              labels: { worker: String(index), ...sample.labels },
              value: sample.value,
            })),
      ),
  };
}

function plain(read: (turn: WorkerStats['turn']) => number): Values {
  return ofWorkers([], (turn) => [{ labels: {}, value: read(turn) }]);
}

/** Every transport that there can be, also those that nobody listens on. */
function ofTransports(read: (traffic: TransportTraffic) => number): Values {
  return ofWorkers(['transport'], ({ traffic }) =>
    CLIENT_TRANSPORTS.map((transport) => ({
      labels: { transport },
      value: read(traffic[transport]),
    })),
  );
}

function ofDirections(toPeers: keyof TransportTraffic, toClients: keyof TransportTraffic): Values {
  const directions = [
    ['to-peer', toPeers],
    ['to-client', toClients],
  ] as const;
  return ofWorkers(['transport', 'direction'], ({ traffic }) =>
    CLIENT_TRANSPORTS.flatMap((transport) =>
      directions.map(([direction, count]) => ({
        labels: { transport, direction },
        value: traffic[transport][count],
      })),
    ),
  );
}

const LOOKUP_RESULTS = ['found', 'unknown', 'failed', 'refused'] as const;

export const TURN_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_turn_allocations',
    type: 'gauge',
    help: 'TURN allocations, by the transport between client and server',
    ...ofTransports(({ allocations }) => allocations),
  },
  {
    name: 'sterna_turn_reservations',
    type: 'gauge',
    help: 'Relay ports reserved by EVEN-PORT and not taken yet',
    ...plain(({ reservations }) => reservations),
  },
  {
    name: 'sterna_turn_streams',
    type: 'gauge',
    help: 'Connections of TURN clients over TCP and TLS that a media worker serves',
    ...plain((turn) => turn.streams),
  },
  {
    name: 'sterna_turn_streams_refused_total',
    type: 'counter',
    help: 'TCP and TLS connections closed for want of room, or because they came to no allocation in time',
    labels: [],
    samples: ({ media }) => [{ labels: {}, value: media.streamsRefused }],
  },
  {
    name: 'sterna_turn_users',
    type: 'gauge',
    help: 'Users who have a TURN allocation or reservation',
    labels: [],
    samples: ({ media }) => [{ labels: {}, value: media.users }],
  },
  {
    name: 'sterna_turn_user_lookups_total',
    type: 'counter',
    help: 'Users who were looked up in turn.userSources, by what came of it',
    labels: ['result'],
    samples: ({ media: { userLookups } }) =>
      userLookups === undefined
        ? []
        : LOOKUP_RESULTS.map((result) => ({ labels: { result }, value: userLookups[result] })),
  },
  {
    name: 'sterna_turn_relayed_packets_total',
    type: 'counter',
    help: 'Packets relayed, by the transport between client and server and by direction',
    ...ofDirections('sentPackets', 'receivedPackets'),
  },
  {
    name: 'sterna_turn_relayed_bytes_total',
    type: 'counter',
    help: 'Payload of these packets, and what TCP allocations (RFC 6062) carry',
    ...ofDirections('sentBytes', 'receivedBytes'),
  },
  {
    name: 'sterna_turn_short_circuited_datagrams_total',
    type: 'counter',
    help: 'Datagrams handed between a relay and another one, or the SFU, of this server without a socket',
    ...plain(({ shortCircuited }) => shortCircuited),
  },
  {
    name: 'sterna_turn_dropped_datagrams_total',
    type: 'counter',
    help: 'Datagrams that got no answer and were not relayed, by reason',
    ...ofWorkers(['reason'], ({ drops }) =>
      DROP_REASONS.map((reason) => ({ labels: { reason }, value: drops[reason] ?? 0 })),
    ),
  },
];
