// How loud a publication is, and whether somebody speaks, by the audio levels of its packets (RFC 6464).
// Called by: publications for each packet, ActiveSpeakers. Allocates: nothing.

/** LiveKit's numbers: somebody speaks who is above -35 dBov for 40 % of 400 ms. Here the window moves by its half. */
const HALF_MS = 200;
const WINDOW_MS = 2 * HALF_MS;
const SPEECH_SHARE_MIN = 0.4;
const SPEECH_LEVEL_MAX = 35;
const SPEECH_AMPLITUDE_MIN = 10 ** (-SPEECH_LEVEL_MAX / 20);
/** For each half; LiveKit has 2/3 for each window. */
const SMOOTHING = 1 - Math.sqrt(1 / 3);
/** Packets come in bursts, but where one is later than this (discontinuous transmission) the time between was silent. */
const GAP_MAX_MS = 100;
/** Between words and to breathe nobody has stopped. */
export const HANGOVER_MS = 1000;
/** Loudness differs where it differs by so much, and is another only beyond a margin. */
const STEP_DB = 3;
const MARGIN_DB = 1.5;
/** `level` is told in so many steps, that it is not told all the time. */
const LEVEL_STEPS = 16;
const SILENCE = 127;

export class Speaker<Publication> {
  readonly publication: Publication;
  /** Amplitude from 0 to 1, as of RTCRtpContributingSource, in sixteenths. */
  level = 0;
  active = false;
  /** Whether one of these is another since the evaluation before. */
  changed = false;
  /** At this moment, in steps; 0 for silence. */
  loudness = 0;
  /** The same with the hangover: it rises at once and falls later. 0 where nobody speaks. */
  rank = 0;
  /** How loud it was lately, speech or not, in dB above silence. */
  murmur = 0;
  /** When the last packet with speech came. */
  spokenAt = Number.NEGATIVE_INFINITY;
  /** Whether it is one of those who are heard, and since when. AudibleSpeakers has both. */
  isAudible = false;
  audibleSince = Number.NEGATIVE_INFINITY;
  #amplitude = 0;
  #spokeAt = Number.NEGATIVE_INFINITY;
  #rankAt = Number.NEGATIVE_INFINITY;
  #packetAt: number;
  /** Of this half: since when, how many packets, with speech of them, the loudest, and the time they tell of. */
  #halfAt: number;
  #packets = 0;
  #speech = 0;
  #loudest = SILENCE;
  #coveredMs = 0;
  /** Of this half: the loudest packet of all, with speech or without. */
  #peak = SILENCE;
  /** Of the half before: since when, the time with speech, and the loudest. */
  #halfBeforeAt: number;
  #speechMsBefore = 0;
  #loudestBefore = SILENCE;
  /** It has set the flag once, so that where it does not there is no voice (RFC 6464 s4: not all set it). */
  #flagsVoice = false;

  constructor(publication: Publication, now: number) {
    this.publication = publication;
    this.#halfBeforeAt = now;
    this.#halfAt = now;
    this.#packetAt = now;
  }

  /**
   * A packet came. True where it has speech.
   * @param level in -dBov, 0 to 127
   * @param voice whether the flag is set
   */
  received(level: number, voice: boolean, now: number): boolean {
    this.#closeHalf(now);
    this.#flagsVoice ||= voice;
    this.#coveredMs += Math.min(GAP_MAX_MS, now - this.#packetAt);
    this.#packetAt = now;
    this.#packets++;
    if (level < this.#peak) this.#peak = level;
    if (level > SPEECH_LEVEL_MAX || voice !== this.#flagsVoice) return false;
    this.#speech++;
    this.spokenAt = now;
    if (level < this.#loudest) this.#loudest = level;
    return true;
  }

  /** Brings all that is told up to date. */
  evaluate(now: number): void {
    this.#closeHalf(now);
    const level = Math.min(1, Math.ceil(this.#amplitude * LEVEL_STEPS) / LEVEL_STEPS);
    const active = now - this.#spokeAt < HANGOVER_MS;
    this.changed = level !== this.level || active !== this.active;
    this.level = level;
    this.active = active;
    this.#rankNow(now);
  }

  #rankNow(now: number): void {
    const decibels = 20 * Math.log10(this.#amplitude / SPEECH_AMPLITUDE_MIN);
    const step = Math.max(1, 1 + Math.floor(decibels / STEP_DB));
    this.loudness = this.#amplitude > 0 ? step : 0;
    if (!this.active) {
      this.rank = 0;
      return;
    }
    const louder = this.rank === 0 || decibels >= STEP_DB * this.rank + MARGIN_DB;
    const asLoud = !louder && this.loudness >= this.rank;
    if (!louder && !asLoud && now - this.#rankAt < HANGOVER_MS) return;
    if (!asLoud) this.rank = step;
    this.#rankAt = now;
  }

  #closeHalf(now: number): void {
    if (now - this.#halfAt < HALF_MS) return;
    const speechMs = this.#packets === 0 ? 0 : (this.#coveredMs * this.#speech) / this.#packets;
    // Halves are longer where nothing comes to end them.
    const windowMs = Math.max(WINDOW_MS, now - this.#halfBeforeAt);
    const share = Math.min(1, (speechMs + this.#speechMsBefore) / windowMs);
    if (share >= SPEECH_SHARE_MIN) {
      const amplitude = share * 10 ** (-Math.min(this.#loudest, this.#loudestBefore) / 20);
      this.#amplitude += (amplitude - this.#amplitude) * SMOOTHING;
      this.#spokeAt = now;
    } else this.#amplitude = 0;
    this.murmur += (SILENCE - this.#peak - this.murmur) * SMOOTHING;
    this.#peak = SILENCE;
    this.#speechMsBefore = speechMs;
    this.#halfBeforeAt = this.#halfAt;
    this.#loudestBefore = this.#loudest;
    this.#halfAt = now;
    this.#packets = 0;
    this.#speech = 0;
    this.#loudest = SILENCE;
    this.#coveredMs = 0;
  }
}
