// What is told of streams, for who operates the server. Called by: Sfu. Allocates: the report.

import { PAUSED } from '../bandwidth/allocator.ts';
import type { IncomingReport, OutgoingReport, SlotWait } from '../control.ts';
import type { ParticipantMedia } from './participant-media.ts';
import type { Slot } from './slot.ts';

export function incomingReports(participant: ParticipantMedia): IncomingReport[] {
  return participant.publications.flatMap((publication) => {
    const { section, encodings, number, selected } = publication;
    return encodings.flatMap((stream) => {
      if (stream === undefined) return [];
      const { statistics, codec, encoding } = stream;
      const rid = section.rids[encoding];
      return [
        {
          mid: section.mid,
          publication: number,
          ssrc: stream.ssrc >>> 0,
          rtxSsrc: participant.rtxSsrcOf(publication, encoding),
          rid: rid === undefined ? null : Buffer.from(rid).toString('latin1'),
          codec: codec?.name ?? '',
          selected: stream === selected,
          packets: statistics.packets,
          bytes: statistics.bytes,
          lost: Math.max(0, statistics.cumulativeLost),
          jitterMs: (statistics.jitter * 1000) / section.clockRate,
          nacks: stream.nacked,
          recovered: stream.recovered,
          keyFrameRequests: stream.keyFrameRequests,
          frames: stream.frames,
          keyFrames: stream.keyFrameCount,
          bitrateBps: stream.bitrate.bitrateBps,
        },
      ];
    });
  });
}

export function outgoingReports({ slots }: ParticipantMedia): OutgoingReport[] {
  return slots.map((slot) => {
    const { section, outgoing, statistics, publication } = slot;
    const hasRtx = section.codecs.some(({ rtxPayloadType }) => rtxPayloadType >= 0);
    return {
      mid: section.mid,
      publication: publication?.number ?? 0,
      ssrc: outgoing.ssrc,
      rtxSsrc: hasRtx ? outgoing.rtxSsrc : null,
      codec: slot.codecName,
      waits: waitOf(slot),
      layer: slot.adapts ? slot.layer : null,
      reason: slot.adapts ? slot.claim.reason : null,
      redundancy: slot.redundancy?.last ?? null,
      packets: statistics.packets,
      bytes: statistics.octets,
      lost: statistics.cumulativeLost,
      fractionLost: statistics.fractionLost,
      jitterMs: statistics.jitterMs,
      nacks: slot.nacks,
      resent: slot.resent,
      keyFrameRequests: slot.keyFrameRequests,
      bitrateBps: slot.bitrate.bitrateBps,
    };
  });
}

/** Null while it is unknown: nothing was sent that a receiver could have reported on. */
export function rttOf({ slots, path }: ParticipantMedia): number | null {
  return slots.some(({ statistics }) => !Number.isNaN(statistics.rttMs)) ? path.rttMs : null;
}

export function availableOf({ path: { estimator } }: ParticipantMedia): number | null {
  return estimator === undefined ? null : Math.round(estimator.bps);
}

function waitOf(slot: Slot): SlotWait | null {
  const { publication } = slot;
  if (slot.wanted === 0) return 'unbound';
  if (publication === undefined) return 'unpublished';
  if (!slot.path.isUp) return 'no-path';
  if (publication.muted) return 'muted';
  if (!slot.canShow) return 'codec';
  if (slot.layer === PAUSED) return 'bandwidth';
  if (publication.isQuietFor(slot)) return 'quiet';
  if (slot.isShowing) return null;
  const hasCome = publication.selected?.codec !== undefined;
  return hasCome && publication.kind === 'video' ? 'key-frame' : 'no-media';
}
