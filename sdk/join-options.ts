// What an application passes to join().

import type { E2eeOptions } from './encryption.ts';

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
  /**
   * Media is encrypted from end to end: the server passes it on and cannot read it, nor its keys. All who are to see
   * and hear each other have to ask for it. Rejects with UNSUPPORTED where the browser or the codec (H.264, AV1) has no
   * way to do it.
   */
  e2ee?: E2eeOptions;
  /** How long a lost connection is tried again, milliseconds; default 120 000. */
  reconnectForMs?: number;
  /**
   * Where media goes through the server, join() resolves when it is connected, and after so many milliseconds without
   * (default 10 000); 0: as soon as the server has let us in. `room.ready` tells in any case.
   */
  mediaTimeoutMs?: number;
  /**
   * When the page is loaded again, in the same tab, this participant goes on instead of leaving and coming: the others
   * see it `away` for a moment. Not in a room of mode `p2p`. `true`: for a token of the same room and identity. A name
   * of the application's: whoever joins by it, and a token is asked for only where nothing is left to go on with.
   */
  resume?: boolean | string;
  /** Aborts the join, or leaves the room later. */
  signal?: AbortSignal;
}
