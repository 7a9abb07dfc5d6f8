// What happens in rooms, for who watches from outside: each event once, in its order within a room. A room starts
// before anybody joins and ends last, who leaves has joined and has unpublished; a session that resumes never left.
// Called by: rooms.ts, room.ts, its media and moderation, in the same tick as what they tell of; never throws.

import type { Participant } from './participant.ts';
import type { ModMessage, ParticipantInfo, RoomInfo, TrackInfo } from './protocol.ts';
import type { Refusal } from './refusal.ts';

/** Which participant, where the whole of it is of no interest. */
export type ParticipantName = Pick<ParticipantInfo, 'sid' | 'identity' | 'name'>;

export type RoomEvent =
  | { readonly event: 'room_started'; readonly room: RoomInfo }
  | { readonly event: 'room_finished'; readonly room: RoomInfo; readonly reason: string }
  | {
      readonly event: 'participant_joined';
      readonly room: RoomInfo;
      readonly participant: ParticipantInfo;
    }
  | {
      readonly event: 'participant_left';
      readonly room: RoomInfo;
      readonly participant: ParticipantInfo;
      readonly reason: string;
    }
  | {
      readonly event: 'track_published' | 'track_unpublished';
      readonly room: RoomInfo;
      readonly participant: ParticipantName;
      readonly track: TrackInfo;
    };

/** What a participant with `roomAdmin` did to another one, or could not do. */
export interface ModerationEvent {
  readonly room: RoomInfo;
  readonly by: ParticipantName;
  readonly participant: ParticipantName;
  readonly op: ModMessage['op'];
  readonly track: ModMessage['track'];
  readonly perm: ModMessage['perm'];
  /** Null: it is done. */
  readonly refused: Refusal['reason'] | null;
}

export interface RoomObserver {
  onRoomEvent(event: RoomEvent): void;
  onModeration(event: ModerationEvent): void;
}

export function nameOf({ sid, identity, name }: Participant): ParticipantName {
  return { sid, identity, name };
}
