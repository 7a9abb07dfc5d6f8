// What the participant routes do: they ask the room.
// Called by: server.ts, which hands it to the gateway.

import type { Caller } from '../gateway/caller.ts';
import type { ParticipantsApi } from '../gateway/routes/participants.ts';
import type { RoomAnswers, RoomCommand } from '../signaling/index.ts';
import type { Audit } from './audit/audit.ts';
import { audited } from './audit/audited.ts';
import { run } from './room-commands.ts';
import type { RoomOwner } from './room-commands.ts';

type Moderation = Extract<RoomCommand, { op: 'moderate' }>;

export function participantsApiOf(rooms: RoomOwner, audit: Audit): ParticipantsApi {
  const moderate = async (
    caller: Caller,
    room: string,
    participant: string,
    what: Moderation['what'],
  ): Promise<RoomAnswers['moderate']> => {
    const { op, track, perm } = what;
    const target = { room, participant, track, perm };
    return audited(audit, caller, `participant.${op}`, target, () =>
      run(rooms, { op: 'moderate', room, participant, what }),
    );
  };
  return {
    list: (room, { after, limit }) => run(rooms, { op: 'participants', room, after, limit }),
    describe: (room, participant) => run(rooms, { op: 'participant', room, participant }),
    kick: async (caller, room, participant, reason) => {
      await moderate(caller, room, participant, { op: 'kick', reason });
    },
    mute: async (caller, room, participant, track) =>
      told(await moderate(caller, room, participant, { op: 'mute', track })),
    permit: async (caller, room, participant, perm) =>
      told(await moderate(caller, room, participant, { op: 'permit', perm })),
    simulate: (caller, room, participant, what) => {
      const { op, ms, up, down, seed } = what;
      const target = { room, participant, op, ms, up, down, seed };
      return audited(audit, caller, 'participant.simulate', target, () =>
        run(rooms, { op: 'simulate', room, participant, what }),
      );
    },
    send: (room, data) => run(rooms, { op: 'send', room, ...data }),
  };
}

/** Only who was put out is nobody any more. */
function told<Info>(info: Info | null): Info {
  if (info === null) throw new Error('a participant that stays is described');
  return info;
}
