// What the server says about a track that another participant publishes, kept up to date: which one it is, wherever the
// SDK runs. What arrives of it is publication.ts's in browsers, and the Node client's own there.

import type { TrackInfo, TrackSource } from '../signaling/protocol.ts';

export class Published {
  #info: TrackInfo;

  constructor(info: TrackInfo) {
    this.#info = info;
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

  /** For the participant. */
  update(info: TrackInfo): void {
    this.#info = info;
  }
}
