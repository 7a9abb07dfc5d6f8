// A summary of one RTCPeerConnection's getStats for people and tests; the whole report comes with it.

import { connectionPathOf } from './connection-path.ts';
import type { ConnectionPath } from './connection-path.ts';
import { entriesOf, numberIn } from './stats-entry.ts';
import type { StatsEntries } from './stats-entry.ts';

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

export interface LinkStats {
  path: ConnectionPath | null;
  received: Record<'audio' | 'video', ReceivedMedia>;
  sent: Record<'audio' | 'video', SentMedia>;
  report: StatsEntries;
}

function receivedOf(report: StatsEntries, kind: 'audio' | 'video'): ReceivedMedia {
  const sum: ReceivedMedia = {
    packets: 0,
    packetsLost: 0,
    bytes: 0,
    framesDecoded: 0,
    frameWidth: 0,
    frameHeight: 0,
  };
  for (const entry of entriesOf(report, 'inbound-rtp')) {
    if (entry['kind'] !== kind) continue;
    sum.packets += numberIn(entry, 'packetsReceived');
    sum.packetsLost += numberIn(entry, 'packetsLost');
    sum.bytes += numberIn(entry, 'bytesReceived');
    sum.framesDecoded += numberIn(entry, 'framesDecoded');
    sum.frameWidth = Math.max(sum.frameWidth, numberIn(entry, 'frameWidth'));
    sum.frameHeight = Math.max(sum.frameHeight, numberIn(entry, 'frameHeight'));
  }
  return sum;
}

function sentOf(report: StatsEntries, kind: 'audio' | 'video'): SentMedia {
  const sum: SentMedia = { packets: 0, bytes: 0, framesEncoded: 0 };
  for (const entry of entriesOf(report, 'outbound-rtp')) {
    if (entry['kind'] !== kind) continue;
    sum.packets += numberIn(entry, 'packetsSent');
    sum.bytes += numberIn(entry, 'bytesSent');
    sum.framesEncoded += numberIn(entry, 'framesEncoded');
  }
  return sum;
}

export function linkStatsOf(report: StatsEntries): LinkStats {
  return {
    path: connectionPathOf(report),
    received: { audio: receivedOf(report, 'audio'), video: receivedOf(report, 'video') },
    sent: { audio: sentOf(report, 'audio'), video: sentOf(report, 'video') },
    report,
  };
}
