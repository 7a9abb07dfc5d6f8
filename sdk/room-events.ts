// What a Room tells its listeners, one argument per event.

import type { ConnectionPath } from './connection-path.ts';
import type { ClientReason, SternaClientError } from './errors.ts';
import type { Participant } from './participant.ts';
import type { Person } from './person.ts';
import type { Publication } from './publication.ts';
import type { RoomInfo } from '../signaling/protocol.ts';

/** `reconnecting`: signaling is lost and comes back; media between participants goes on meanwhile. */
export type RoomState = 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface StateDetail {
  state: RoomState;
  previous: RoomState;
  /**
   * With `connected`: `joined` the first time; `resumed` = the same session; `rejoined` = a new session
   * with a new sid, media was set up again.
   */
  how?: 'joined' | 'resumed' | 'rejoined';
  /** With `reconnecting`: why, and which attempt comes in how many milliseconds. */
  reason?: ClientReason;
  attempt?: number;
  delayMs?: number;
}

export interface TrackDetail {
  participant: Participant;
  track: MediaStreamTrack;
  publication: Publication;
}

export interface DataDetail<P extends Person = Participant> {
  /** Sid of the sender; empty: a server of whoever runs the room. */
  from: string;
  /** Undefined when the sender has left or is not named yet. */
  participant: P | undefined;
  topic: string | undefined;
  payload: Uint8Array<ArrayBuffer>;
  /** True when it was sent to named participants rather than to the room. */
  direct: boolean;
}

export interface RoomEvents {
  participantJoined: Participant;
  participantLeft: { participant: Participant; reason: string };
  /**
   * Name, metadata, attributes, grants, `away`, what it publishes and has muted, or the state of its connection; also
   * for `self`.
   */
  participantUpdated: Participant;
  /** Its metadata has changed. */
  roomUpdated: Readonly<RoomInfo>;
  /** A track arrives: it is new, or the server sends it in the place of another one. */
  trackAdded: TrackDetail;
  /** It does not any more; whether it is still published, `publications` tell. */
  trackRemoved: TrackDetail;
  /**
   * It arrives another way (in a room of mode `auto`): `track` takes the place of `previous`, in the same streams and
   * without a pause.
   */
  trackReplaced: TrackDetail & { previous: MediaStreamTrack };
  /** The server sends a track larger or smaller, or pauses it: `publication.quality` says why. */
  quality: { participant: Participant; publication: Publication };
  /** Who speaks now, the loudest first; not in rooms of mode `p2p`. */
  speakers: Participant[];
  data: DataDetail;
  /** Its `encryption` is another one: keys have come, or its identity was refused. */
  encryption: Participant;
  state: StateDetail;
  /**
   * The selected candidate pair of a participant's connection is another one; in a room of mode `sfu` that of `self`,
   * which is everybody's.
   */
  path: { participant: Participant; path: ConnectionPath };
  /** Something failed with one participant that the SDK goes on trying to repair. */
  warning: { participant: Participant | undefined; error: unknown };
  /** For good. `error` is null after `leave()`. */
  closed: { error: SternaClientError | null };
}
