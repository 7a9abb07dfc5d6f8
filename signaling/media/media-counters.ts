// What has happened to media on the signaling side, counted before anything is logged.
// Called by: everything in this folder, the handlers.

export class MediaCounters {
  /** Offers that were read, in `join` and in `offer`. */
  offers = 0;
  answers = 0;
  /** `bind` messages, and slots that were pointed elsewhere by them or by an answer. */
  binds = 0;
  slotsPointed = 0;
  needs = 0;
  /** Participants whose transport was closed by the media worker, or with it. */
  lost = 0;
  mutes = 0;
  subscribes = 0;
  moderations = 0;
}
