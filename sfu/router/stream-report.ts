// What is told of streams, for who operates the server. Called by: Sfu. Allocates: the report.

import type { StreamReport } from '../control.ts';
import type { ParticipantMedia } from './participant-media.ts';
import type { Publication } from './publication.ts';
import type { Slot } from './slot.ts';

export function streamReports({ publications, slots }: ParticipantMedia): StreamReport[] {
  return [...publications.flatMap(incomingReports), ...slots.map(outgoingReport)];
}

function incomingReports({ section, encodings, number }: Publication): StreamReport[] {
  return encodings.flatMap((stream) => {
    if (stream === undefined) return [];
    const { statistics, codec } = stream;
    return [
      {
        mid: section.mid,
        direction: 'in',
        ssrc: stream.ssrc >>> 0,
        publication: number,
        codec: codec?.name ?? '',
        packets: statistics.packets,
        bytes: statistics.bytes,
        lost: Math.max(0, statistics.cumulativeLost),
        jitterMs: (statistics.jitter * 1000) / section.clockRate,
        nacks: stream.nacked,
        retransmitted: stream.retransmitted,
        keyFrameRequests: stream.keyFrameRequests,
      },
    ];
  });
}

function outgoingReport(slot: Slot): StreamReport {
  const { section, outgoing, statistics, publication } = slot;
  return {
    mid: section.mid,
    direction: 'out',
    ssrc: outgoing.ssrc,
    publication: publication?.number ?? 0,
    codec: slot.codecName,
    packets: statistics.packets,
    bytes: statistics.octets,
    lost: statistics.cumulativeLost,
    jitterMs: statistics.jitterMs,
    nacks: slot.nacks,
    retransmitted: slot.resent,
    keyFrameRequests: slot.keyFrameRequests,
  };
}
