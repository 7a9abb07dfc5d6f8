// What must hold at every moment of the soak: who should see a picture has packets of it and a key frame within some
// seconds, whatever comes and goes.

import { LOWEST_QUIET_MS } from '../../../sfu/router/limits.ts';
import type { Guest } from './guest.ts';
import type { SlotView } from './slot-view.ts';
import type { Source } from './source.ts';

/**
 * Nobody waits longer for a picture while its publisher sends. A camera whose lowest encoding rests is given up only
 * after LOWEST_QUIET_MS by those who are shown that one, by design.
 */
export const PICTURE_WITHIN_MS = 5000;
/** For ICE, DTLS and a worker that is started again. */
const MEDIA_WITHIN_MS = 30_000;
/** Between two checks: what has stood still since before is not looked at. */
const WAITED_MS_MAX = 250;
/** A time limit of some seconds may pass for that, and what follows of it may be told half a minute later. */
const STARVED_MS = 1000;
const STARVED_EXCUSE_MS = 40_000;

export class Invariants {
  readonly #guests: ReadonlySet<Guest>;
  /** Nothing that is older counts: a worker was killed, or we were not let run. */
  excusedUntil = 0;
  /** Pictures that were looked at, and the longest time that one stood, milliseconds. */
  looked = 0;
  longestMs = 0;
  readonly violations = new Set<string>();
  /** What would have been violations on a machine that had let us and the server run. */
  excused = 0;
  readonly #pending: string[] = [];
  #starvedUntil = Number.NEGATIVE_INFINITY;
  readonly #kinds = new Set<string>();

  constructor(guests: ReadonlySet<Guest>) {
    this.#guests = guests;
  }

  /** A sid's publisher and what it publishes; undefined where there is no such track. */
  find(track: string): { publisher: Guest; source: Source } | undefined {
    if (track === '') return undefined;
    for (const publisher of this.#guests) {
      const source = publisher.sources.find(({ sid }) => sid === track);
      if (source !== undefined) return { publisher, source };
    }
    return undefined;
  }

  /** @param waitedMs since the last check, by a thread of the server's or of ours that was ready to run */
  check(now: number, waitedMs: number): void {
    if (waitedMs > WAITED_MS_MAX) this.excusedUntil = Math.max(this.excusedUntil, now);
    if (waitedMs > STARVED_MS) this.#starvedUntil = now + STARVED_EXCUSE_MS;
    for (const failure of this.#pending.splice(0)) {
      if (now < this.#starvedUntil) this.excused++;
      else this.violations.add(`${new Date().toISOString()} ${failure}`);
    }
    for (const guest of this.#guests) {
      for (const complaint of guest.complaints.splice(0)) this.fail(nameOf(guest, complaint));
      const since = Math.max(guest.downSince, this.excusedUntil);
      if (now - since > MEDIA_WITHIN_MS) this.#violated(guest, 'no media for 30 s');
      if (!guest.isUp) continue;
      for (const slot of guest.slots.values()) if (slot.isVideo) this.#checkSlot(guest, slot, now);
      this.#checkBound(guest, now);
    }
  }

  #checkSlot(guest: Guest, slot: SlotView, now: number): void {
    const shown = this.find(slot.track);
    if (shown === undefined || !shown.publisher.isUp || !shown.source.isSeen) return;
    if (guest.paused.has(slot.track)) return;
    const { publisher, source } = shown;
    const begun = Math.max(
      slot.boundAt,
      guest.resumedAt,
      guest.upSince,
      publisher.upSince,
      source.since,
      source.loweredAt + LOWEST_QUIET_MS,
      this.excusedUntil,
    );
    const stoodMs = now - Math.max(begun, slot.lastPacketAt);
    this.looked++;
    this.longestMs = Math.max(this.longestMs, stoodMs);
    const live = source.encodings.map((encoding) => (encoding.live ? encoding.rid : '-'));
    const what =
      `${source.name} (${live.join('')}) of guest ${publisher.number} in ${slot.streams.mid}: ` +
      `there for ${(now - begun).toFixed(0)} ms, ${slot.keyFrames} key frames, last of layer ${slot.lastLayer}, ` +
      `${networkOf(publisher)} to ${networkOf(guest)}`;
    if (stoodMs > PICTURE_WITHIN_MS) this.#violated(guest, `no packets of ${what}`);
    if (slot.keyFrames === 0 && now - begun > PICTURE_WITHIN_MS) {
      this.#violated(guest, `no key frame of ${what}`);
    }
    if (now - Math.max(begun, slot.wantsKeySince) > PICTURE_WITHIN_MS) {
      this.#violated(guest, `no key frame on request of ${what}`);
    }
    // While it is cut off it hears of no change.
    if (!guest.isCut && now - Math.max(begun, slot.strayedSince) > PICTURE_WITHIN_MS) {
      this.#violated(guest, `packets of something else beside ${what}`);
    }
  }

  /** There are slots for everything, so all that is wanted has one. */
  #checkBound(guest: Guest, now: number): void {
    if (guest.isCut) return;
    const bound = new Set([...guest.slots.values()].map(({ track }) => track));
    for (const publisher of this.#guests) {
      if (publisher === guest || publisher.room !== guest.room || !publisher.isUp) continue;
      for (const source of publisher.sources) {
        if (!source.isSeen || bound.has(source.sid) || guest.off.has(source.sid)) continue;
        const told = Math.max(source.since, guest.upSince, guest.wishedAt, guest.resumedAt);
        const since = Math.max(told, this.excusedUntil);
        if (now - since <= PICTURE_WITHIN_MS) continue;
        this.#violated(guest, `no slot for ${source.name} of guest ${publisher.number}`);
      }
    }
  }

  /** Something was answered as it must not be, or not in time; it counts from the next check on. */
  fail(what: string): void {
    this.#pending.push(what);
  }

  /** The first time of each. */
  #violated(guest: Guest, what: string): void {
    const kind = nameOf(guest, what.split(':')[0]!);
    if (this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    this.violations.add(`${new Date().toISOString()} ${nameOf(guest, what)}`);
  }
}

function networkOf({ network: { lostOut, lateOut, lostIn } }: Guest): string {
  return `[${lostOut} ${lateOut} ${lostIn}]`;
}

function nameOf(guest: Guest, what: string): string {
  return `guest ${guest.number} in ${guest.room}: ${what}`;
}
