// A participant as a bot sees it: what the server says about it, what it publishes, and the packets that arrive of
// that. Live objects: room.ts keeps them up to date, events tell when.

import type { ParticipantInfo, TrackInfo } from '../../signaling/protocol.ts';
import { Person } from '../person.ts';
import { Published } from '../published.ts';
import type { RemoteTrack } from './remote-track.ts';

/** A track that another participant publishes, whether or not it arrives at the moment. */
export class Publication extends Published {
  #track: RemoteTrack | null = null;

  /** Null while the server sends another track in its place, or none. */
  get track(): RemoteTrack | null {
    return this.#track;
  }

  /** For Participant. */
  setTrack(track: RemoteTrack | null): void {
    this.#track = track;
  }
}

export class Participant extends Person {
  readonly #publications = new Map<string, Publication>();

  constructor(info: ParticipantInfo) {
    super(info);
    this.#publish();
  }

  get publications(): Publication[] {
    return [...this.#publications.values()];
  }

  override update(info: ParticipantInfo): boolean {
    if (!super.update(info)) return false;
    this.#publish();
    return true;
  }

  /** For room.ts: null when it does not arrive any more. */
  setTrack(info: TrackInfo, track: RemoteTrack | null): Publication {
    const publication = this.#publications.get(info.sid) ?? new Publication(info);
    publication.setTrack(track);
    return publication;
  }

  #publish(): void {
    const { tracks } = this.info;
    const published = new Set(tracks.map(({ sid }) => sid));
    for (const sid of this.#publications.keys()) {
      if (!published.has(sid)) this.#publications.delete(sid);
    }
    for (const info of tracks) {
      const known = this.#publications.get(info.sid);
      if (known) known.update(info);
      else this.#publications.set(info.sid, new Publication(info));
    }
  }
}
