// A track that another participant publishes, whether or not it arrives at the moment. A live object: its
// participant keeps it up to date.

import type { TrackInfo, TrackSource } from '../signaling/protocol.ts';

export class Publication {
  /**
   * The track while it arrives, and nothing else: fit for `srcObject` of its own element. It stays the same object
   * whatever comes and goes.
   */
  readonly stream: MediaStream;
  #info: TrackInfo;
  #track: MediaStreamTrack | null = null;

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

  /** For participant.ts. */
  update(info: TrackInfo): void {
    this.#info = info;
  }

  /** For participant.ts. */
  setTrack(track: MediaStreamTrack | null): void {
    if (this.#track) this.stream.removeTrack(this.#track);
    if (track) this.stream.addTrack(track);
    this.#track = track;
  }
}
