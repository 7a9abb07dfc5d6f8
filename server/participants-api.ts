// What the participant routes do: they ask the room.
// Called by: server.ts, which hands it to the gateway.

import type { ParticipantsApi } from '../gateway/routes/participants.ts';
import { run } from './room-commands.ts';
import type { RoomOwner } from './room-commands.ts';

export function participantsApiOf(rooms: RoomOwner): ParticipantsApi {
  const moderated = async (
    room: string,
    participant: string,
    what: Parameters<typeof run<'moderate'>>[1]['what'],
  ) => run(rooms, { op: 'moderate', room, participant, what });
  return {
    list: (room, { after, limit }) => run(rooms, { op: 'participants', room, after, limit }),
    describe: (room, participant) => run(rooms, { op: 'participant', room, participant }),
    kick: async (room, participant, reason) => {
      await moderated(room, participant, { op: 'kick', reason });
    },
    mute: async (room, participant, track) =>
      told(await moderated(room, participant, { op: 'mute', track })),
    permit: async (room, participant, perm) =>
      told(await moderated(room, participant, { op: 'permit', perm })),
    send: (room, data) => run(rooms, { op: 'send', room, ...data }),
  };
}

/** Only who was put out is nobody any more. */
function told<Info>(info: Info | null): Info {
  if (info === null) throw new Error('a participant that stays is described');
  return info;
}
