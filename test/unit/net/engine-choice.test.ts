// What people are told of an engine's capabilities.

import { expect, test } from 'vitest';
import { capabilityText } from '../../../shared/net/engine-choice.ts';

const ALL = { udpGro: true, udpSegment: true, ipRecvErr: true, ipPktInfo: true };

test.each([
  [{}, 'with UDP_GRO, UDP_SEGMENT, IP_RECVERR, IP_PKTINFO'],
  [
    { udpGro: false, ipRecvErr: false },
    'with UDP_SEGMENT, IP_PKTINFO; without UDP_GRO, IP_RECVERR',
  ],
  [
    { udpGro: false, udpSegment: false, ipRecvErr: false, ipPktInfo: false },
    'without UDP_GRO, UDP_SEGMENT, IP_RECVERR, IP_PKTINFO',
  ],
])('%j', (lacking, text) => {
  expect(capabilityText({ ...ALL, ...lacking })).toBe(text);
});
