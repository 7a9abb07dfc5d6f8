// What an application passes to join().

/** Asked for every new session; `signal` aborts when the answer is no longer wanted. */
export type TokenProvider = (request: { signal: AbortSignal }) => Promise<string>;

export interface VideoOptions {
  codec?: 'vp8' | 'h264' | 'vp9' | 'av1';
  /** Of cameras, with VP9 and AV1. */
  scalabilityMode?: string;
}

export interface JoinOptions {
  /** A JWT that grants the room; instead of `tokenProvider`. */
  token?: string;
  /** Gives a token when one is needed: at the join, and when a lost session cannot be resumed. */
  tokenProvider?: TokenProvider;
  /** Published from the first offer on, which saves a round of negotiation. The tracks stay the caller's. */
  publish?: MediaStream | MediaStreamTrack;
  attributes?: Record<string, string>;
  metadata?: string;
  /** Media goes through the TURN server only (`iceTransportPolicy: 'relay'`). */
  relayOnly?: boolean;
  /**
   * In a room of mode `auto`: media may go directly to the other one while we are two, who then sees our addresses and
   * we theirs; default true. Never with `relayOnly`.
   */
  peerToPeer?: boolean;
  /**
   * In a room of mode `sfu`: how many tracks of others to receive at once, at most; default 8 of audio and 12 of video.
   * Where there are more, the server sends those who speak.
   */
  want?: { audio?: number; video?: number };
  /**
   * In a room of mode `sfu`: cameras are sent in several sizes, so that everybody gets the one that his network
   * carries; default true. It costs about a third more CPU and upload.
   */
  simulcast?: boolean;
  /**
   * In a room of mode `sfu`: the codec that cameras and screens are sent with, where the server and all others have it;
   * default VP8. VP9 and AV1 have their sizes inside of one stream instead of several, which takes less upload:
   * `scalabilityMode` says which (default `L3T3_KEY`), as of W3C's Scalable Video Coding extension.
   */
  video?: VideoOptions;
  /** How long a lost connection is tried again, milliseconds; default 120 000. */
  reconnectForMs?: number;
  /** Aborts the join, or leaves the room later. */
  signal?: AbortSignal;
}
