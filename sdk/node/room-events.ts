// What a bot's Room tells its listeners, one argument per event.

import type { RoomInfo } from '../../signaling/protocol.ts';
import type { SternaClientError } from '../errors.ts';
import type { DataDetail, StateDetail } from '../room-events.ts';
import type { MediaState } from './media.ts';
import type { Participant, Publication } from './participant.ts';
import type { RemoteTrack } from './remote-track.ts';

export interface TrackDetail {
  participant: Participant;
  publication: Publication;
  track: RemoteTrack;
}

export interface RoomEvents {
  participantJoined: Participant;
  participantLeft: { participant: Participant; reason: string };
  /** Name, metadata, attributes, grants, `away`, what it publishes and has muted; also for `self`. */
  participantUpdated: Participant;
  roomUpdated: Readonly<RoomInfo>;
  /** Packets of a track arrive from now on. */
  trackAdded: TrackDetail;
  /** They do not any more; whether it is still published, `publications` tell. */
  trackRemoved: TrackDetail;
  /** Who speaks now, the loudest first. */
  speakers: Participant[];
  data: DataDetail<Participant>;
  state: StateDetail;
  /** Of the connection that media takes. */
  media: { state: MediaState };
  /** Something failed that the client goes on trying to repair. */
  warning: { error: unknown };
  /** For good. `error` is null after `leave()`. */
  closed: { error: SternaClientError | null };
}
