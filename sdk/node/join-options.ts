// What an application passes to join().

import type { TokenProvider } from '../join-options.ts';
import type { PublishOptions } from './local-track.ts';

export interface JoinOptions {
  /** A JWT that grants the room; instead of `tokenProvider`. */
  token?: string;
  /** Gives a token when one is needed: at the join, and when a lost session cannot be resumed. */
  tokenProvider?: TokenProvider;
  /** Published from the first offer on, which saves a round trip: `room.tracks`, in this order. */
  publish?: readonly PublishOptions[];
  attributes?: Record<string, string>;
  metadata?: string;
  /** How many tracks of others to receive at once, at most; default 8 of audio and 12 of video. */
  want?: { audio?: number; video?: number };
  /**
   * False: the server is not told how packets arrive, and does not adapt to this bot's network. For many bots in one
   * process: an event loop that is late looks like a network that is full. Default true.
   */
  adapt?: boolean;
  /** How long a lost connection is tried again, milliseconds; default 120 000. */
  reconnectForMs?: number;
  /** Aborts the join, or leaves the room later. */
  signal?: AbortSignal;
}
