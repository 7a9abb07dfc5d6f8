// What a participant with `roomAdmin`, or a server of others, does to a participant: put out, mute, change
// permissions. Called by: conversation.ts, after size, rate, form and order were checked; room-commands.ts. Takes
// effect on media at once.

import { SternaError } from '../shared/errors.ts';
import type { ModMessage } from './protocol.ts';
import { refusal, snippet } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Member, Room } from './room.ts';
import { nameOf } from './room-events.ts';
import type { Service } from './service.ts';
import type { Session } from './session.ts';

/** What is done to whom is another matter. */
export type Moderation = Pick<ModMessage, 'op' | 'track' | 'perm' | 'reason'>;

/** Null: done, answer `ok`. */
export function moderate(
  service: Service,
  session: Session,
  message: ModMessage,
  now: number,
): Refusal | null {
  const { participant, room } = session;
  const { op, to } = message;
  if (!participant.perm.roomAdmin) {
    return refusal('NOT_ALLOWED', 'The token does not grant roomAdmin');
  }
  if (to === participant.sid) return refusal('BAD_MESSAGE', 'to: expected another participant');
  const target = room.visible(to);
  if (target === undefined) return refusal('NOT_FOUND', `to: not in this room: ${snippet(to)}`);
  // Everybody is told the whole of the participant, as after a change of attributes.
  const waitMs = session.chargeBytes(Buffer.byteLength(target.participant.json), now);
  if (waitMs > 0) return refusal('RATE_LIMITED', 'mod: changes come too fast', waitMs);
  const wrong = execute(service, room, target, message, 'Put out by a participant with roomAdmin');
  room.observer?.onModeration({
    room: room.info(),
    by: nameOf(participant),
    participant: nameOf(target.participant),
    op,
    track: message.track,
    perm: message.perm,
    refused: wrong?.reason ?? null,
  });
  if (wrong !== null) return wrong;
  noteModeration(service, room, target, op, participant.sid);
  return null;
}

/** The same by a server that asks over HTTP; null: done. */
export function moderateFromOutside(
  service: Service,
  room: Room,
  target: Member,
  what: Moderation,
): Refusal | null {
  const wrong = execute(service, room, target, what, 'Put out by the service');
  if (wrong === null) noteModeration(service, room, target, what.op, 'api');
  return wrong;
}

function noteModeration(
  service: Service,
  { name }: Room,
  { participant: { sid } }: Member,
  op: Moderation['op'],
  by: string,
): void {
  if (service.switchboard !== null) service.switchboard.counters.moderations++;
  service.log.info('participant.moderated', { op, sid, by, room: name });
}

function execute(
  service: Service,
  room: Room,
  target: Member,
  { op, track, perm, reason }: Moderation,
  why: string,
): Refusal | null {
  if (op === 'mute') return mute(room, target, track);
  if (op === 'kick') {
    revoke(service, target);
    target.dismiss(refusal('KICKED', reason ?? why));
    room.feed.schedule();
    return null;
  }
  if (perm === undefined) return refusal('BAD_MESSAGE', 'perm: expected with op permit');
  permit(room, target, perm);
  return null;
}

function mute(room: Room, target: Member, track: string | undefined): Refusal | null {
  const { media } = room;
  const { participant } = target;
  if (media === null) {
    return refusal('BAD_MESSAGE', 'op: media of a room of mode p2p cannot be muted here');
  }
  if (media.of(participant.sid)?.mute(track, true) === true) {
    room.enforce(target);
    return null;
  }
  return refusal('NOT_FOUND', 'track: not published by that participant');
}

function permit(room: Room, target: Member, perm: NonNullable<ModMessage['perm']>): void {
  const { feed, media } = room;
  const { participant } = target;
  if (!participant.permit(perm)) return;
  room.enforce(target);
  feed.changed(participant);
  media?.of(participant.sid)?.permissionsChanged();
  feed.schedule();
}

/** So that it cannot come back with the same token. */
function revoke({ tokens, log }: Service, { token }: Member): void {
  if (token === undefined) return;
  try {
    tokens.revoke(token.id, token.expiresAt);
  } catch (error) {
    // There is no room for more of them; the participant is put out all the same.
    if (!(error instanceof SternaError)) throw error;
    log.warn('token.not_revoked', { reason: error.message });
  }
}
