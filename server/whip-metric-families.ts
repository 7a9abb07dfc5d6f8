// The metrics of the WHIP and WHEP endpoints; all absent without an SFU.
// Called by: metric-families.ts, which has them among its own.

import type { SignalingStats } from '../signaling/index.ts';
import type { MetricFamily } from './metric-families.ts';

type Whip = NonNullable<SignalingStats['whip']>;

export const WHIP_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_whip_sessions',
    type: 'gauge',
    help: 'Open sessions of publishers over WHIP and of players over WHEP',
    ...ofEach('protocol', ({ sessions }) => sessions),
  },
  {
    name: 'sterna_whip_sessions_opened_total',
    type: 'counter',
    help: 'Offers over WHIP and WHEP that were answered',
    ...ofEach('protocol', ({ opened }) => opened),
  },
  {
    name: 'sterna_whip_ice_restarts_total',
    type: 'counter',
    help: 'ICE restarts over WHIP and WHEP',
    labels: [],
    samples: ({ signaling: { whip } }) =>
      whip === undefined ? [] : [{ labels: {}, value: whip.iceRestarts }],
  },
  {
    name: 'sterna_whip_refusals_total',
    type: 'counter',
    help: 'Requests over WHIP and WHEP that were refused, by HTTP status',
    ...ofEach('status', ({ refusals }) => refusals),
  },
];

function ofEach(
  label: string,
  read: (whip: Whip) => Readonly<Record<string, number>>,
): Pick<MetricFamily, 'labels' | 'samples'> {
  return {
    labels: [label],
    samples: ({ signaling: { whip } }) =>
      Object.entries(whip === undefined ? {} : read(whip)).map(([value, count]) => ({
        labels: { [label]: value },
        value: count,
      })),
  };
}
