// What is wrong with a meeting, out of readings that lie a second apart. Pure: diagnosis-readings.ts collects them.

import { connectionPathOf } from './connection-path.ts';
import { finding, inOrder } from './findings.ts';
import type { Finding, FindingCode, FindingDetail } from './findings.ts';
import {
  CLOCK_WRONG_MS,
  LOSS_BAD,
  LOSS_NOTED,
  ROUND_TRIP_BAD_MS,
  ROUND_TRIP_NOTED_MS,
  UPLOAD_NARROW_BPS,
} from './limits.ts';
import type { LinkStats } from './link-stats.ts';
import type { Quality } from './publication.ts';
import type { RoomState } from './room-events.ts';
import { entriesOf, entryAt, numberIn, textIn } from './stats-entry.ts';
import type { StatsEntries, StatsEntry } from './stats-entry.ts';

/** A track of ours. */
export interface SentReading {
  readonly source: string;
  readonly kind: 'audio' | 'video';
  /** Of the MediaStreamTrack. */
  readonly id: string;
  readonly enabled: boolean;
  readonly ended: boolean;
  readonly silenced: boolean;
}

/** A picture of somebody else. */
export interface PictureReading {
  readonly participant: string;
  readonly track: string;
  readonly source: string;
  readonly muted: boolean;
  /** It has a slot. */
  readonly arrives: boolean;
  readonly quality: Quality | null;
}

export interface DeviceReading {
  readonly source: 'microphone' | 'camera';
  readonly permission: string | null;
  /** Null: the browser does not tell. */
  readonly present: boolean | null;
}

export interface DiagnosisReadings {
  readonly secure: boolean;
  readonly state: RoomState;
  /** The server's clock minus ours. */
  readonly clockOffsetMs: number;
  readonly canPublish: boolean;
  readonly canSubscribe: boolean;
  /** By sid; that of `self` where the server forwards. */
  readonly links: ReadonlyMap<string, RTCPeerConnectionState | 'none'>;
  readonly before: ReadonlyMap<string, LinkStats>;
  readonly after: ReadonlyMap<string, LinkStats>;
  readonly sent: readonly SentReading[];
  readonly pictures: readonly PictureReading[];
  readonly devices: readonly DeviceReading[];
  /** Elements with media of the room that do not play. */
  readonly stopped: number;
}

type Note = (code: FindingCode, detail?: FindingDetail) => void;

export function diagnose(readings: DiagnosisReadings): Finding[] {
  const findings: Finding[] = [];
  const note: Note = (code, detail) => findings.push(finding(code, detail));
  const { state, clockOffsetMs, stopped } = readings;
  if (!readings.secure) note('PAGE_INSECURE');
  if (state === 'closed') note('ROOM_CLOSED');
  if (state === 'reconnecting') note('SIGNALING_LOST');
  if (stopped > 0) note('PLAYBACK_STOPPED', { value: stopped });
  if (Math.abs(clockOffsetMs) > CLOCK_WRONG_MS) note('CLOCK_WRONG', { value: clockOffsetMs });
  if (!readings.canPublish) note('MAY_NOT_PUBLISH');
  if (!readings.canSubscribe) note('MAY_NOT_SUBSCRIBE');
  for (const [participant, reason] of readings.links) {
    if (reason !== 'connected' && reason !== 'none') {
      note('MEDIA_NOT_CONNECTED', { participant, reason });
    }
  }
  lookAtDevices(readings, note);
  lookAtPictures(readings, note);
  for (const [before, after] of reportsOf(readings)) {
    lookAtPath(after, note);
    lookAtLosses(before, after, note);
    lookAtEncoders(after, note);
    lookAtSources(readings.sent, before, after, note);
  }
  return inOrder(findings);
}

/** Where the server forwards it is the same one for everybody. */
function reportsOf({ before, after }: DiagnosisReadings): [StatsEntries, StatsEntries][] {
  const seen = new Map<StatsEntries, StatsEntries>();
  for (const [sid, { report }] of after) {
    const earlier = before.get(sid)?.report;
    if (earlier) seen.set(report, earlier);
  }
  return [...seen].map(([later, earlier]) => [earlier, later]);
}

function lookAtDevices({ devices, sent, canPublish }: DiagnosisReadings, note: Note): void {
  for (const { source, permission, present } of canPublish ? devices : []) {
    if (permission === 'denied') note('DEVICE_DENIED', { source });
    else if (present === false) note('DEVICE_MISSING', { source });
  }
  for (const { source, ended, silenced } of sent) {
    if (ended) note('DEVICE_ENDED', { source });
    else if (silenced) note('DEVICE_SILENCED', { source });
  }
}

