// A participant as the application sees it: what the server says about it, what it publishes, and the tracks
// that arrive from it. Live objects: room.ts keeps them up to date, events tell when.

import type { ParticipantInfo, RoomInfo, TrackInfo } from '../signaling/protocol.ts';
import { NOT_ENCRYPTED } from './encryption.ts';
import type { ParticipantEncryption } from './encryption.ts';
import { Person } from './person.ts';
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

export interface TrackReplacement {
  readonly publication: Publication;
  readonly previous: MediaStreamTrack;
}

export class Participant extends Person {
  /**
   * What arrives from this participant but the picture of its screen, which has the stream of its publication (for
   * `self`: what it sends); fit for `video.srcObject`.
   */
  readonly stream: MediaStream;
  readonly #setup: ParticipantSetup;
  readonly #publications = new Map<string, Publication>();
  #linkState: RTCPeerConnectionState | 'none' = 'none';
  #encryption = NOT_ENCRYPTED;

  constructor(info: ParticipantInfo, setup: ParticipantSetup) {
    super(info);
    this.#setup = setup;
    this.stream = setup.stream;
    this.#publish(info.tracks);
  }

  get microphone(): DeviceState {
    return this.#device('microphone', MICROPHONE_ATTRIBUTE);
  }
  get camera(): DeviceState {
    return this.#device('camera', CAMERA_ATTRIBUTE);
  }
  /**
   * Of the connection that its media takes; `none` when grants leave nothing to exchange. Where the server forwards it
   * is everybody's, in a mesh `self` has none.
   */
  get linkState(): RTCPeerConnectionState | 'none' {
    return this.#linkState;
  }
  /** Whether what comes from it is encrypted from end to end, and by whom; the event `encryption` tells changes. */
  get encryption(): ParticipantEncryption {
    return this.#encryption;
  }
  /** Those of `stream`. */
  get tracks(): MediaStreamTrack[] {
    return this.stream.getTracks();
  }
  /** What it publishes, arriving or not. Of `self` see `room.local.publications`. */
  get publications(): Publication[] {
    return [...this.#publications.values()];
  }

  override update(info: ParticipantInfo): boolean {
    if (!super.update(info)) return false;
    if (this.#setup.mode !== 'p2p') this.#publish(info.tracks);
    return true;
  }

  /** For media-events.ts: that track arrives from now on. */
  attach(info: TrackInfo, track: MediaStreamTrack): Publication {
    const publication = this.#publication(info);
    publication.setTrack(track);
    if (info.source !== 'screen') this.stream.addTrack(track);
    return publication;
  }

  /** For media-events.ts: it arrives another way, and the stream it is in stays. */
  replace(info: TrackInfo, track: MediaStreamTrack): TrackReplacement | null {
    const publication = this.#publications.get(info.sid);
    const previous = publication?.track;
    if (!publication || !previous || previous === track) return null;
    publication.replaceTrack(track);
    // The new one first: an element is never without.
    if (info.source !== 'screen') this.stream.addTrack(track);
    this.stream.removeTrack(previous);
    return { publication, previous };
  }

  /** For media-events.ts: and now it does not. */
  detach(info: TrackInfo, track: MediaStreamTrack): Publication {
    const publication = this.#publication(info);
    publication.setTrack(null);
    this.stream.removeTrack(track);
    const published = this.info.tracks.some(({ sid }) => sid === info.sid);
    if (!published) this.#forget(publication);
    return publication;
  }

  /** For room.ts. */
  setLinkState(state: RTCPeerConnectionState | 'none'): void {
    this.#linkState = state;
  }

  /** For room-encryption.ts. */
  setEncryption(encryption: ParticipantEncryption): void {
    this.#encryption = encryption;
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
    if (this.#setup.mode === 'p2p') return deviceState(this.info.attrs[attribute]);
    const info = this.info.tracks.find((track) => track.source === source);
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
