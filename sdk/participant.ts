// A participant as the application sees it: what the server says about it, what it publishes, and the tracks
// that arrive from it. Live objects: room.ts keeps them up to date, events tell when.

import type { ParticipantInfo, Permissions, RoomInfo, TrackInfo } from '../signaling/protocol.ts';
import { Publication } from './publication.ts';
import type { Views } from './views.ts';

/** Reserved attributes: `on` or `off` while a device is published, absent otherwise. */
export const MICROPHONE_ATTRIBUTE = 'sterna.mic';
export const CAMERA_ATTRIBUTE = 'sterna.cam';

/** `none`: nothing is published. */
export type DeviceState = 'on' | 'off' | 'none';

function deviceState(value: string | undefined): DeviceState {
  return value === 'on' || value === 'off' ? value : 'none';
}

export interface ParticipantSetup {
  readonly mode: RoomInfo['mode'];
  readonly stream: MediaStream;
  readonly makeStream: () => MediaStream;
  /** Where elements can be attached to what it publishes. */
  readonly views?: Views | undefined;
}

export class Participant {
  /**
   * What arrives from this participant but the picture of its screen, which has the stream of its publication (for
   * `self`: what it sends); fit for `video.srcObject`.
   */
  readonly stream: MediaStream;
  readonly #setup: ParticipantSetup;
  readonly #publications = new Map<string, Publication>();
  #info: ParticipantInfo;
  #linkState: RTCPeerConnectionState | 'none' = 'none';

  constructor(info: ParticipantInfo, setup: ParticipantSetup) {
    this.#info = info;
    this.#setup = setup;
    this.stream = setup.stream;
    this.#publish(info.tracks);
  }

  /** Unique in the room and in time: a participant who comes back has another. */
  get sid(): string {
    return this.#info.sid;
  }
  /** The token's `sub`: the same person has the same. */
  get identity(): string {
    return this.#info.identity;
  }
  get name(): string {
    return this.#info.name;
  }
  /** `away`: the signaling socket is lost and may still resume; media may well go on. */
  get state(): 'active' | 'away' {
    return this.#info.state;
  }
  /** Milliseconds of the server's clock. */
  get joinedAt(): number {
    return this.#info.joinedAt;
  }
  get metadata(): string {
    return this.#info.meta;
  }
  get attributes(): Readonly<Record<string, string>> {
    return this.#info.attrs;
  }
  get permissions(): Readonly<Permissions> {
    return this.#info.perm;
  }
  get microphone(): DeviceState {
    return this.#device('microphone', MICROPHONE_ATTRIBUTE);
  }
  get camera(): DeviceState {
    return this.#device('camera', CAMERA_ATTRIBUTE);
  }
  /**
   * Of the connection that its media takes; `none` when grants leave nothing to exchange. In a room of mode `sfu` it
   * is everybody's, in a mesh `self` has none.
   */
  get linkState(): RTCPeerConnectionState | 'none' {
    return this.#linkState;
  }
  /** Those of `stream`. */
  get tracks(): MediaStreamTrack[] {
    return this.stream.getTracks();
  }
  /** What it publishes, arriving or not. Of `self` see `room.local.publications`. */
  get publications(): Publication[] {
    return [...this.#publications.values()];
  }

  /** For room.ts. False when `info` is not newer than what is known. */
  update(info: ParticipantInfo): boolean {
    if (info.v <= this.#info.v) return false;
    this.#info = info;
    if (this.#setup.mode === 'sfu') this.#publish(info.tracks);
    return true;
  }

  /** For media-events.ts: that track arrives from now on. */
  attach(info: TrackInfo, track: MediaStreamTrack): Publication {
    const publication = this.#publication(info);
    publication.setTrack(track);
    if (info.source !== 'screen') this.stream.addTrack(track);
    return publication;
  }

  /** For media-events.ts: and now it does not. */
  detach(info: TrackInfo, track: MediaStreamTrack): Publication {
    const publication = this.#publication(info);
    publication.setTrack(null);
    this.stream.removeTrack(track);
    const published = this.#info.tracks.some(({ sid }) => sid === info.sid);
    if (!published) this.#forget(publication);
    return publication;
  }

  /** For room.ts. */
  setLinkState(state: RTCPeerConnectionState | 'none'): void {
    this.#linkState = state;
  }

  /** For room.ts, when it has left: a track that came from it may come from another one next. */
  clear(): void {
    for (const publication of this.#publications.values()) {
      publication.setTrack(null);
      publication.close();
    }
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
  }

  #device(source: TrackInfo['source'], attribute: string): DeviceState {
    if (this.#setup.mode === 'p2p') return deviceState(this.#info.attrs[attribute]);
    const info = this.#info.tracks.find((track) => track.source === source);
    if (!info) return 'none';
    return info.muted ? 'off' : 'on';
  }

  /** What is gone from the list and still arrives goes with `detach`. */
  #publish(tracks: readonly TrackInfo[]): void {
    const published = new Set(tracks.map(({ sid }) => sid));
    for (const publication of this.#publications.values()) {
      if (!published.has(publication.sid) && !publication.track) this.#forget(publication);
    }
    for (const info of tracks) this.#publication(info).update(info);
  }

  #forget(publication: Publication): void {
    this.#publications.delete(publication.sid);
    publication.close();
  }

  #publication(info: TrackInfo): Publication {
    const known = this.#publications.get(info.sid);
    if (known) return known;
    const publication = new Publication(info, this.#setup.makeStream(), this.#setup.views);
    this.#publications.set(info.sid, publication);
    return publication;
  }
}
