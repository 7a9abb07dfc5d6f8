// Which microphones of a room are heard: the k loudest, which change no more than they must. Who begins to speak is
// heard from that packet on where one of them has been silent for a while; otherwise only who is clearly louder is, at
// the next evaluation. Called by: RoomRouter. Allocates: nothing but when it is made.

import { HANGOVER_MS, type Speaker } from './speaker.ts';

/** Who is heard stays so for a while, and gives way only to who is louder by so many steps of `rank`, 3 dB each. */
const HOLD_MS = 1000;
const LOUDER_STEPS = 2;
/** Of those who do not speak one that is so much louder, and no mere noise, may be somebody with a low voice. */
const LOUDER_MURMUR_DB = 10;
const MURMUR_MIN_DB = 127 - 60;

export class AudibleSpeakers<Publication> {
  /** Of those, each `isAudible`; who came last is the first. */
  readonly audible: Speaker<Publication>[] = [];
  readonly #most: number;
  /** All of them, the loudest first; others are there too, which are not asked about. */
  readonly #loudest: readonly Speaker<Publication>[];
  readonly #microphones = new Set<Speaker<Publication>>();
  /** Somebody else decides. */
  #follows = false;

  constructor(most: number, loudest: readonly Speaker<Publication>[]) {
    this.#most = most;
    this.#loudest = loudest;
  }

  /** A microphone that sends from now on. True where those who are heard are others now. */
  add(speaker: Speaker<Publication>, now: number): boolean {
    this.#microphones.add(speaker);
    if (this.#follows || speaker.isAudible || this.audible.length >= this.#most) return false;
    this.#admit(speaker, now);
    return true;
  }

  /** One that does not send any more; idempotent. Its place goes to the loudest of the others. */
  remove(speaker: Speaker<Publication>, now: number): boolean {
    this.#microphones.delete(speaker);
    if (!speaker.isAudible) return false;
    this.#dismiss(speaker);
    if (this.#follows) return false;
    this.#admitLoudest(now);
    return true;
  }

  /** Somebody else decides from now on, and has decided so. */
  follow(speakers: readonly Speaker<Publication>[], now: number): void {
    this.#follows = true;
    for (const one of this.audible.filter((speaker) => !speakers.includes(speaker))) {
      this.#dismiss(one);
    }
    for (const one of speakers) if (!one.isAudible) this.#admit(one, now);
  }

  /** It is decided here again. */
  lead(now: number): void {
    this.#follows = false;
    while (this.audible.length < this.#most && this.#admitLoudest(now));
  }

  /** A packet of one that is not heard has speech. True where it is heard from now on. */
  speaks(speaker: Speaker<Publication>, now: number): boolean {
    if (this.#follows || !this.#canJoin(speaker)) return false;
    if (this.audible.length >= this.#most) {
      let silent: Speaker<Publication> | undefined = undefined;
      for (let i = this.audible.length - 1; i >= 0; i--) {
        const one = this.audible[i]!;
        if (isHeld(one, now)) continue;
        if (silent === undefined || one.spokenAt < silent.spokenAt) silent = one;
      }
      if (silent === undefined) return false;
      this.#dismiss(silent);
    }
    this.#admit(speaker, now);
    return true;
  }

  /** After all speakers were. True where those who are heard are others now. */
  evaluate(now: number): boolean {
    if (this.#follows) return false;
    let changed = false;
    // Nobody is replaced who came just now, so this ends.
    while (this.#replaceByLouder(now)) changed = true;
    return this.#replaceByMurmur(now) || changed;
  }

  #replaceByLouder(now: number): boolean {
    // Its rank outlasts what it says.
    const louder = this.#loudest.find((one) => one.loudness > 0 && this.#canJoin(one));
    if (louder === undefined) return false;
    let lowest: Speaker<Publication> | undefined = undefined;
    for (const one of this.audible) {
      if (now - one.audibleSince < HOLD_MS) continue;
      if (lowest === undefined || one.rank < lowest.rank) lowest = one;
    }
    if (lowest === undefined || louder.rank < lowest.rank + LOUDER_STEPS) return false;
    this.#dismiss(lowest);
    this.#admit(louder, now);
    return true;
  }

  #replaceByMurmur(now: number): boolean {
    let lowest: Speaker<Publication> | undefined = undefined;
    for (const one of this.audible) {
      if (isHeld(one, now) || now - one.audibleSince < HOLD_MS) continue;
      if (lowest === undefined || one.murmur < lowest.murmur) lowest = one;
    }
    if (lowest === undefined) return false;
    let louder: Speaker<Publication> | undefined = undefined;
    let murmur = Math.max(MURMUR_MIN_DB, lowest.murmur + LOUDER_MURMUR_DB);
    for (const one of this.#microphones) {
      if (one.isAudible || one.murmur <= murmur) continue;
      louder = one;
      murmur = one.murmur;
    }
    if (louder === undefined) return false;
    this.#dismiss(lowest);
    this.#admit(louder, now);
    return true;
  }

  #admitLoudest(now: number): boolean {
    const next = this.#loudest.find((one) => this.#canJoin(one));
    if (next !== undefined) this.#admit(next, now);
    return next !== undefined;
  }

  #canJoin(speaker: Speaker<Publication>): boolean {
    return !speaker.isAudible && this.#microphones.has(speaker);
  }

  #admit(speaker: Speaker<Publication>, now: number): void {
    speaker.isAudible = true;
    speaker.audibleSince = now;
    this.audible.unshift(speaker);
  }

  #dismiss(speaker: Speaker<Publication>): void {
    speaker.isAudible = false;
    this.audible.splice(this.audible.indexOf(speaker), 1);
  }
}

/** Whether it has spoken lately. */
function isHeld({ spokenAt }: Speaker<unknown>, now: number): boolean {
  return now - spokenAt < HANGOVER_MS;
}
