// What a participant with the grant `roomAdmin` may do to others; everybody else is refused with NOT_ALLOWED.
// `room.moderation`.

import type { ModMessage, Permissions } from '../signaling/protocol.ts';
import type { Participant } from './participant.ts';
import type { Publication } from './publication.ts';

type Mod = Omit<ModMessage, 'type' | 'i'>;

export class Moderation {
  readonly #request: (mod: Mod) => Promise<void>;

  constructor(request: (mod: Mod) => Promise<void>) {
    this.#request = request;
  }

  /** Puts somebody out of the room. */
  kick(participant: Participant, reason?: string): Promise<void> {
    const why = reason === undefined ? {} : { reason };
    return this.#request({ op: 'kick', to: participant.sid, ...why });
  }

  /** Mutes one track of somebody, or all. Nobody can unmute others. */
  mute(participant: Participant, publication?: Publication): Promise<void> {
    const which = publication === undefined ? {} : { track: publication.sid };
    return this.#request({ op: 'mute', to: participant.sid, ...which });
  }

  /** Changes what somebody may do; takes effect at once. */
  permit(
    participant: Participant,
    perm: Partial<Pick<Permissions, 'canPublish' | 'canSubscribe' | 'canPublishData'>>,
  ): Promise<void> {
    return this.#request({ op: 'permit', to: participant.sid, perm });
  }
}