function lookAtPictures({ pictures, before, after }: DiagnosisReadings, note: Note): void {
  for (const { participant, track, source, muted, arrives, quality } of pictures) {
    if (muted) continue;
    if (quality?.paused) {
      const { reason } = quality;
      const severity = reason === 'bandwidth' ? 'warning' : 'info';
      note('PICTURE_PAUSED', { participant, source, reason, severity });
      continue;
    }
    const of = (stats: ReadonlyMap<string, LinkStats>) =>
      stats.get(participant)?.tracks.find(({ sid }) => sid === track);
    const [earlier, later] = [of(before), of(after)];
    // Nothing has to change on a screen.
    if (!arrives || !earlier || !later || source !== 'camera') continue;
    if (later.packets === earlier.packets) note('PICTURE_NOT_RECEIVED', { participant, source });
    else if (later.frames === earlier.frames) note('PICTURE_NOT_DECODED', { participant, source });
  }
}

function lookAtPath(report: StatsEntries, note: Note): void {
  const path = connectionPathOf(report);
  if (!path) return;
  const { type, protocol, relayProtocol = 'udp', rttMs } = path;
  if (type === 'relay') note('MEDIA_OVER_RELAY');
  if (protocol === 'tcp' || relayProtocol !== 'udp') note('MEDIA_OVER_TCP');
  if (rttMs === null || rttMs < ROUND_TRIP_NOTED_MS) return;
  const severity = rttMs < ROUND_TRIP_BAD_MS ? 'warning' : 'error';
  note('ROUND_TRIP_LONG', { value: rttMs, severity });
}

function noteLoss(code: 'LOSS_UP' | 'LOSS_DOWN', share: number, note: Note): void {
  if (share < LOSS_NOTED) return;
  note(code, { value: share, severity: share < LOSS_BAD ? 'warning' : 'error' });
}

function sumOf(report: StatsEntries, type: string, field: string): number {
  return entriesOf(report, type).reduce((sum, entry) => sum + numberIn(entry, field), 0);
}

function lookAtLosses(before: StatsEntries, after: StatsEntries, note: Note): void {
  const grown = (type: string, field: string): number =>
    Math.max(0, sumOf(after, type, field) - sumOf(before, type, field));
  const lost = grown('inbound-rtp', 'packetsLost');
  noteLoss('LOSS_DOWN', lost / Math.max(1, lost + grown('inbound-rtp', 'packetsReceived')), note);
  // As the newest reports of the other side have it, which need not be of this second.
  const shares = entriesOf(after, 'remote-inbound-rtp').map((entry) =>
    numberIn(entry, 'fractionLost'),
  );
  noteLoss('LOSS_UP', Math.max(0, ...shares), note);
}

function lookAtEncoders(report: StatsEntries, note: Note): void {
  const videos = entriesOf(report, 'outbound-rtp').filter(
    (entry) => entry['kind'] === 'video' && entry['active'] !== false,
  );
  const limits = new Set(videos.map((entry) => textIn(entry, 'qualityLimitationReason')));
  if (limits.has('cpu')) note('ENCODER_CPU');
  if (limits.has('bandwidth')) note('ENCODER_BANDWIDTH');
  const [transport] = entriesOf(report, 'transport');
  const pair = entryAt(report, transport, 'selectedCandidatePairId') ?? {};
  const value = numberIn(pair, 'availableOutgoingBitrate');
  if (limits.has('bandwidth') && value > 0 && value < UPLOAD_NARROW_BPS) {
    note('UPLOAD_NARROW', { value });
  }
}

function sourceOf(report: StatsEntries, id: string): StatsEntry | undefined {
  return entriesOf(report, 'media-source').find((entry) => textIn(entry, 'trackIdentifier') === id);
}

/** What devices give, whether or not it is sent. */
function lookAtSources(
  sent: readonly SentReading[],
  before: StatsEntries,
  after: StatsEntries,
  note: Note,
): void {
  for (const { id, kind, source, enabled, ended, silenced } of sent) {
    const [earlier, later] = [sourceOf(before, id), sourceOf(after, id)];
    if (!enabled || ended || silenced || !earlier || !later) continue;
    const stands = (field: string): boolean =>
      typeof later[field] === 'number' && later[field] === earlier[field];
    if (kind === 'audio' && stands('totalAudioEnergy') && !stands('totalSamplesDuration')) {
      note('MICROPHONE_SILENT', { source });
    }
    if (kind === 'video' && source === 'camera' && stands('frames')) {
      note('CAMERA_WITHOUT_PICTURES', { source });
    }
  }
}
