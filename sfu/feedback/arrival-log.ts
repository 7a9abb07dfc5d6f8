// Arrivals of one transport by their transport-wide sequence numbers, told to its sender as
// draft-holmer-rmcat-transport-wide-cc-extensions-01 has it. Called by: the media transport.
// Allocates: nothing but when made.

import type { RtcpWriter } from '../rtp/rtcp-writer.ts';
import { TransportCcWriter } from '../rtp/transport-cc-writer.ts';
import {
  SEQUENCE_LATE,
  SEQUENCE_RESTART,
  SEQUENCE_STRAY,
  SequenceUnwrapper,
} from './sequence-unwrapper.ts';

/** What one message can speak of; at 50 ms that is 40,000 packets a second. Older ones are never told. */
const WINDOW = 2048;
/** What comes so late is told with all that follows it; what comes later stays lost. */
const LATE_MAX = 256;
const TICKS_PER_MS = 4;

/**
 * Feedback waits until 20 times its own size has come, so that it takes 5 % of the bandwidth, as in libwebrtc: for
 * 50 ms at least, and for 100 ms at most, since nobody sees congestion sooner. At 100 ms it is 5.4 kbit/s.
 */
const INTERVAL_MIN_MS = 50;
const INTERVAL_MAX_MS = 100;
/** IP, UDP, SRTCP and a message of some packets; libwebrtc reckons with the same. */
const FEEDBACK_BYTES = 68;
const ENOUGH_BYTES = FEEDBACK_BYTES / 0.05;
const NEVER = Number.POSITIVE_INFINITY;

/** Of use within one call only. */
const message = new TransportCcWriter();

export class ArrivalLog {
  /** When feedback is due; Infinity while there is nothing to tell. */
  nextDeadline = NEVER;
  readonly #unwrapper = new SequenceUnwrapper();
  /** Of the last WINDOW numbers, by their low bits: whether they came, and when, in 250 us. */
  readonly #came = new Uint8Array(WINDOW);
  readonly #ticks = new Int32Array(WINDOW);
  /** The first number that the next message speaks of. */
  #next = 0;
  #firstUntoldAt = NEVER;
  #untoldBytes = 0;
  #feedbackCount = 0;

  /** A packet of so many bytes came. One that came before counts once. */
  received(sequenceNumber: number, bytes: number, now: number): void {
    const before = this.#unwrapper.highest;
    const kind = this.#unwrapper.unwrap(sequenceNumber);
    if (kind === SEQUENCE_STRAY) return;
    const { extended } = this.#unwrapper;
    const slot = sequenceNumber & (WINDOW - 1);
    if (kind === SEQUENCE_LATE) {
      if (before - extended > LATE_MAX || this.#came[slot] === 1) return;
      if (extended < this.#next) this.#next = extended;
    } else {
      this.#passTo(before, extended);
      const restarted = before < 0 || kind === SEQUENCE_RESTART;
      if (restarted) this.#next = extended;
      else if (this.#next <= extended - WINDOW) this.#next = extended - WINDOW + 1;
    }
    this.#came[slot] = 1;
    this.#ticks[slot] = Math.floor(now * TICKS_PER_MS);
    if (this.#firstUntoldAt === NEVER) this.#firstUntoldAt = now;
    this.#untoldBytes += bytes;
    const interval = this.#untoldBytes < ENOUGH_BYTES ? INTERVAL_MAX_MS : INTERVAL_MIN_MS;
    this.nextDeadline = this.#firstUntoldAt + interval;
  }

  due(now: number): boolean {
    return now >= this.nextDeadline;
  }

  /**
   * Writes messages until all is told; false where the datagram has no room for the next one, which wants another
   * datagram then. 1100 bytes are room enough for any.
   * @param mediaSsrc one of those whose packets came
   */
  write(rtcp: RtcpWriter, senderSsrc: number, mediaSsrc: number): boolean {
    const { highest } = this.#unwrapper;
    while (this.#next <= highest) {
      const end = this.#compose(this.#next, highest);
      if (!rtcp.transportCc(message, senderSsrc, mediaSsrc, this.#feedbackCount)) return false;
      this.#feedbackCount = (this.#feedbackCount + 1) & 0xff;
      this.#next = end;
    }
    this.#firstUntoldAt = NEVER;
    this.#untoldBytes = 0;
    this.nextDeadline = NEVER;
    return true;
  }

  /** Puts what came from `first` on into the message; returns what it has no place for, or is behind the last. */
  #compose(first: number, last: number): number {
    message.start(first & 0xffff);
    for (let number = first; number <= last; number++) {
      const slot = number & (WINDOW - 1);
      if (this.#came[slot] === 0) continue;
      if (!message.add(number & 0xffff, this.#ticks[slot]!)) return number;
    }
    return last + 1;
  }

  /** Takes the slots of the numbers between. */
  #passTo(before: number, extended: number): void {
    const passed = Math.min(extended - before, WINDOW);
    for (let i = 0; i < passed; i++) this.#came[(extended - i) & (WINDOW - 1)] = 0;
  }
}
