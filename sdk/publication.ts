// A track that another participant publishes, whether or not it arrives at the moment. A live object: its
// participant keeps it up to date.

import type { Subscription, TrackInfo, TrackSource } from '../signaling/protocol.ts';

/** How well a track is sent to us that its publisher sends in several sizes. */
export interface Quality {
  /** From 0 for the smallest size; -1 while it is paused. */
  readonly layer: number;
  /** The highest temporal layer of it, from 0 for the fewest frames; -1 while it is paused. */
  readonly temporalLayer: number;
  /** Not even the smallest is sent: our network does not carry it. */
  readonly paused: boolean;
  /**
   * Why it is no better. `best`: there is no better one; `bandwidth`: our network does not carry more; `limit`: we want
   * none larger; `publisher`: nothing better is sent.
   */
  readonly reason: Subscription['reason'];
}

export class Publication {
  /**
   * The track while it arrives, and nothing else: fit for `srcObject` of its own element. It stays the same object
   * whatever comes and goes.
   */
  readonly stream: MediaStream;
  #info: TrackInfo;
  #track: MediaStreamTrack | null = null;
  #quality: Quality | null = null;

  constructor(info: TrackInfo, stream: MediaStream) {
    this.#info = info;
    this.stream = stream;
  }

  get sid(): string {
    return this.#info.sid;
  }
  get kind(): 'audio' | 'video' {
    return this.#info.kind;
  }
  /** In a room of mode `p2p` it is guessed: the first video track is the camera, a further one the screen. */
  get source(): TrackSource {
    return this.#info.source;
  }
  get name(): string {
    return this.#info.name;
  }
  get muted(): boolean {
    return this.#info.muted;
  }
  /** Null while the server sends another track in its place, or none. */
  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** Null where there is one size alone, and before the server has said it. */
  get quality(): Quality | null {
    return this.#quality;
  }

  /** For media-events.ts. */
  setQuality(quality: Quality): void {
    this.#quality = quality;
  }

  /** For participant.ts. */
  update(info: TrackInfo): void {
    this.#info = info;
  }

  /** For participant.ts. */
  setTrack(track: MediaStreamTrack | null): void {
    if (this.#track) this.stream.removeTrack(this.#track);
    if (track) this.stream.addTrack(track);
    else this.#quality = null;
    this.#track = track;
  }
}
