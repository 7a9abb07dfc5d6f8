// What the media of one participant needs of others: of whoever owns it, and of its room. Called by: ParticipantMedia;
// RoomMedia, sessions and WHIP are these.

import type { MediaShortage } from '../media-plane.ts';
import type { Participant } from '../participant.ts';
import type { Demands } from './demands.ts';
import type { MediaCounters } from './media-counters.ts';
import type { NegotiatedTransport, TransportOptions } from './negotiated-transport.ts';
import type { ParticipantMedia } from './participant-media.ts';
import type { Ranking } from './ranking.ts';
import type { Track } from './track.ts';

/** Whose media it is, and how its client is told. */
export interface MediaOwner {
  readonly participant: Participant;
  /** A numbered message that is kept for a resume; `body` is what comes after its `{"s":<number>,`. */
  push(body: Buffer): void;
  /** A message that is dropped where too much waits already. */
  tell(frame: string): void;
  /** What its client can do (`join.caps`). */
  readonly caps?: readonly string[];
  /** The media worker has closed its transport; for a client that hears no `media` message. */
  onMediaLost?(reason: string): void;
}

export interface MediaOptions {
  /** In the order of joining. */
  readonly joined: number;
  /** The client keeps the slots of its first offer, never hears of them, and plays them as one MediaStream. */
  readonly plain: boolean;
  /** The identity of the one whose tracks it is shown; null for those of all. */
  readonly only: string | null;
}

/** The room, as the media of one participant needs it. */
export interface MediaRoom {
  readonly sid: string;
  readonly counters: MediaCounters;
  /** Why no transport can be opened, null when one can; that of `leaving`, if it has one, is closed first. */
  shortage(leaving?: ParticipantMedia): MediaShortage | null;
  /** A number for a transport, and where it is to live; until `closed`. */
  opening(media: ParticipantMedia): Pick<TransportOptions, 'id' | 'place' | 'network'>;
  closed(transport: NegotiatedTransport): void;
  /** Gives the track a number of its own, the next one if it has one. */
  number(track: Track): void;
  /** The media worker knows of these numbers: slots that show the tracks follow. */
  numbered(tracks: readonly Track[]): void;
  /** The media worker knows of it no more. */
  unnumber(track: Track): void;
  /** Counts what participants are shown of tracks of others. */
  readonly demands: Demands;
  published(track: Track, owner: MediaOwner): void;
  unpublished(track: Track, owner: MediaOwner): void;
  /** What a participant publishes has changed, so the others are told, and slots may be pointed elsewhere. */
  changed(participant: Participant): void;
  /** Wishes have changed: slots are looked at soon. */
  schedule(): void;
  ranking(kind: Track['kind']): Ranking;
  track(sid: string): Track | undefined;
  /** Nothing of a participant may arrive before the news of it. */
  flushIfWaiting(sid: string): void;
}
