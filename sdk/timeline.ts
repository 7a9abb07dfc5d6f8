// When each phase of joining was reached, in milliseconds since `join()` was called. The first time of a
// phase counts.

export type RoomPhase = 'socketOpen' | 'joinSent' | 'joined';
export type LinkPhase =
  | 'created'
  | 'offer'
  | 'answer'
  | 'iceConnected'
  | 'dtlsConnected'
  | 'firstFrame';

export type LinkTimes = Partial<Record<LinkPhase, number>>;

export interface TimelineSnapshot extends Partial<Record<RoomPhase, number>>, LinkTimes {
  /** Size of the newest offer to the server. */
  offerBytes?: number;
  /**
   * By sid, the participants who are in the room now, where each has a connection of its own (mode `p2p`). The phases
   * beside it are the first of anybody.
   */
  participants: Record<string, LinkTimes>;
}

export class Timeline {
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #overall: Partial<Record<RoomPhase | LinkPhase, number>> = {};
  readonly #participants = new Map<string, LinkTimes>();
  /** Size of the newest offer to the server. */
  offerBytes: number | undefined;

  /** `now` gives milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
  }

  mark(phase: RoomPhase | LinkPhase): void {
    this.#overall[phase] ??= this.#elapsed();
  }

  markLink(sid: string, phase: LinkPhase): void {
    const at = this.#elapsed();
    const times = this.#participants.get(sid) ?? {};
    times[phase] ??= at;
    this.#participants.set(sid, times);
    this.#overall[phase] ??= at;
  }

  /** A participant who left takes its times along, so that the table stays as small as the room. */
  forget(sid: string): void {
    this.#participants.delete(sid);
  }

  snapshot(): TimelineSnapshot {
    const participants: Record<string, LinkTimes> = {};
    for (const [sid, times] of this.#participants) participants[sid] = { ...times };
    const { offerBytes } = this;
    const size = offerBytes === undefined ? {} : { offerBytes };
    return { ...this.#overall, ...size, participants };
  }

  #elapsed(): number {
    return Math.round((this.#now() - this.#startedAt) * 10) / 10;
  }
}
