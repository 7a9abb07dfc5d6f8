// What happens in rooms goes to the webhooks, what moderators do to the audit log.
// Called by: server.ts, which hands it to signaling.

import type { RoomObserver } from '../signaling/index.ts';
import { noAudit } from './audit/audit.ts';
import type { Audit } from './audit/audit.ts';
import type { Webhooks } from './webhooks/webhooks.ts';

/** Undefined where neither is wanted, so that signaling makes nothing for it. */
export function roomObserverOf(webhooks: Webhooks, audit: Audit): RoomObserver | undefined {
  if (!webhooks.active && audit === noAudit) return undefined;
  return {
    onRoomEvent: (event) => webhooks.onRoomEvent(event),
    onModeration: ({ room, by, participant, op, track, perm, refused }) => {
      const { sid, identity } = by;
      const whom = { participant: participant.sid, identity: participant.identity };
      const target = { room: room.name, roomSid: room.sid, ...whom, track, perm };
      const actor = { type: 'participant', sid, identity } as const;
      audit.record(actor, `participant.${op}`, target, refused ?? 'ok');
    },
  };
}
