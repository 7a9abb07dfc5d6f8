// Who speaks in a room, who is loudest, and who has the floor. Called by: rooms.
// Allocates: when a speaker is added.

import { Speaker } from './speaker.ts';

/** Who speaks up while another has the floor gets it by being louder for so long. */
const TAKEOVER_MS = 1000;
const NEVER = Number.POSITIVE_INFINITY;

export class ActiveSpeakers<Publication> {
  /** When to evaluate; Infinity while there is no speaker. */
  nextDeadline = NEVER;
  /** Who speaks, or did last; undefined before anybody has, and once they are gone. */
  dominant: Speaker<Publication> | undefined;
  /**
   * All of them, the loudest first. Those who are equally loud, or silent, stay as they were, so that the first k
   * of them change no more than they must.
   */
  readonly loudest: readonly Speaker<Publication>[];
  readonly #intervalMs: number;
  readonly #loudest: Speaker<Publication>[] = [];
  /** As of the last evaluation. */
  #dominantBefore: Speaker<Publication> | undefined;
  /** Somebody else is louder than the dominant one. */
  #louderSince = NEVER;

  /** @param intervalMs between two evaluations */
  constructor(intervalMs = 300) {
    this.#intervalMs = intervalMs;
    this.loudest = this.#loudest;
  }

  /** Packets go to the speaker that is returned. */
  add(publication: Publication, now: number): Speaker<Publication> {
    const speaker = new Speaker(publication, now);
    if (this.#loudest.push(speaker) === 1) this.nextDeadline = now + this.#intervalMs;
    return speaker;
  }

  remove(speaker: Speaker<Publication>): void {
    const at = this.#loudest.indexOf(speaker);
    if (at < 0) return;
    this.#loudest.splice(at, 1);
    if (this.#loudest.length === 0) this.nextDeadline = NEVER;
    if (this.dominant === speaker) this.dominant = undefined;
  }

  /** True where something changed: speakers that say so, or the dominant one. */
  evaluate(now: number): boolean {
    let changed = false;
    for (let i = 0; i < this.#loudest.length; i++) {
      const speaker = this.#loudest[i]!;
      speaker.evaluate(now);
      changed ||= speaker.changed;
    }
    this.#sort();
    this.#chooseDominant(now);
    if (this.nextDeadline !== NEVER) this.nextDeadline = now + this.#intervalMs;
    if (this.dominant === this.#dominantBefore) return changed;
    this.#dominantBefore = this.dominant;
    return true;
  }

  /** By insertion: stable, and quick where little changed. */
  #sort(): void {
    const loudest = this.#loudest;
    for (let i = 1; i < loudest.length; i++) {
      const speaker = loudest[i]!;
      let at = i;
      while (at > 0 && loudest[at - 1]!.rank < speaker.rank) {
        loudest[at] = loudest[at - 1]!;
        at--;
      }
      loudest[at] = speaker;
    }
  }

  #chooseDominant(now: number): void {
    const first = this.#loudest[0];
    const { dominant } = this;
    if (dominant === undefined || !dominant.active) {
      if (first?.active === true) this.dominant = first;
      this.#louderSince = NEVER;
    } else if (first === undefined || first === dominant || first.loudness <= dominant.rank) {
      this.#louderSince = NEVER;
    } else if (this.#louderSince === NEVER) {
      this.#louderSince = now;
    } else if (now - this.#louderSince >= TAKEOVER_MS) {
      this.dominant = first;
      this.#louderSince = NEVER;
    }
  }
}
