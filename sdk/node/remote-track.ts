// A track of another participant as it arrives: RTP packets, and what of them was lost or late. Lives as long as the
// server sends it; what comes back later is another object. Made by slot.ts.

import type { TrackInfo, TrackSource } from '../../signaling/protocol.ts';
import { Emitter } from '../emitter.ts';
import { CODECS } from './codecs.ts';
import type { CodecName, Kind } from './codecs.ts';

export interface RtpPacket {
  /** A view of bytes that are the listener's to keep. */
  readonly payload: Uint8Array;
  readonly codec: CodecName;
  readonly timestamp: number;
  readonly marker: boolean;
  /** That of the slot, whatever track the server sends in it. */
  readonly ssrc: number;
  /** The sequence number, which does not wrap: what is missing between two packets was lost, or is late. */
  readonly sequence: number;
  /** It came after one that was sent later: reordered, or sent again. */
  readonly isLate: boolean;
  /** Milliseconds of performance.now(). */
  readonly arrivedAt: number;
  /** Of sound: how quiet, in -dBov (RFC 6464); 127 is silence. */
  readonly level?: number;
}

export interface RemoteTrackEvents {
  packet: RtpPacket;
  /** The server does not send it any more. */
  ended: undefined;
}

export interface ReceptionStats {
  readonly packets: number;
  /** Of payload. */
  readonly bytes: number;
  /** What never came, so far. */
  readonly lost: number;
  readonly late: number;
  readonly jitterMs: number;
}

export class RemoteTrack extends Emitter<RemoteTrackEvents> {
  readonly sid: string;
  readonly kind: Kind;
  readonly source: TrackSource;
  readonly name: string;
  readonly #askForKeyFrame: () => void;
  #ended = false;
  #first = 0;
  #highest = 0;
  #packets = 0;
  #bytes = 0;
  #late = 0;
  #jitterMs = 0;

  constructor({ sid, kind, source, name }: TrackInfo, askForKeyFrame: () => void) {
    super();
    this.sid = sid;
    this.kind = kind;
    this.source = source;
    this.name = name;
    this.#askForKeyFrame = askForKeyFrame;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get stats(): ReceptionStats {
    const expected = this.#packets === 0 ? 0 : this.#highest - this.#first + 1;
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      lost: Math.max(0, expected - this.#packets),
      late: this.#late,
      jitterMs: this.#jitterMs,
    };
  }

  /** Asks for a picture that a decoder can begin with (PLI, RFC 4585 s6.3.1). */
  requestKeyFrame(): void {
    if (!this.#ended) this.#askForKeyFrame();
  }

  /** For slot.ts. `jitter` in units of the timestamp. */
  take(packet: RtpPacket, jitter: number): void {
    // Numbers begin anew with another source.
    if (this.#packets === 0 || packet.sequence < this.#first) this.#first = packet.sequence;
    if (packet.sequence > this.#highest) this.#highest = packet.sequence;
    this.#packets += 1;
    this.#bytes += packet.payload.length;
    if (packet.isLate) this.#late += 1;
    this.#jitterMs = (1000 * jitter) / CODECS[packet.codec].clockRate;
    // Padding alone keeps numbers going.
    if (packet.payload.length > 0) this.emit('packet', packet);
  }

  /** For slot.ts. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.emit('ended', undefined);
    this.removeAllListeners();
  }
}
