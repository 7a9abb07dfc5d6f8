// What one participant of the rooms load receives: counted by whose packet it is and in which encoding, with what is
// missing between two of them, and told back to the server where that adapts. Allocates: nothing per packet.

import { ArrivalLog } from '../../sfu/feedback/arrival-log.ts';
import { RtcpWriter } from '../../sfu/rtp/rtcp-writer.ts';
import { RTP_OK, RtpReader } from '../../sfu/rtp/rtp-reader.ts';
import type { Latencies } from '../../server/load/latencies.ts';
import type { Track } from '../sfu/peer.ts';
import { isRtcp } from '../../sdk/node/rtcp.ts';
import { Stamp } from '../sfu/stamp.ts';
import { TRANSPORT_CC_ID } from './extensions.ts';

const ROOM = 1200;
const FEEDBACK_SSRC = 0x3000_0000;
const LAYERS = 3;

/** What all count together, while it is measured. */
export interface Tally {
  isOn: boolean;
  received: number;
  /** Packets between two of one encoding that did not come, or came late. */
  lost: number;
  /** Video packets of each layer. */
  readonly layers: number[];
  /** Of nobody in the room, or one's own; of the whole run. */
  wrong: number;
  readonly latencies: Latencies;
}

const stamp = new Stamp();
const reader = new RtpReader();
const writer = new RtcpWriter();

export class Inbox {
  /** performance.now() of the first packet, and of the first of a key frame. */
  firstPacketAt = Number.NaN;
  firstKeyFrameAt = Number.NaN;
  /** Packets of whom, by number in the room and encoding: whether somebody is silent. */
  readonly counts: Uint32Array;
  readonly #tally: Tally;
  readonly #place: number;
  /** Of the room: the number of its first participant. */
  readonly #first: number;
  readonly #size: number;
  /** The last counter of each flow; -1 for none. */
  readonly #last: Int32Array;
  readonly #arrivals = new ArrivalLog();
  #track: Track | undefined;
  #lastSsrc = 0;
  #onKeyFrame = (): void => {};
  readonly keyFrame: Promise<void>;

  /** @param number of the participant, in a room of so many */
  constructor(number: number, size: number, tally: Tally) {
    this.#place = number % size;
    this.#first = number - this.#place;
    this.#size = size;
    this.#tally = tally;
    this.counts = new Uint32Array(size * (LAYERS + 1));
    this.#last = new Int32Array(size * (LAYERS + 1)).fill(-1);
    this.keyFrame = new Promise((resolve) => (this.#onKeyFrame = resolve));
  }

  take(track: Track): void {
    this.#track ??= track;
    track.onMessage((packet) => {
      if (!isRtcp(packet)) this.#note(packet);
    });
  }

  /** To be called often: writes what is due. */
  report(): void {
    const now = performance.now();
    if (!this.#arrivals.due(now) || this.#track?.isOpen() !== true) return;
    const packet = Buffer.alloc(ROOM);
    this.#arrivals.write(writer.start(packet, 0, ROOM), FEEDBACK_SSRC, this.#lastSsrc);
    this.#track.sendMessageBinary(packet.subarray(0, writer.length));
  }

  #note(packet: Buffer): void {
    const now = performance.now();
    if (reader.read(packet, 0, packet.length) !== RTP_OK) return;
    const at = reader.extension(TRANSPORT_CC_ID);
    if (at >= 0) {
      this.#lastSsrc = reader.ssrc;
      this.#arrivals.received(packet.readUInt16BE(at), packet.length, now);
    }
    // What probes the network is padding alone.
    if (reader.payloadBytes === 0) return;
    const tally = this.#tally;
    const place = stamp.read(packet) ? stamp.publisher - this.#first : -1;
    if (place < 0 || place >= this.#size || place === this.#place) {
      tally.wrong++;
      return;
    }
    if (Number.isNaN(this.firstPacketAt)) this.firstPacketAt = now;
    if (stamp.keyFrame && Number.isNaN(this.firstKeyFrameAt)) {
      this.firstKeyFrameAt = now;
      this.#onKeyFrame();
    }
    const isVideo = stamp.kind === 'video';
    const flow = place * (LAYERS + 1) + (isVideo ? 1 + stamp.layer : 0);
    // What was left and comes back, which is with a key frame, has not lost what was between.
    if (isVideo && stamp.keyFrame) this.#forget(place);
    const last = this.#last[flow]!;
    this.#last[flow] = stamp.counter;
    if (!tally.isOn) return;
    tally.received++;
    this.counts[flow]!++;
    if (isVideo) tally.layers[stamp.layer]!++;
    if (last >= 0 && stamp.counter > last + 1) tally.lost += stamp.counter - last - 1;
    tally.latencies.note(now - stamp.sentAt);
  }

  #forget(place: number): void {
    const first = place * (LAYERS + 1) + 1;
    this.#last.fill(-1, first, first + LAYERS);
  }
}
