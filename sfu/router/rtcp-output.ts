// What is said to a participant by RTCP: reports of what it sends and is sent (RFC 3550 s6.4), packets that are
// missing, key frames that somebody needs, arrivals for its congestion control. Called by: ParticipantMedia.
// Allocates: nothing.

import type { ArrivalLog } from '../feedback/arrival-log.ts';
import { REPORT_BLOCKS_MAX, ReportBlock, SenderInfo } from '../rtp/rtcp-reports.ts';
import { RtcpWriter } from '../rtp/rtcp-writer.ts';
import type { IncomingStream } from './incoming-stream.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import type { Publication } from './publication.ts';
import type { Slot } from './slot.ts';

/** One datagram, before SRTCP; of it transport-wide feedback wants up to 1100. */
const DATAGRAM_BYTES_MAX = 1400;
/** Numbers that fit into one NACK, however far apart. */
const LOST_MAX = 250;
/** Who reports where nothing is sent. libwebrtc has the same for who only receives. */
const REPORTER_SSRC = 1;

const writer = new RtcpWriter();
const info = new SenderInfo();
const lost = new Uint16Array(LOST_MAX);
const blocks = Array.from({ length: REPORT_BLOCKS_MAX }, () => new ReportBlock());

export class RtcpOutput {
  readonly #path: OutgoingPath;
  /** RFC 5506: feedback goes without reports in front. */
  reducedSize = false;
  #reporter = REPORTER_SSRC;
  #cname: Uint8Array = new Uint8Array(0);
  /** What every datagram begins with. */
  #headBytes = 0;

  constructor(path: OutgoingPath) {
    this.#path = path;
  }

  /** Whom reports and feedback are from: the first of the slots. */
  reportAs(slot: Slot | undefined): void {
    this.#reporter = slot?.outgoing.ssrc ?? REPORTER_SSRC;
    this.#cname = Buffer.from(slot?.outgoing.cname ?? '').subarray(0, 255);
  }

  /** Sends the feedback that is due. */
  sendFeedback(publications: readonly Publication[], arrivals: ArrivalLog, now: number): void {
    this.#begin();
    let mediaSsrc = 0;
    for (const { encodings, muted } of publications) {
      for (const stream of encodings) {
        if (stream === undefined) continue;
        mediaSsrc = stream.ssrc;
        this.#writeNack(stream, muted, now);
        this.#writeKeyFrameRequest(stream, muted, now);
      }
    }
    if (arrivals.due(now)) this.#writeArrivals(arrivals, mediaSsrc, now);
    this.#end(now);
  }

  /** Sends the regular compound: a report of each slot that sent something, and of each stream that was heard. */
  sendReports(publications: readonly Publication[], slots: readonly Slot[], now: number): void {
    const { host } = this.#path;
    let reported = 0;
    for (const { encodings } of publications) {
      for (const stream of encodings) {
        const block = blocks[reported];
        if (block !== undefined && stream?.statistics.report(block, now) === true) reported++;
      }
    }
    writer.start(host.scratch.bytes, 0, DATAGRAM_BYTES_MAX);
    this.#headBytes = 0;
    let isFirst = true;
    for (const slot of slots) {
      if (!slot.report(info, host.wallMs(), now)) continue;
      const count = isFirst ? reported : 0;
      if (!writer.senderReport(slot.outgoing.ssrc, info, blocks, count)) {
        this.#end(now);
        writer.start(host.scratch.bytes, 0, DATAGRAM_BYTES_MAX);
        writer.senderReport(slot.outgoing.ssrc, info, blocks, count);
      }
      isFirst = false;
    }
    // RFC 3550 s6.1: a report, empty if need be, and the name of who reports.
    if (isFirst) writer.receiverReport(this.#reporter, blocks, reported);
    writer.cname(this.#reporter, this.#cname);
    this.#end(now);
  }

  #writeNack(stream: IncomingStream, muted: boolean, now: number): void {
    const count = stream.nacks.due(now, this.#path.rttMs, lost);
    if (count === 0 || muted) return;
    if (writer.nack(this.#reporter, stream.ssrc, lost, count) < count) {
      // It has gone out in part at most: what is left is asked for once more.
      this.#end(now);
      this.#begin();
      writer.nack(this.#reporter, stream.ssrc, lost, count);
    }
    stream.nacked += count;
    this.#path.host.counters.nacksOut += count;
  }

  #writeKeyFrameRequest(stream: IncomingStream, muted: boolean, now: number): void {
    const { keyFrames } = stream;
    if (!keyFrames.due(now) || muted) return;
    if (!keyFrames.write(writer, this.#reporter, stream.ssrc)) {
      this.#end(now);
      this.#begin();
      keyFrames.write(writer, this.#reporter, stream.ssrc);
    }
    stream.keyFrameRequests++;
    this.#path.host.counters.keyFrameRequestsOut++;
  }

  #writeArrivals(arrivals: ArrivalLog, mediaSsrc: number, now: number): void {
    while (!arrivals.write(writer, this.#reporter, mediaSsrc)) {
      this.#end(now);
      this.#begin();
    }
  }

  #begin(): void {
    writer.start(this.#path.host.scratch.bytes, 0, DATAGRAM_BYTES_MAX);
    if (!this.reducedSize) {
      writer.receiverReport(this.#reporter, blocks, 0);
      writer.cname(this.#reporter, this.#cname);
    }
    this.#headBytes = writer.length;
  }

  /** Sends the datagram, if there is something in it. */
  #end(now: number): void {
    const { sender, host } = this.#path;
    if (writer.length > this.#headBytes) sender?.sendRtcp(host.scratch, 0, writer.length, now);
  }
}
