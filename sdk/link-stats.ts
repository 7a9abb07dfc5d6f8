// A summary of one RTCPeerConnection's getStats for people and tests, in all and by track; the whole report comes
// with it.

import type { TrackSource } from '../signaling/protocol.ts';
import { connectionPathOf } from './connection-path.ts';
import type { ConnectionPath } from './connection-path.ts';
import { entriesOf, entryAt, numberIn, textIn } from './stats-entry.ts';
import type { StatsEntries, StatsEntry } from './stats-entry.ts';

export interface ReceivedMedia {
  packets: number;
  packetsLost: number;
  bytes: number;
  /** Video only. */
  framesDecoded: number;
  frameWidth: number;
  frameHeight: number;
}

export interface SentMedia {
  packets: number;
  bytes: number;
  /** Video only. */
  framesEncoded: number;
}

export interface TrackStats {
  /** Sid of the publication; empty when it has none. */
  sid: string;
  source: TrackSource;
  kind: 'audio' | 'video';
  direction: 'sent' | 'received';
  /** With simulcast, the encoding that the numbers are of: one entry each. Else empty. */
  rid: string;
  /** `VP8`, `opus` and so on; empty before the first packet. */
  codec: string;
  packets: number;
  /** Of what is sent: as the receiver reports it. */
  packetsLost: number;
  bytes: number;
  jitterMs: number;
  /** Video only: decoded or encoded, and how large the newest one is. */
  frames: number;
  framesPerSecond: number;
  width: number;
  height: number;
}

export interface LinkStats {
  path: ConnectionPath | null;
  received: Record<'audio' | 'video', ReceivedMedia>;
  sent: Record<'audio' | 'video', SentMedia>;
  tracks: TrackStats[];
  report: StatsEntries;
}

/** A track to look for, by what reports call it: browsers differ in which of the two they have. */
export interface TrackToFind {
  readonly sid: string;
  readonly source: TrackSource;
  readonly direction: 'sent' | 'received';
  /** Of its section. */
  readonly mid: string | null;
  /** The MediaStreamTrack's. */
  readonly id: string;
}

function isOf(report: StatsEntries, entry: StatsEntry, track: TrackToFind): boolean {
  if (track.mid !== null && textIn(entry, 'mid') === track.mid) return true;
  const named = track.direction === 'sent' ? entryAt(report, entry, 'mediaSourceId') : entry;
  return named !== undefined && textIn(named, 'trackIdentifier') === track.id;
}

function trackStatsOf(report: StatsEntries, track: TrackToFind): TrackStats[] {
  const sent = track.direction === 'sent';
  const entries = entriesOf(report, sent ? 'outbound-rtp' : 'inbound-rtp');
  return entries
    .filter((entry) => isOf(report, entry, track))
    .map((entry) => {
      const remote = sent ? (entryAt(report, entry, 'remoteId') ?? {}) : entry;
      const codec = entryAt(report, entry, 'codecId') ?? {};
      return {
        sid: track.sid,
        source: track.source,
        kind: entry['kind'] === 'audio' ? 'audio' : 'video',
        direction: track.direction,
        rid: textIn(entry, 'rid'),
        codec: textIn(codec, 'mimeType').replace(/^.*\//, ''),
        packets: numberIn(entry, sent ? 'packetsSent' : 'packetsReceived'),
        packetsLost: numberIn(remote, 'packetsLost'),
        bytes: numberIn(entry, sent ? 'bytesSent' : 'bytesReceived'),
        jitterMs: Math.round(numberIn(remote, 'jitter') * 10_000) / 10,
        frames: numberIn(entry, sent ? 'framesEncoded' : 'framesDecoded'),
        framesPerSecond: numberIn(entry, 'framesPerSecond'),
        width: numberIn(entry, 'frameWidth'),
        height: numberIn(entry, 'frameHeight'),
      };
    });
}

function receivedOf(tracks: readonly TrackStats[]): ReceivedMedia {
  const sum = { packets: 0, packetsLost: 0, bytes: 0, framesDecoded: 0 };
  let [frameWidth, frameHeight] = [0, 0];
  for (const track of tracks) {
    sum.packets += track.packets;
    sum.packetsLost += track.packetsLost;
    sum.bytes += track.bytes;
    sum.framesDecoded += track.frames;
    frameWidth = Math.max(frameWidth, track.width);
    frameHeight = Math.max(frameHeight, track.height);
  }
  return { ...sum, frameWidth, frameHeight };
}

function sentOf(tracks: readonly TrackStats[]): SentMedia {
  const sum: SentMedia = { packets: 0, bytes: 0, framesEncoded: 0 };
  for (const track of tracks) {
    sum.packets += track.packets;
    sum.bytes += track.bytes;
    sum.framesEncoded += track.frames;
  }
  return sum;
}

/** What the report has of these tracks. */
export function linkStatsOf(report: StatsEntries, wanted: readonly TrackToFind[]): LinkStats {
  const tracks = wanted.flatMap((track) => trackStatsOf(report, track));
  const of = (direction: TrackStats['direction'], kind: string): TrackStats[] =>
    tracks.filter((track) => track.direction === direction && track.kind === kind);
  return {
    path: connectionPathOf(report),
    received: {
      audio: receivedOf(of('received', 'audio')),
      video: receivedOf(of('received', 'video')),
    },
    sent: { audio: sentOf(of('sent', 'audio')), video: sentOf(of('sent', 'video')) },
    tracks,
    report,
  };
}
