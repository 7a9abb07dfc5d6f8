// What a connection tells the server of what it receives and sends: transport-wide feedback as packets come, NACKs, and
// reports each second (RFC 3550 s6, RFC 4585). Owned by peer.ts.

import { ArrivalLog } from '../../sfu/feedback/arrival-log.ts';
import { ReportBlock } from '../../sfu/rtp/rtcp-reports.ts';
import { TICK_MS, TICKS_PER_REPORT } from './limits.ts';
import type { LocalTrack } from './local-track.ts';
import { datagram, receiverReport, senderReport } from './rtcp.ts';
import { randomSsrc } from './ssrc.ts';
import type { Slot } from './slot.ts';

/** As many as a report holds (RFC 3550 s6.4.1), and fit into its datagram. */
const BLOCKS_MAX = 31;

export class Reports {
  /** Who reports. */
  readonly ssrc = randomSsrc();
  readonly #arrivals = new ArrivalLog();
  readonly #slots: Slot[] = [];
  readonly #senders = new Set<LocalTrack>();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  readonly #blocks = Array.from({ length: BLOCKS_MAX }, () => new ReportBlock());
  #mediaSsrc = 0;
  #ticks = 0;

  addSlot(slot: Slot): void {
    this.#slots.push(slot);
  }

  addSender(track: LocalTrack): void {
    this.#senders.add(track);
  }

  removeSender(track: LocalTrack): void {
    this.#senders.delete(track);
  }

  /** A packet came, by its transport-wide number. */
  arrived(number: number, bytes: number, ssrc: number, now: number): void {
    this.#mediaSsrc = ssrc;
    this.#arrivals.received(number, bytes, now);
    if (this.#arrivals.due(now)) this.#tellArrivals();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    if (this.#arrivals.due(now)) this.#tellArrivals();
    for (const slot of this.#slots) slot.askAgain(now);
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_REPORT !== 0) return;
    for (const track of this.#senders) if (track.packets > 0) track.sendRtcp(senderReport(track));
    this.#tellReception(now);
  }

  #tellArrivals(): void {
    const by = this.#slots.find((slot) => slot.isOpen());
    by?.sendRtcp(datagram((to) => this.#arrivals.write(to, this.ssrc, this.#mediaSsrc)));
  }

  #tellReception(now: number): void {
    let count = 0;
    for (const slot of this.#slots) {
      if (slot.report(this.#blocks[count]!, now)) count += 1;
      if (count < BLOCKS_MAX) continue;
      slot.sendRtcp(receiverReport(this.ssrc, this.#blocks));
      count = 0;
    }
    if (count === 0) return;
    const by = this.#slots.find((slot) => slot.isOpen());
    by?.sendRtcp(receiverReport(this.ssrc, this.#blocks.slice(0, count)));
  }
}
