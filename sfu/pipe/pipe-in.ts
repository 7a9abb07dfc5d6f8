// What other workers of the process have sent of the rooms that they share with this one. Each record is copied out of
// the shared memory before it is looked at, and what does not fit together is dropped. Called by: Sfu.
// Allocates: nothing per packet.

import { Arena } from '../../shared/native/arena.ts';
import { copyBytes } from '../../shared/net/copy-bytes.ts';
import { DROP_UNPUBLISHED, DROP_RTP_MALFORMED } from '../router/drop-reason.ts';
import type { IncomingStream } from '../router/incoming-stream.ts';
import { ENCODINGS_MAX } from '../router/limits.ts';
import { HERE, type Publication } from '../router/publication.ts';
import type { RouterHost } from '../router/router-host.ts';
import { RTP_OK, RtpReader } from '../rtp/rtp-reader.ts';
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

/** The longest record of the rings. */
const RECORD_BYTES_MAX = 2048;

const reader = new RtpReader();

export class PipeIn {
  readonly #host: RouterHost;
  readonly #scratch = new Arena(RECORD_BYTES_MAX);

  constructor(host: RouterHost) {
    this.#host = host;
  }

  /** One record that the worker of that number wrote. */
  receive(worker: number, bytes: Uint8Array, offset: number, length: number, now: number): void {
    const { counters, publications } = this.#host;
    if (length < HEAD_BYTES || length > RECORD_BYTES_MAX) return counters.drop(DROP_RTP_MALFORMED);
    const { view } = this.#scratch;
    copyBytes(this.#scratch.bytes, 0, bytes, offset, length);
    const number =
      (view.getInt32(NUMBER_AT, true) >>> 0) + WORD * view.getInt32(NUMBER_AT + 4, true);
    const publication = publications.get(number);
    const encoding = view.getUint8(ENCODING_AT);
    // It ended here while the record was on its way.
    if (publication === undefined || encoding >= ENCODINGS_MAX) {
      return counters.drop(DROP_UNPUBLISHED);
    }
    const { home } = publication;
    const kind = view.getUint8(KIND_AT);
    if (kind === PIPED_WISH) {
      if (home === HERE) publication.wishKeyFrame(now, publication.encodings[encoding]);
    } else if (home !== worker) counters.drop(DROP_UNPUBLISHED);
    else if (kind === PIPED_RTP) this.#packet(publication, encoding, length, now);
    else if (kind === PIPED_REPORT && length >= REPORT_BYTES) {
      this.#report(publication, encoding, now);
    }
  }

  free(): void {
    this.#scratch.free();
  }

  #packet(publication: Publication, encoding: number, length: number, now: number): void {
    const { counters } = this.#host;
    const scratch = this.#scratch;
    counters.pipedIn++;
    if (reader.read(scratch.bytes, HEAD_BYTES, length - HEAD_BYTES) !== RTP_OK) {
      return counters.drop(DROP_RTP_MALFORMED);
    }
    const stream = streamOf(publication, reader.ssrc | 0, encoding, now);
    publication.receive(stream, scratch, reader, scratch.bytes[REPAIRED_AT] === 1, now);
  }

  #report(publication: Publication, encoding: number, now: number): void {
    const { view } = this.#scratch;
    const stream = streamOf(publication, view.getInt32(REPORT_SSRC_AT, true), encoding, now);
    stream.reportedMs = view.getFloat64(REPORT_MS_AT, true);
    stream.reportedTimestamp = view.getInt32(REPORT_TIMESTAMP_AT, true);
    publication.clock.difference = view.getFloat64(REPORT_CLOCK_AT, true);
  }
}

/** Whether an SSRC has the place of its encoding was decided at home. */
function streamOf(
  publication: Publication,
  ssrc: number,
  encoding: number,
  now: number,
): IncomingStream {
  if (publication.encodings[encoding]?.ssrc !== ssrc) publication.start(ssrc, encoding, now);
  return publication.encodings[encoding]!;
}
