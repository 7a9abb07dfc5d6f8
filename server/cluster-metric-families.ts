// The metrics of a node among others; all absent without `redis.url`.
// Called by: metric-families.ts, which has them among its own.

import type { ClusterStats } from './cluster/cluster.ts';
import type { MetricFamily } from './metric-families.ts';

export const CLUSTER_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_cluster_up',
    type: 'gauge',
    help: 'Whether this node holds its lease; while it is 0, it serves no rooms',
    ...of(({ serves }) => (serves ? 1 : 0)),
  },
  {
    name: 'sterna_cluster_redis_up',
    type: 'gauge',
    help: 'Whether Redis answers this node, over both of its connections',
    ...of(({ redis }) => (redis.state === 'up' ? 1 : 0)),
  },
  {
    name: 'sterna_cluster_nodes',
    type: 'gauge',
    help: 'Nodes that hold a lease, this one included, at the last look (every ten leases)',
    ...of(({ nodes }) => nodes),
  },
  {
    name: 'sterna_cluster_rooms',
    type: 'gauge',
    help: 'Rooms that this node owns',
    ...of(({ rooms }) => rooms),
  },
  {
    name: 'sterna_cluster_passages',
    type: 'gauge',
    help: 'WebSockets at this node whose room is at another one',
    ...of(({ passages }) => passages.open),
  },
  {
    name: 'sterna_cluster_visits',
    type: 'gauge',
    help: 'Sessions of this node whose WebSocket is at another one',
    ...of(({ visits }) => visits),
  },
  {
    name: 'sterna_cluster_messages_total',
    type: 'counter',
    help: 'Messages between this node and others: sent, received, lost on the way (seen by their numbers), not delivered, malformed',
    labels: ['kind'],
    samples: ({ cluster }) =>
      cluster === undefined
        ? []
        : (['sent', 'received', 'gaps', 'undelivered', 'malformed'] as const).map((kind) => ({
            labels: { kind },
            value: cluster.links[kind],
          })),
  },
  {
    name: 'sterna_cluster_passages_lost_total',
    type: 'counter',
    help: 'WebSockets at this node that were closed because the way to the node of their room was lost',
    ...of(({ passages }) => passages.lost),
  },
  {
    name: 'sterna_cluster_lease_losses_total',
    type: 'counter',
    help: 'Times that the lease of this node ran out before it was renewed',
    ...of(({ leaseLosses }) => leaseLosses),
  },
  {
    name: 'sterna_cluster_rooms_lost_total',
    type: 'counter',
    help: 'Rooms of this node that others had taken over when its lease began again',
    ...of(({ roomsLost }) => roomsLost),
  },
  {
    name: 'sterna_cluster_takeovers_total',
    type: 'counter',
    help: 'Rooms of dead nodes that this node has taken over',
    ...of(({ takeovers }) => takeovers),
  },
  {
    name: 'sterna_cluster_rate_counts_total',
    type: 'counter',
    help: 'Counts of keys and addresses for the limits of the API that nodes tell each other, by direction: told or heard',
    labels: ['direction'],
    samples: ({ rates }) =>
      rates === undefined
        ? []
        : (['told', 'heard'] as const).map((direction) => ({
            labels: { direction },
            value: rates[direction],
          })),
  },
];

type Values = Pick<MetricFamily, 'labels' | 'samples'>;

function of(read: (cluster: ClusterStats) => number): Values {
  return {
    labels: [],
    samples: ({ cluster }) => (cluster === undefined ? [] : [{ labels: {}, value: read(cluster) }]),
  };
}
