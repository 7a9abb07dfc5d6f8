// What a participant says by RTCP: reports (RFC 3550 s6.4), packets that it misses, key frames that it needs (RFC
// 4585, RFC 5104). Called by: ParticipantMedia. Allocates: nothing.

import { FullIntraRequests, isPictureLoss, LostPackets } from '../rtp/rtcp-feedback.ts';
import {
  FMT_TRANSPORT_CC,
  RTCP_PSFB,
  RTCP_RR,
  RTCP_RTPFB,
  RTCP_SR,
  RtcpReader,
} from '../rtp/rtcp-reader.ts';
import { ReportBlock, reportBlockCount, SenderInfo } from '../rtp/rtcp-reports.ts';
import { TransportCcReader } from '../rtp/transport-cc-reader.ts';
import { DROP_RTCP_MALFORMED, DROP_TOO_MUCH_FEEDBACK } from './drop-reason.ts';
import {
  ARRIVALS_PER_DATAGRAM_MAX,
  KEY_FRAMES_PER_DATAGRAM_MAX,
  NACKED_PER_DATAGRAM_MAX,
} from './limits.ts';
import type { ParticipantMedia } from './participant-media.ts';

const reader = new RtcpReader();
const info = new SenderInfo();
const block = new ReportBlock();
const lost = new LostPackets();
const requests = new FullIntraRequests();
const arrivals = new TransportCcReader();

/** What the datagram may still ask for. */
let nacked = 0;
let keyFrames = 0;
/** Messages of arrivals. */
let told = 0;

/** A datagram, which is hostile: one that is not whole is dropped, and what names nothing of ours is passed over. */
export function receiveRtcp(
  participant: ParticipantMedia,
  bytes: Uint8Array,
  offset: number,
  length: number,
  now: number,
): void {
  if (!reader.read(bytes, offset, length)) {
    participant.path.host.counters.drop(DROP_RTCP_MALFORMED);
    return;
  }
  nacked = NACKED_PER_DATAGRAM_MAX;
  keyFrames = KEY_FRAMES_PER_DATAGRAM_MAX;
  told = ARRIVALS_PER_DATAGRAM_MAX;
  while (reader.next()) {
    switch (reader.type) {
      case RTCP_SR:
        if (info.read(reader)) {
          participant.onSenderReport(reader.senderSsrc, info, now);
        }
        receiveReports(participant, now);
        break;
      case RTCP_RR:
        receiveReports(participant, now);
        break;
      case RTCP_RTPFB:
        if (reader.count === FMT_TRANSPORT_CC) receiveArrivals(participant, now);
        else receiveNack(participant, now);
        break;
      case RTCP_PSFB:
        receiveKeyFrameRequests(participant, now);
        break;
      default:
    }
    if (nacked < 0 || keyFrames < 0 || told < 0) {
      participant.path.host.counters.drop(DROP_TOO_MUCH_FEEDBACK);
      return;
    }
  }
}

function receiveReports(participant: ParticipantMedia, now: number): void {
  const count = reportBlockCount(reader);
  for (let i = 0; i < count; i++) {
    if (!block.read(reader, i)) return;
    const { statistics, redundancy } = participant.slotOf(block.ssrc) ?? {};
    if (statistics === undefined || !statistics.reported(block, now)) continue;
    redundancy?.reported(statistics.fractionLost, statistics.packets, now);
    if (statistics.rttMs >= 0) participant.path.rttMs = statistics.rttMs;
  }
}

function receiveNack(participant: ParticipantMedia, now: number): void {
  if (!lost.read(reader)) return;
  const slot = participant.slotOf(reader.mediaSsrc);
  if (slot === undefined) return;
  const { counters } = participant.path.host;
  for (let missing = lost.next(); missing >= 0; missing = lost.next()) {
    if (nacked-- === 0) return;
    counters.nacksIn++;
    slot.resend(missing, now);
  }
}

function receiveArrivals(participant: ParticipantMedia, now: number): void {
  const { estimator } = participant.path;
  if (estimator === undefined || told-- === 0 || !arrivals.read(reader)) return;
  estimator.feedback(arrivals, now);
  participant.onEstimate(now);
}

function receiveKeyFrameRequests(participant: ParticipantMedia, now: number): void {
  if (isPictureLoss(reader)) requestKeyFrame(participant, reader.mediaSsrc, now);
  else if (requests.read(reader)) {
    while (keyFrames >= 0 && requests.next()) requestKeyFrame(participant, requests.ssrc, now);
  }
}

function requestKeyFrame(participant: ParticipantMedia, ssrc: number, now: number): void {
  if (keyFrames-- > 0) participant.requestKeyFrame(ssrc, now);
}
