// What joined participants ask for: relay a signal, send data, change attributes; each whole or not at all.
// Called by: conversation.ts, after size, rate, form and order were checked.
// Allocates: one encoded body a request, however many get it.

import type { AttrsMessage, DataMessage, SignalMessage } from './protocol.ts';
import { LIMITS } from './protocol.ts';
import { refusal, snippet } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { checkSdp } from './sdp-grants.ts';
import type { Session } from './session.ts';

/** How many unknown recipients an error names. */
const NAMED_MAX = 4;

/** Null: done, answer `ok`. */
export function relaySignal(session: Session, message: SignalMessage, now: number): Refusal | null {
  const { participant, room } = session;
  const { to, description, candidate, link, tracks, shows, over } = message;
  if (room.media !== null && !room.route.admits(participant.sid, to, link, now)) {
    return refusal(
      'BAD_MESSAGE',
      room.mode === 'sfu'
        ? 'signal: this room is of mode sfu; send the server an offer'
        : 'signal: expected the link and the participant of the newest route',
    );
  }
  if (participant.perm.hidden) return hiddenMayNot('signal');
  const parts = [description, candidate, tracks, shows, over];
  if (parts.every((part) => part === undefined)) {
    return refusal('BAD_MESSAGE', 'signal: expected a description or a candidate');
  }
  if (description !== undefined) {
    const wrong = checkDescription(description, session);
    if (wrong !== null) return wrong;
  }
  if (to === participant.sid) return refusal('BAD_MESSAGE', 'to: expected another participant');
  const recipient = room.visible(to);
  if (recipient === undefined) return notFound([to]);
  room.feed.flushIfWaiting(participant.sid);
  if (shows !== undefined) room.route.shows(participant.sid, shows.length);
  const push = { from: participant.sid, description, candidate, link, tracks, shows, over };
  recipient.push(encodePush({ type: 'signal', ...push }));
  return null;
}

function checkDescription(
  description: NonNullable<SignalMessage['description']>,
  session: Session,
): Refusal | null {
  const { type, sdp } = description;
  if (sdp === undefined || sdp === '') {
    if (type === 'rollback') return null;
    return refusal('BAD_MESSAGE', `description.sdp: expected the SDP of the ${type}`);
  }
  if (Buffer.byteLength(sdp) > LIMITS.sdpBytes) {
    return refusal('TOO_LARGE', `description.sdp: expected at most ${LIMITS.sdpBytes} bytes`);
  }
  return checkSdp(sdp, session.participant.perm);
}

export function sendData(session: Session, message: DataMessage): Refusal | null {
  const { participant, room } = session;
  if (participant.perm.hidden) return hiddenMayNot('send data');
  if (!participant.perm.canPublishData) {
    return refusal('NOT_ALLOWED', 'The token does not grant canPublishData');
  }
  const { to, topic, payload } = message;
  if (decodedBytes(payload) > LIMITS.dataBytes) {
    return refusal('TOO_LARGE', `payload: expected at most ${LIMITS.dataBytes} bytes`);
  }
  const recipients = new Set(to);
  const unknown = [...recipients].filter((sid) => room.visible(sid) === undefined);
  if (unknown.length > 0) return notFound(unknown);
  room.feed.flushIfWaiting(participant.sid);
  const direct = to !== undefined;
  const body = encodePush({ type: 'data', from: participant.sid, direct, topic, payload });
  if (!direct) room.broadcast(body, participant.sid);
  else for (const sid of recipients) room.visible(sid)?.push(body);
  return null;
}

export function changeAttributes(
  session: Session,
  message: AttrsMessage,
  now: number,
): Refusal | null {
  const { participant, room } = session;
  // Everybody is told the whole of it, however small the change: that is what the sender pays for.
  const waitMs = session.chargeBytes(Buffer.byteLength(participant.json), now);
  if (waitMs > 0) return refusal('RATE_LIMITED', 'attrs: changes come too fast', waitMs);
  const wrong = participant.patch({ attrs: message.attrs, meta: message.meta });
  if (wrong !== null) return wrong;
  room.feed.changed(participant);
  room.feed.schedule();
  return null;
}

function hiddenMayNot(what: string): Refusal {
  return refusal('NOT_ALLOWED', `A hidden participant may not ${what}`);
}

function notFound(sids: readonly string[]): Refusal {
  const named = sids.slice(0, NAMED_MAX).map(snippet).join(', ');
  const more = sids.length > NAMED_MAX ? ` and ${sids.length - NAMED_MAX} more` : '';
  return refusal('NOT_FOUND', `to: not in this room: ${named}${more}`);
}

/** RFC 4648 s4: four characters carry three bytes, less one for each `=`. */
function decodedBytes(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}

/** The message after its `{"s":<number>,`. */
export function encodePush(push: Record<string, unknown>): Buffer {
  return Buffer.from(JSON.stringify(push).slice(1));
}
