// What each track carries, in kilobits a second: the bytes between two looks at the room's statistics.

import type { LinkStats, TrackStats } from '../sdk/index.ts';

export interface TrackRate {
  readonly track: TrackStats;
  readonly kbps: number;
}

/** By the sid of the participant that the statistics stand with. */
export type RatesBySid = ReadonlyMap<string, readonly TrackRate[]>;

export class TrackRates {
  /** Bytes of a track at the last look, by what tells it apart. */
  #before = new Map<string, number>();
  #lookedAt = 0;

  /** `now` in milliseconds. */
  look(stats: ReadonlyMap<string, LinkStats>, now: number): RatesBySid {
    const elapsedMs = Math.max(1, now - this.#lookedAt);
    const seen = new Map<string, number>();
    const rates = new Map<string, TrackRate[]>();
    for (const [sid, { tracks }] of stats) {
      const ofOne = tracks.map((track, at) => {
        const key = `${sid} ${track.direction} ${track.sid} ${at}`;
        seen.set(key, track.bytes);
        const before = this.#before.get(key);
        // Bits in a millisecond are kilobits in a second. A slot that carries another track counts anew.
        const rate = before === undefined ? 0 : (Math.max(0, track.bytes - before) * 8) / elapsedMs;
        return { track, kbps: Math.round(rate) };
      });
      rates.set(sid, ofOne);
    }
    this.#before = seen;
    this.#lookedAt = now;
    return rates;
  }
}

/** `640×360 24 fps`; empty for sound and before the first frame. */
export function pictureText({ kind, width, height, framesPerSecond }: TrackStats): string {
  const isPicture = kind === 'video' && width > 0;
  return isPicture ? `${width}×${height} ${Math.round(framesPerSecond)} fps` : '';
}
