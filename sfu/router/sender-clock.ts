// The clock of a participant as its sender reports tell it (RFC 3550 s6.4.1), so that what it publishes is played
// in step elsewhere: all its streams are told on one clock. Called by: rtcp-input, Slot. Allocates: nothing but when
// it is made.

import type { SenderInfo } from '../rtp/rtcp-reports.ts';

const WORD = 2 ** 32;
/** A report that was longer on its way than the quickest moves the clock by so much of the difference. */
const SMOOTHING = 1 / 64;
/** A clock that is off by more was set. */
const STEP_MS = 1000;

export function ntpMs({ ntpSeconds, ntpFraction }: SenderInfo): number {
  return 1000 * (ntpSeconds + ntpFraction / WORD);
}

export class SenderClock {
  /** Our time less theirs, with the time that the quickest report took. NaN before the first. */
  difference = Number.NaN;

  reported(info: SenderInfo, now: number): void {
    const difference = now - ntpMs(info);
    const slower = difference - this.difference;
    if (slower >= 0 && slower < STEP_MS) this.difference += slower * SMOOTHING;
    else this.difference = difference;
  }

  /** What their clock says at a time of ours; NaN where that is not known. */
  at(now: number): number {
    return now - this.difference;
  }
}
