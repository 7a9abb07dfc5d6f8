// A subscription: one connection that receives one publisher. Counts what comes, and how long it took.

import type { Latencies } from '../../server/load/latencies.ts';
import type { Peer, Track } from './peer.ts';
import type { Publisher } from './publisher.ts';
import { isRtcp } from '../../sdk/node/rtcp.ts';
import { Reception } from './rtcp.ts';
import { type Kind, KINDS } from './shapes.ts';
import { Stamp } from './stamp.ts';

const stamp = new Stamp();

/** What all subscribers count together, of the packets that are counted. */
export interface Tally {
  received: number;
  disordered: number;
  wrong: number;
  readonly latencies: Latencies;
}

export class Subscriber {
  readonly publisher: Publisher;
  /** performance.now() of the first packet; of the first of a key frame, or of any where there is no video. */
  firstPacketAt = Number.NaN;
  firstKeyFrameAt = Number.NaN;
  /** Resolves when there has been both. */
  readonly ready: Promise<void>;
  readonly #tally: Tally;
  readonly #index: number;
  readonly #receptions: [Track, Reception][] = [];
  #onReady = (): void => {};

  constructor(index: number, publisher: Publisher, tally: Tally) {
    this.#index = index;
    this.publisher = publisher;
    this.#tally = tally;
    this.ready = new Promise((resolve) => (this.#onReady = resolve));
  }

  /** Adds the sections. To be called before the offer is made. */
  receiveBy(peer: Peer): void {
    for (const { kind } of this.publisher.flows) this.take(peer.addReceiver(kind));
  }

  /** A section that the server offered. */
  take(track: Track): void {
    const kind = KINDS.find((known) => known === track.type());
    if (kind === undefined) return;
    const reception = new Reception(0x3000_0000 + 2 * this.#index + KINDS.indexOf(kind));
    this.#receptions.push([track, reception]);
    let last = -1;
    track.onMessage((packet) => {
      if (isRtcp(packet)) reception.noteRtcp(packet);
      else {
        reception.notePacket(packet);
        last = this.#note(kind, packet, last);
      }
    });
  }

  report(): void {
    for (const [track, reception] of this.#receptions) {
      const report = reception.receiverReport();
      if (report !== undefined && track.isOpen()) track.sendMessageBinary(report);
    }
  }

  /** `last`: the counter of the packet before. Returns that of this one. */
  #note(kind: Kind, packet: Buffer, last: number): number {
    const now = performance.now();
    const flow = this.publisher.flow(kind);
    const ours = flow !== undefined && stamp.read(packet);
    if (!ours || stamp.kind !== kind || stamp.publisher !== flow.publisher) {
      this.#tally.wrong++;
      return last;
    }
    if (Number.isNaN(this.firstKeyFrameAt)) this.#noteFirst(now);
    if (!flow.isCounted(stamp.counter)) return stamp.counter;
    if (stamp.counter <= last) {
      this.#tally.disordered++;
      return last;
    }
    this.#tally.received++;
    this.#tally.latencies.note(now - stamp.sentAt);
    return stamp.counter;
  }

  #noteFirst(now: number): void {
    if (Number.isNaN(this.firstPacketAt)) this.firstPacketAt = now;
    if (this.publisher.flow('video') !== undefined && !stamp.keyFrame) return;
    this.firstKeyFrameAt = now;
    this.#onReady();
  }
}
