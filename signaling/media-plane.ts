// Where media of a room flows, as signaling sees it: what answers need, and the way to who forwards packets.
// Implemented by the server entry over its media workers. Absent where the SFU is switched off: rooms are p2p then.

import type { SfuCommand, SfuEvent } from '../sfu/control.ts';
import type { IceCandidate } from '../sfu/ice/candidates.ts';

/** Why one more transport would be refused: the worker died and the next one is being started, or it has its maximum. */
export type MediaShortage = 'down' | 'full';

/** One media worker. */
export interface MediaPlace {
  /** Its number, for the log. */
  readonly worker: number;
  /** Null where there is room for one more transport. */
  readonly shortage: MediaShortage | null;
  /** What every answer lists. */
  readonly candidates: readonly IceCandidate[];
  /** Our certificate's, as `a=fingerprint` has it. */
  readonly fingerprint: string;
  /** Never waits, and never throws; commands arrive in their order. */
  send(command: SfuCommand): void;
}

/** The worker died with all transports that were placed there: participants have to offer anew. */
export interface MediaLost {
  readonly type: 'sfu.lost';
}

export interface MediaPlane {
  /** Of all places; null where one of them has room. */
  readonly shortage: MediaShortage | null;
  /**
   * Where the next transport of a room is to live, for its whole life: one with room if any has. What participants in
   * different places publish reaches all of them. Never waits.
   */
  place(roomSid: string): MediaPlace;
  /** Once. */
  onEvent(listener: (place: MediaPlace, event: SfuEvent | MediaLost) => void): void;
}
