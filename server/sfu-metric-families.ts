// The metrics of the SFU: transports, what is forwarded and what is not, by media worker. A part of metric-families.ts.

import { ROUTER_DROP_REASONS } from '../sfu/router/drop-reason.ts';
import { ICE_DROP_REASONS } from '../sfu/ice/drop-reason.ts';
import { MEDIA_DROP_REASONS } from '../sfu/transport/drop-reason.ts';
import type { SfuWorkerStats } from './media/messages.ts';
import type { MetricFamily, Sample } from './metric-families.ts';
import type { ServerStats } from './stats.ts';

const DIRECTIONS = ['in', 'out'] as const;

/** One sample for each worker that answers and forwards, and for each value of the label. */
function ofSfu<Value extends string>(
  label: string,
  values: readonly Value[],
  read: (stats: SfuWorkerStats, value: Value) => number,
): Pick<MetricFamily, 'labels' | 'samples'> {
  return {
    labels: ['worker', label],
    samples: ({ media }: ServerStats): Sample[] =>
      media.workers.flatMap(({ index, stats }) => {
        const sfu = stats?.sfu;
        if (sfu === undefined) return [];
        const worker = String(index);
        return values.map((value) => ({
          labels: { worker, [label]: value },
          value: read(sfu, value),
        }));
      }),
  };
}

function plain(read: (stats: SfuWorkerStats) => number): Pick<MetricFamily, 'labels' | 'samples'> {
  return {
    labels: ['worker'],
    samples: ({ media }) =>
      media.workers.flatMap(({ index, stats }) => {
        const sfu = stats?.sfu;
        return sfu === undefined ? [] : [{ labels: { worker: String(index) }, value: read(sfu) }];
      }),
  };
}

const TRANSPORT_STATES = ['new', 'connecting', 'connected', 'disconnected'] as const;

export const SFU_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_sfu_rooms',
    type: 'gauge',
    help: 'Rooms with media transports; one that spans workers counts in each',
    ...plain(({ router }) => router.rooms),
  },
  {
    name: 'sterna_sfu_transports',
    type: 'gauge',
    help: 'Media transports of participants, by state',
    ...ofSfu('state', TRANSPORT_STATES, ({ router }, state) => router.transports[state]),
  },
  {
    name: 'sterna_sfu_publications',
    type: 'gauge',
    help: 'Tracks that participants publish',
    ...plain(({ router }) => router.publications),
  },
  {
    name: 'sterna_sfu_slots',
    type: 'gauge',
    help: 'Streams that participants can be sent, whether they show a track or not',
    ...plain(({ router }) => router.slots),
  },
  {
    name: 'sterna_sfu_packets_total',
    type: 'counter',
    help: 'RTP packets, by direction: in from publishers, out to subscribers with retransmissions',
    ...ofSfu('direction', DIRECTIONS, ({ router }, direction) =>
      direction === 'in' ? router.packetsIn : router.packetsOut,
    ),
  },
  {
    name: 'sterna_sfu_bytes_total',
    type: 'counter',
    help: 'Bytes of these packets',
    ...ofSfu('direction', DIRECTIONS, ({ router }, direction) =>
      direction === 'in' ? router.bytesIn : router.bytesOut,
    ),
  },
  {
    name: 'sterna_sfu_nacks_total',
    type: 'counter',
    help: 'Packets asked for again, by direction: in by subscribers, out of publishers',
    ...ofSfu('direction', DIRECTIONS, ({ router }, direction) =>
      direction === 'in' ? router.nacksIn : router.nacksOut,
    ),
  },
  {
    name: 'sterna_sfu_retransmitted_packets_total',
    type: 'counter',
    help: 'Packets that were sent again to subscribers',
    ...plain(({ router }) => router.retransmissions),
  },
  {
    name: 'sterna_sfu_key_frame_requests_total',
    type: 'counter',
    help: 'PLI and FIR, by direction: in by subscribers, out of publishers',
    ...ofSfu('direction', DIRECTIONS, ({ router }, direction) =>
      direction === 'in' ? router.keyFrameRequestsIn : router.keyFrameRequestsOut,
    ),
  },
  {
    name: 'sterna_sfu_quiet_packets_total',
    type: 'counter',
    help: 'Packets of microphones that nobody was sent but who had pinned them, since others are louder',
    ...plain(({ router }) => router.quietPackets),
  },
  {
    name: 'sterna_sfu_redundant_packets_total',
    type: 'counter',
    help: 'Packets of audio that went with earlier payloads (RED) to subscribers who lose packets',
    ...plain(({ router }) => router.redundantPackets),
  },
  {
    name: 'sterna_sfu_payload_bytes',
    type: 'gauge',
    help: 'Memory of packets that may be sent again',
    ...plain(({ router }) => router.payloadBytes),
  },
  {
    name: 'sterna_sfu_pipes',
    type: 'gauge',
    help: 'Tracks that are piped to another media worker, in rooms that span workers, once for each of these',
    ...plain(({ router }) => router.pipes),
  },
  {
    name: 'sterna_sfu_piped_packets_total',
    type: 'counter',
    help: 'RTP packets between media workers, by direction: in from others, out to them',
    ...ofSfu('direction', DIRECTIONS, ({ router }, direction) =>
      direction === 'in' ? router.pipedPacketsIn : router.pipedPacketsOut,
    ),
  },
  {
    name: 'sterna_sfu_pipe_dropped_packets_total',
    type: 'counter',
    help: 'Packets to other media workers that were lost because these were too slow to take them',
    ...plain(({ router }) => router.pipeDropped),
  },
  {
    name: 'sterna_sfu_dropped_packets_total',
    type: 'counter',
    help: 'RTP and RTCP packets that were not taken, or not forwarded to a subscriber, by reason',
    ...ofSfu('reason', ROUTER_DROP_REASONS, ({ router }, reason) => router.drops[reason] ?? 0),
  },
  {
    name: 'sterna_sfu_dropped_datagrams_total',
    type: 'counter',
    help: 'Datagrams at the media ports that are of nobody, or not authentic, or impaired, by reason',
    ...ofSfu('reason', MEDIA_DROP_REASONS, ({ server }, reason) => server.drops[reason] ?? 0),
  },
  {
    name: 'sterna_ice_checks_total',
    type: 'counter',
    help: 'Authentic connectivity checks, by outcome: answered, or refused with an error',
    ...ofSfu('outcome', ['answered', 'refused'], ({ server }, outcome) => server.ice[outcome]),
  },
  {
    name: 'sterna_ice_dropped_checks_total',
    type: 'counter',
    help: 'STUN at the media ports that got no answer, by reason',
    ...ofSfu('reason', ICE_DROP_REASONS, ({ server }, reason) => server.ice.drops[reason] ?? 0),
  },
  {
    name: 'sterna_sfu_streams',
    type: 'gauge',
    help: 'TCP connections of participants',
    ...plain(({ server }) => server.streams),
  },
  {
    name: 'sterna_sfu_impaired_bytes',
    type: 'gauge',
    help: 'Packets that are held back for participants whose network is made bad on purpose',
    ...plain(({ server }) => server.impairedBytes),
  },
];
