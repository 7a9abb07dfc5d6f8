// What the server knows of our publications: their sids, whether they are muted, and which encodings of them anybody
// wants. It is told what differs, and heard when somebody with the right to do so has muted one. Pure but for
// `enabled` of the tracks; owned by sfu-media.ts.

import type { TrackInfo, TrackOffer } from '../signaling/protocol.ts';
import type { WantedEncodings } from './active-encodings.ts';
import { isMuted } from './local-publication.ts';
import type { LocalPublication } from './local-publication.ts';

interface Told {
  readonly mid: string;
  muted: boolean;
  /** Undefined until the offer is answered. */
  sid: string | undefined;
  /** Requests on their way: until they are answered, the server speaks of before. */
  asking: number;
}

export class PublishedTracks {
  readonly #mute: (track: string, muted: boolean) => Promise<void>;
  readonly #told = new Map<LocalPublication, Told>();
  /** By sid. */
  readonly #wanted = new Map<string, WantedEncodings>();

  constructor(mute: (track: string, muted: boolean) => Promise<void>) {
    this.#mute = mute;
  }

  /** Which encodings of a track of ours anybody wants. */
  want(track: string, wanted: WantedEncodings): void {
    this.#wanted.set(track, wanted);
  }

  /** Of those that the server has spoken of. */
  *wanted(): Iterable<[LocalPublication, WantedEncodings]> {
    for (const [publication, { sid = '' }] of this.#told) {
      const wanted = this.#wanted.get(sid);
      if (wanted) yield [publication, wanted];
    }
  }

  /** What it has said may be outdated: this holds. */
  wantAllBut(layers: readonly { track: string; wanted: WantedEncodings }[]): void {
    for (const track of this.#wanted.keys()) this.#wanted.set(track, {});
    for (const { track, wanted } of layers) this.#wanted.set(track, wanted);
  }

  sidOf(publication: LocalPublication): string | undefined {
    return this.#told.get(publication)?.sid;
  }

  /** An offer says this; what is not in it is not published any more. */
  offered(tracks: ReadonlyMap<LocalPublication, TrackOffer>): void {
    for (const publication of this.#told.keys()) {
      if (!tracks.has(publication)) this.#told.delete(publication);
    }
    for (const [publication, { mid, muted = false }] of tracks) {
      const told = this.#told.get(publication);
      if (told?.mid === mid) told.muted = muted;
      else this.#told.set(publication, { mid, muted, sid: undefined, asking: 0 });
    }
  }

  answered(tracks: readonly { mid: string; sid: string }[]): void {
    const sids = new Map(tracks.map(({ mid, sid }) => [mid, sid]));
    for (const told of this.#told.values()) told.sid = sids.get(told.mid);
  }

  /** The connection is another one: what is published over it gets new sids. */
  forget(): void {
    this.#told.clear();
    this.#wanted.clear();
  }

  /** Tells what has been muted or unmuted here, of what is still published. */
  sync(publications: readonly LocalPublication[]): void {
    for (const publication of publications) {
      const told = this.#told.get(publication);
      const muted = isMuted(publication);
      if (told?.sid === undefined || told.muted === muted) continue;
      told.muted = muted;
      told.asking += 1;
      const answered = (): void => {
        told.asking -= 1;
      };
      this.#mute(told.sid, told.muted).then(answered, answered);
    }
  }

  /** The server's view of us: what others have muted becomes silent here as well. Nobody unmutes for us. */
  onSelf(tracks: readonly TrackInfo[]): void {
    const muted = new Set(tracks.flatMap((info) => (info.muted ? [info.sid] : [])));
    for (const [{ track }, told] of this.#told) {
      if (told.sid === undefined || told.asking > 0 || told.muted || !muted.has(told.sid)) continue;
      told.muted = true;
      track.enabled = false;
    }
  }
}
