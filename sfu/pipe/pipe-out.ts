// The way to one other worker of the process: what is written here is there when this worker's turn ends, all at once.
// Where its ring is full, it is lost. Called by: publications, RemoteParticipant. Allocates: nothing.

import { copyBytes } from '../../shared/net/copy-bytes.ts';
import type { RecordRing } from '../../shared/net/record-ring.ts';
import type { IncomingStream } from '../router/incoming-stream.ts';
import type { RouterCounters } from '../router/counters.ts';
import type { SenderClock } from '../router/sender-clock.ts';
import type { RtpReader } from '../rtp/rtp-reader.ts';
import {
  ENCODING_AT,
  HEAD_BYTES,
  KIND_AT,
  NUMBER_AT,
  PIPED_REPORT,
  PIPED_RTP,
  PIPED_WISH,
  REPAIRED_AT,
  REPORT_BYTES,
  REPORT_CLOCK_AT,
  REPORT_MS_AT,
  REPORT_SSRC_AT,
  REPORT_TIMESTAMP_AT,
  WORD,
} from './pipe-record.ts';

export class PipeOut {
  readonly worker: number;
  readonly #ring: RecordRing;
  readonly #view: DataView;
  readonly #counters: RouterCounters;

  constructor(worker: number, ring: RecordRing, counters: RouterCounters) {
    this.worker = worker;
    this.#ring = ring;
    const { buffer, byteOffset, length } = ring.bytes;
    this.#view = new DataView(buffer, byteOffset, length);
    this.#counters = counters;
  }

  /** The packet that was read, of that stream. @param isRepaired it was unwrapped from a retransmission */
  packet(
    publication: number,
    encoding: number,
    { bytes, offset, length }: RtpReader,
    isRepaired: boolean,
  ): void {
    const at = this.#claim(PIPED_RTP, publication, encoding, HEAD_BYTES + length);
    if (at < 0) return;
    this.#ring.bytes[at + REPAIRED_AT] = isRepaired ? 1 : 0;
    copyBytes(this.#ring.bytes, at + HEAD_BYTES, bytes, offset, length);
    this.#counters.pipedOut++;
  }

  /** What the last sender report of a stream said, where there was one. */
  report(publication: number, stream: IncomingStream, clock: SenderClock): void {
    if (Number.isNaN(stream.reportedMs)) return;
    const at = this.#claim(PIPED_REPORT, publication, stream.encoding, REPORT_BYTES);
    if (at < 0) return;
    this.#view.setInt32(at + REPORT_SSRC_AT, stream.ssrc, true);
    this.#view.setInt32(at + REPORT_TIMESTAMP_AT, stream.reportedTimestamp, true);
    this.#view.setFloat64(at + REPORT_MS_AT, stream.reportedMs, true);
    this.#view.setFloat64(at + REPORT_CLOCK_AT, clock.difference, true);
  }

  /** Whoever has the publication is to ask for a key frame. */
  wish(publication: number, encoding: number): void {
    this.#claim(PIPED_WISH, publication, encoding, HEAD_BYTES);
  }

  /** Where the record begins whose head is written; -1, and counted, where it is lost. */
  #claim(kind: number, publication: number, encoding: number, length: number): number {
    const at = this.#ring.claim(length);
    if (at < 0) {
      this.#counters.pipeDropped++;
      return -1;
    }
    this.#ring.bytes[at + KIND_AT] = kind;
    this.#ring.bytes[at + ENCODING_AT] = encoding;
    this.#view.setInt32(at + NUMBER_AT, publication | 0, true);
    this.#view.setInt32(at + NUMBER_AT + 4, Math.floor(publication / WORD), true);
    return at;
  }
}
