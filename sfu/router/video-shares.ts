// What a subscriber is shown of videos that come in several sizes or layers: now and then, and at once when the
// estimate of its network falls, each gets its share, and where more is wanted than there is, probes look for it.
// Called by: ParticipantMedia. Allocates: nothing but when something changes.

import { Timer } from '../../shared/net/timer-wheel.ts';
import { type Claim, PAUSED, shareOut } from '../bandwidth/allocator.ts';
import type { SlotLayer } from '../control.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import { bpsOf } from './publication-rates.ts';
import type { Slot } from './slot.ts';

/** Between two looks. Feedback that tells of less does not wait for the next one. */
const EVERY_MS = 200;
/** A burst goes out in steps of this, each of so many packets at most. */
const PROBE_STEP_MS = 5;
const PROBE_PACKETS_MAX = 32;
/** As many as one byte can say, the count itself included (RFC 3550 s5.1). */
const PADDING_BYTES = 255;
/** Of the estimate, what may be used: encoders do not hit their rate on the spot. */
const USED_SHARE = 0.95;
/** And while the queue is full: what is in it has to leave as well, and a key frame more. */
const USED_SHARE_FULL = 0.8;
/** An estimate that is lower by this much is not waited with. */
const FALL = 0.95;
/** What has to be found for everything to fit, with what going up wants on top. */
const ROOM = 1.3;

export class VideoShares {
  slots: readonly Slot[] = [];
  readonly #path: OutgoingPath;
  readonly #id: number;
  readonly #timer: Timer;
  /** Of slots that adapt, the one that matters most first. */
  readonly #claims: Claim[] = [];
  readonly #adapting: Slot[] = [];
  /** Whether there is such a slot, though nothing may have come for it. */
  #isActive = false;
  /** What all would take that is wanted; 0 while nothing is missing. */
  #wantedBps = 0;
  #shareAt = 0;
  /** What was shared out last. */
  #sharedBps = 0;

  /** @param id of the transport */
  constructor(path: OutgoingPath, id: number) {
    this.#path = path;
    this.#id = id;
    this.#timer = new Timer((now) => this.#onTimer(now));
  }

  /** Something is shown that was not, or otherwise: it is looked at soon. */
  touch(now: number): void {
    if (this.#path.estimator === undefined) return;
    this.#shareAt = now;
    this.#wakeAt(now);
  }

  /** Feedback has come. */
  onEstimate(now: number): void {
    const { estimator } = this.#path;
    if (estimator === undefined || this.#claims.length === 0) return;
    if (estimator.bps < this.#sharedBps * FALL) this.#share(now);
    else this.#probe(now);
    if (estimator.isFull(now))
      for (let i = 0; i < this.#adapting.length; i++) this.#adapting[i]!.hold(now);
  }

  close(): void {
    this.#path.host.timers.cancel(this.#timer);
  }

  #onTimer(now: number): void {
    const { estimator } = this.#path;
    if (estimator === undefined || !this.#path.isUp) return;
    if (now >= this.#shareAt) this.#share(now);
    else {
      this.#wakeAt(this.#shareAt);
      this.#probe(now);
    }
  }

  #share(now: number): void {
    const { estimator } = this.#path;
    if (estimator === undefined) return;
    const fixedBps = this.#gather(now);
    if (!this.#isActive) return;
    this.#shareAt = now + EVERY_MS;
    this.#wakeAt(this.#shareAt);
    this.#sharedBps = estimator.bps;
    const isFull = estimator.isFull(now);
    const share = isFull ? USED_SHARE_FULL : USED_SHARE;
    let budgetBps = estimator.bps * share - fixedBps;
    if (!estimator.isCongested(now)) budgetBps = Math.max(budgetBps, this.#shownBps());
    const wantedBps = shareOut(this.#claims, budgetBps, isFull, now);
    let isShort = false;
    let news: SlotLayer[] | undefined;
    for (let i = 0; i < this.#claims.length; i++) {
      const claim = this.#claims[i]!;
      claim.settle(now);
      if (claim.reason === 'bandwidth') isShort = true;
      const slot = this.#adapting[i]!;
      slot.show(claim.layer, claim.temporalMax, now);
      if (!claim.isNews) continue;
      const { layer, temporal, reason } = claim;
      const publication = slot.publication!.number;
      (news ??= []).push({ mid: slot.section.mid, publication, layer, temporal, reason });
    }
    if (news !== undefined) this.#path.host.emit({ type: 'sfu.layers', id: this.#id, slots: news });
    this.#wantedBps = isShort ? wantedBps * ROOM + fixedBps : 0;
    this.#probe(now);
  }

  /** What gets through without a queue fits, whatever the estimate says: encoders may send more than they did. */
  #shownBps(): number {
    let bps = 0;
    for (let i = 0; i < this.#claims.length; i++) {
      const claim = this.#claims[i]!;
      bps += claim.cost(claim.point);
    }
    return bps;
  }

  /** Finds out who has a claim; returns what all others take, whatever is shared out. */
  #gather(now: number): number {
    let fixedBps = 0;
    this.#claims.length = 0;
    this.#adapting.length = 0;
    this.#isActive = false;
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      const { publication, claim } = slot;
      if (publication === undefined) continue;
      if (slot.adapts) this.#isActive = true;
      if (publication.muted) continue;
      if (!slot.adapts) {
        if (slot.isShowing && !publication.isQuietFor(slot))
          fixedBps += bpsOf(publication.selected, now);
        continue;
      }
      slot.measure(now);
      claim.resting = publication.resting.bits;
      if (claim.lowest() !== PAUSED) this.#insert(claim, slot);
    }
    return fixedBps;
  }

  #insert(claim: Claim, slot: Slot): void {
    let at = this.#claims.length;
    for (; at > 0 && this.#claims[at - 1]!.priority < claim.priority; at--) {
      this.#claims[at] = this.#claims[at - 1]!;
      this.#adapting[at] = this.#adapting[at - 1]!;
    }
    this.#claims[at] = claim;
    this.#adapting[at] = slot;
  }

  /** Begins a burst where one is due, and goes on with it. */
  #probe(now: number): void {
    const { estimator } = this.#path;
    if (estimator === undefined) return;
    const { probes } = estimator;
    if (this.#wantedBps > 0 && !probes.isSending && estimator.hasShortQueue) {
      const slot = this.#padding();
      if (slot !== undefined) probes.plan(estimator.bps, this.#wantedBps, now);
    }
    if (!probes.isSending) return;
    const slot = this.#padding();
    let left = slot === undefined ? 0 : PROBE_PACKETS_MAX;
    while (left > 0 && probes.due(now) > 0) left = slot!.pad(PADDING_BYTES, now) > 0 ? left - 1 : 0;
    const next = now + PROBE_STEP_MS;
    this.#wakeAt(probes.isSending && next < this.#shareAt ? next : this.#shareAt);
  }

  /** Who can carry a probe: retransmissions of what is shown. */
  #padding(): Slot | undefined {
    for (let i = 0; i < this.slots.length; i++) if (this.slots[i]!.canPad) return this.slots[i];
    return undefined;
  }

  #wakeAt(at: number): void {
    this.#path.host.timers.schedule(this.#timer, at);
  }
}
