// The way to one subscriber: its transport, the numbers that all packets on it share, and what may be sent again.
// Called by: slots, RoomRouter, ParticipantMedia. Allocates: nothing per packet.

import type { Arena } from '../../shared/native/arena.ts';
import { SendSideEstimator } from '../bandwidth/send-side-estimator.ts';
import { RtcpSchedule } from '../feedback/rtcp-schedule.ts';
import { RtpWriter } from '../rtp/rtp-writer.ts';
import { RESENT_BYTES_AT_ONCE, RESENT_MS_AT_ONCE, RESENT_SHARE } from './limits.ts';
import type { MediaPacket } from './media-packet.ts';
import { Pacer } from './pacer.ts';
import type { PacketSender, RouterHost } from './router-host.ts';
import type { Slot } from './slot.ts';

/** Before anybody has measured it. */
const RTT_UNKNOWN_MS = 100;

export class OutgoingPath {
  readonly host: RouterHost;
  readonly writer = new RtpWriter();
  /** Undefined until there is a transport, and after its end. */
  sender: PacketSender | undefined = undefined;
  /** Whether the transport is connected. */
  isUp = false;
  /** Whether it has yet to be so for the first time. */
  isNew = true;
  /** Of the next packet (draft-holmer-rmcat-transport-wide-cc-extensions-01 s2). */
  transportSequence = 0;
  rttMs = RTT_UNKNOWN_MS;
  /** What the network to the subscriber carries; undefined where nobody tells of what arrives. */
  estimator: SendSideEstimator | undefined = undefined;
  /** What slots have to forward goes through it while it is needed. */
  readonly pacer = new Pacer(this);
  /** In all. */
  sentBytes = 0;
  readonly reports: RtcpSchedule;
  /** Sends reports that may go along with media; there are some from `reports.earliest` on. */
  reportAlong: (now: number) => void = () => undefined;
  /** What its slots show has changed. */
  touch: (now: number) => void = () => undefined;
  /** Slots whose publications have packets for the end of this turn. */
  pendingCount = 0;
  readonly pendingSlots: (Slot | undefined)[] = [];
  #resendBytes = RESENT_BYTES_AT_ONCE;

  constructor(host: RouterHost) {
    this.host = host;
    this.reports = new RtcpSchedule(() => host.random());
  }

  /** Whether the subscriber will tell of what arrives, by transport-wide numbers. */
  describe(tells: boolean): void {
    if (!tells) this.estimator = undefined;
    else this.estimator ??= new SendSideEstimator();
  }

  /**
   * Sends what the writer says, with the payload of `packet`. Returns the bytes; 0 where none were sent.
   * @param isNumbered whether the transport-wide number is in it
   */
  send(
    { arena, payloadOffset, payloadBytes }: MediaPacket,
    isNumbered: boolean,
    now: number,
  ): number {
    return arena === undefined
      ? 0
      : this.#send(arena, payloadOffset, payloadBytes, isNumbered, now);
  }

  /** Sends so many bytes of padding alone (RFC 3550 s5.1), with the header that the writer has. */
  pad(paddingBytes: number, isNumbered: boolean, now: number): number {
    const { scratch } = this.host;
    scratch.bytes.fill(0, 0, paddingBytes);
    scratch.bytes[paddingBytes - 1] = paddingBytes;
    this.writer.padding = true;
    const bytes = this.#send(scratch, 0, paddingBytes, isNumbered, now);
    this.writer.padding = false;
    return bytes;
  }

  #send(
    arena: Arena,
    payloadOffset: number,
    payloadBytes: number,
    isNumbered: boolean,
    now: number,
  ): number {
    if (this.sender === undefined) return 0;
    const bytes = this.sender.sendRtp(this.writer, arena, payloadOffset, payloadBytes, now);
    if (bytes === 0) return 0;
    if (isNumbered) {
      this.estimator?.sent(this.transportSequence, bytes, now);
      this.transportSequence = (this.transportSequence + 1) & 0xffff;
    }
    const { counters } = this.host;
    counters.packetsOut++;
    counters.bytesOut += bytes;
    this.sentBytes += bytes;
    return bytes;
  }

  /** So many bytes were sent for the first time. */
  allow(bytes: number): void {
    const credit = this.#resendBytes + bytes * RESENT_SHARE;
    this.#resendBytes = credit < RESENT_BYTES_AT_ONCE ? credit : RESENT_BYTES_AT_ONCE;
  }

  /** Whether so many bytes may be sent again, which they are then. */
  spend(bytes: number): boolean {
    const { estimator } = this;
    if (estimator !== undefined) {
      // A queue is not emptied by sending again what was lost because of it.
      const most = (estimator.bps * RESENT_MS_AT_ONCE) / 8000;
      if (this.#resendBytes > most) this.#resendBytes = most;
    }
    if (bytes > this.#resendBytes) return false;
    this.#resendBytes -= bytes;
    return true;
  }
}
