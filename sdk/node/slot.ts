// A section that receives: packets of whatever track the server points it at, always of one SSRC. Retransmissions are
// unwrapped (RFC 4588), what is missing is asked for again (RFC 4585 s6.2.1). Owned by peer.ts.

import type { Track as Section } from 'node-datachannel';
import { NackGenerator } from '../../sfu/feedback/nack-generator.ts';
import { ReceiveStatistics } from '../../sfu/feedback/receive-statistics.ts';
import {
  SEQUENCE_LATE,
  SEQUENCE_STRAY,
  SequenceUnwrapper,
} from '../../sfu/feedback/sequence-unwrapper.ts';
import { codecOf, isKeyFrameStart } from '../../sfu/rtp/key-frame.ts';
import type { ReportBlock } from '../../sfu/rtp/rtcp-reports.ts';
import { RTP_OK, RtpReader } from '../../sfu/rtp/rtp-reader.ts';
import { unwrapRtx } from '../../sfu/rtp/rtx.ts';
import type { TrackInfo } from '../../signaling/protocol.ts';
import {
  AUDIO_LEVEL_ID,
  codecOfPayloadType,
  CODECS,
  originalPayloadType,
  TRANSPORT_CC_ID,
} from './codecs.ts';
import type { CodecName, Kind } from './codecs.ts';
import { NACKS_MAX, WINDOW_PACKETS } from './limits.ts';
import { sendBy } from './send-by.ts';
import { RemoteTrack } from './remote-track.ts';
import type { Reports } from './reports.ts';
import { datagram, eachSenderReport, isRtcp } from './rtcp.ts';

const reader = new RtpReader();
const lost = new Uint16Array(NACKS_MAX);
const RTT_UNKNOWN = 0;
const LEVEL_MASK = 0x7f;

export class Slot {
  readonly #kind: Kind;
  readonly #section: Section;
  readonly #reports: Reports;
  #ssrc = 0;
  #unwrapper = new SequenceUnwrapper();
  #nacks = new NackGenerator(WINDOW_PACKETS);
  #statistics: ReceiveStatistics | undefined;
  /** The extended number that came last, by its low bits. */
  readonly #came = new Float64Array(WINDOW_PACKETS).fill(-1);
  #shown: RemoteTrack | null = null;

  constructor(kind: Kind, section: Section, reports: Reports) {
    this.#kind = kind;
    this.#section = section;
    this.#reports = reports;
    section.onMessage((packet) => {
      if (isRtcp(packet)) this.#takeRtcp(packet);
      else this.#takeRtp(packet);
    });
  }

  /** The server points it at that track. */
  show(info: TrackInfo): RemoteTrack {
    this.#shown = new RemoteTrack(info, () => this.#askForKeyFrame());
    return this.#shown;
  }

  hide(): RemoteTrack | null {
    const shown = this.#shown;
    this.#shown = null;
    shown?.end();
    return shown;
  }

  isOpen(): boolean {
    return this.#section.isOpen();
  }

  sendRtcp(packet: Buffer): void {
    sendBy(this.#section, packet);
  }

  report(block: ReportBlock, now: number): boolean {
    return this.#statistics?.report(block, now) ?? false;
  }

  askAgain(now: number): void {
    if (now < this.#nacks.nextDeadline || !this.isOpen()) return;
    const count = this.#nacks.due(now, RTT_UNKNOWN, lost);
    if (count === 0) return;
    this.sendRtcp(datagram((to) => to.nack(this.#reports.ssrc, this.#ssrc, lost, count)));
  }

  close(): void {
    this.hide();
  }

  #takeRtcp(packet: Buffer): void {
    eachSenderReport(packet, (info) => this.#statistics?.senderReport(info, performance.now()));
  }

  #takeRtp(packet: Buffer): void {
    const now = performance.now();
    if (reader.read(packet, 0, packet.length) !== RTP_OK) return;
    const number = reader.extensionU16(TRANSPORT_CC_ID);
    if (number >= 0) this.#reports.arrived(number, packet.length, reader.ssrc, now);
    const original = originalPayloadType(reader.payloadType);
    if (original === undefined) this.#takeSource(reader.ssrc, reader.payloadType);
    // What finds out how much the network carries is padding alone.
    else if (!this.#unwrap(packet, original)) return;
    const codec = codecOfPayloadType(reader.payloadType);
    if (codec === undefined) return;
    const kind = this.#unwrapper.unwrap(reader.sequenceNumber);
    if (kind === SEQUENCE_STRAY) return;
    const { extended } = this.#unwrapper;
    if (original === undefined) {
      this.#statistics?.received(extended, reader.timestamp, packet.length, now);
    }
    const place = extended % WINDOW_PACKETS;
    const isOld = kind === SEQUENCE_LATE && this.#unwrapper.highest - extended >= WINDOW_PACKETS;
    if (isOld || this.#came[place] === extended) return;
    this.#came[place] = extended;
    if (this.#kind === 'video') this.#takeVideo(codec, extended, now);
    this.#deliver(codec, extended, kind === SEQUENCE_LATE, now);
  }

  #takeSource(ssrc: number, payloadType: number): void {
    if (ssrc === this.#ssrc) return;
    const codec = codecOfPayloadType(payloadType);
    if (codec === undefined) return;
    this.#ssrc = ssrc;
    this.#unwrapper = new SequenceUnwrapper();
    this.#nacks = new NackGenerator(WINDOW_PACKETS);
    this.#statistics = new ReceiveStatistics(ssrc, CODECS[codec].clockRate);
    this.#came.fill(-1);
  }

  #unwrap(packet: Buffer, payloadType: number): boolean {
    if (this.#ssrc === 0) return false;
    const at = unwrapRtx(reader, this.#ssrc, payloadType);
    return at >= 0 && reader.read(packet, at, packet.length - at) === RTP_OK;
  }

  #takeVideo(codec: CodecName, extended: number, now: number): void {
    const { bytes, payloadOffset, payloadBytes } = reader;
    const begins = isKeyFrameStart(codecOf(codec), bytes, payloadOffset, payloadBytes);
    if (begins) this.#nacks.keyFrameStarted(extended);
    if (this.#nacks.received(extended, now)) this.#askForKeyFrame();
    this.askAgain(now);
  }

  #deliver(codec: CodecName, extended: number, isLate: boolean, now: number): void {
    const { bytes, payloadOffset, payloadBytes, timestamp, marker, ssrc } = reader;
    const level = reader.extensionU8(AUDIO_LEVEL_ID);
    this.#shown?.take(
      {
        payload: bytes.subarray(payloadOffset, payloadOffset + payloadBytes),
        codec,
        timestamp,
        marker,
        ssrc,
        sequence: extended,
        isLate,
        arrivedAt: now,
        ...(level < 0 ? {} : { level: level & LEVEL_MASK }),
      },
      this.#statistics?.jitter ?? 0,
    );
  }

  #askForKeyFrame(): void {
    if (this.#kind !== 'video' || this.#ssrc === 0) return;
    this.sendRtcp(datagram((to) => to.pictureLoss(this.#reports.ssrc, this.#ssrc)));
  }
}
