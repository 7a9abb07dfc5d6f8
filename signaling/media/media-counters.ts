// What has happened to media on the signaling side, counted before anything is logged.
// Called by: everything in this folder, the handlers.

export interface MediaCounters {
  /** Offers that were read, in `join` and in `offer`. */
  offers: number;
  answers: number;
  /** `bind` messages, and slots that were pointed elsewhere by them or by an answer. */
  binds: number;
  slotsPointed: number;
  needs: number;
  /** Participants whose transport was closed by the media worker, or with it. */
  lost: number;
  /** Tracks that were muted or unmuted. */
  mutes: number;
  subscribes: number;
  moderations: number;
}

export function newMediaCounters(): MediaCounters {
  return {
    offers: 0,
    answers: 0,
    binds: 0,
    slotsPointed: 0,
    needs: 0,
    lost: 0,
    mutes: 0,
    subscribes: 0,
    moderations: 0,
  };
}
