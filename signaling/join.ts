// The first message of every WebSocket: a token opens a session, an id and its secret resume one.
// Called by: conversation.ts. All is checked before anything changes, and all of it happens in one tick.

import { participantSid } from './ids.ts';
import { joinedFrame } from './joined.ts';
import { planOffer } from './media/offer-plan.ts';
import type { OfferPlan } from './media/offer-plan.ts';
import { Participant } from './participant.ts';
import type { JoinMessage } from './protocol.ts';
import { refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Service } from './service.ts';
import { names } from './sessions.ts';
import type { Session } from './session.ts';
import type { SignalSocket } from './signal-socket.ts';
import type { VerifiedToken } from './tokens.ts';

/** By then whoever sends clients here knows that it should not. */
const DRAINING_RETRY_MS = 5000;

/** Where the message came in. */
export interface Doorway {
  readonly socket: SignalSocket;
  /** The Host header of the upgrade. */
  readonly requestHost: string;
  /** Set as soon as there is one, so that no later failure leaves a session without its socket. */
  session: Session | null;
}

/** Null: the session is `door.session`, its `joined` sent. Else why not, and nothing was changed. */
export function join(service: Service, door: Doorway, message: JoinMessage): Refusal | null {
  if (message.session !== undefined) {
    const wrong = message.offer === undefined ? null : 'offer: not with session, but after it';
    if (wrong !== null) return refusal('BAD_MESSAGE', wrong);
    return resume(service, door, message, message.session);
  }
  if (message.token === undefined) {
    return refusal('TOKEN_INVALID', 'token: expected a JWT, or a session to resume');
  }
  const token = service.tokens.check(message.token);
  return 'reason' in token ? token : open(service, door, message, token);
}

function open(
  service: Service,
  door: Doorway,
  message: JoinMessage,
  token: VerifiedToken,
): Refusal | null {
  const { sessions, rooms, counters, clock, log } = service;
  const { identity, grants } = token;
  if (!grants.roomJoin || grants.room === undefined) {
    return refusal('NOT_ALLOWED', 'The token does not grant roomJoin for a room');
  }
  // Of several nodes one that drains makes no more rooms, but who comes to a room of its own has nowhere else to go.
  if (!service.admits && (service.router === null || rooms.get(grants.room) === undefined)) {
    return refusal('DRAINING', 'The server takes no new participants', DRAINING_RETRY_MS);
  }
  const { canPublish, canSubscribe, canPublishData, roomAdmin, hidden = false } = grants;
  const waitMs = service.joinRates.charge(grants.room, identity);
  if (waitMs > 0) return refusal('RATE_LIMITED', 'This identity joins too often', waitMs);
  const participant = new Participant({
    sid: participantSid(),
    identity,
    name: token.name,
    joinedAt: clock.wall(),
    perm: { canPublish, canSubscribe, canPublishData, roomAdmin, hidden },
  });
  const wrong =
    participant.patch({ attrs: token.attributes, meta: token.metadata }) ??
    participant.patch({ attrs: message.attrs, meta: message.meta });
  if (wrong !== null) return wrong;
  const before = rooms.get(grants.room)?.withIdentity(identity);
  if (before === undefined && sessions.full) {
    return refusal('RATE_LIMITED', 'The server has its maximum of sessions', 5000);
  }
  const forwards = rooms.forwards(grants.room);
  const plan = forwards ? planFirstOffer(service, message, participant) : null;
  if (plan !== null && 'reason' in plan) return plan;
  const shortage = plan === null ? null : rooms.refuseMedia(grants.room, identity);
  if (shortage !== null) return shortage;
  const ice = service.iceServers(identity, door.requestHost);
  const room = rooms.join(grants.room);
  if (room === null) return refusal('ROOM_FULL', 'The server has its maximum of rooms');
  if (!room.hasPlaceFor(identity)) {
    return refusal('ROOM_FULL', `The room has its maximum of ${room.maxParticipants} participants`);
  }
  if (before !== undefined) {
    before.dismiss(refusal('DUPLICATE_IDENTITY', 'The same identity joined from elsewhere'));
    counters.takeovers++;
  }
  const session = sessions.open({
    room,
    participant,
    token: { id: token.id, expiresAt: token.expiresAt },
    maySimulate: grants.simulate,
    socket: door.socket,
    caps: message.caps ?? [],
  });
  door.session = session;
  room.add(session);
  session.media?.want(message.want);
  const answer = plan === null ? undefined : session.media?.accept(plan);
  const joining = { re: message.i, seq: session.seq, ice, resumed: false, lost: false, answer };
  door.socket.sendLarge(joinedFrame(service, session, joining));
  room.feed.schedule();
  counters.joins++;
  const client = message.client === undefined ? '' : `${message.client.sdk} ${message.client.ver}`;
  log.info('session.joined', { ...names(session), client });
  return null;
}

/** Null where there is none, or nobody to answer it: media of mode `p2p` is not ours. */
function planFirstOffer(
  { switchboard }: Service,
  { offer, tracks = [] }: JoinMessage,
  { perm }: Participant,
): OfferPlan | Refusal | null {
  if (switchboard === null) return null;
  if (offer !== undefined) {
    switchboard.counters.offers++;
    return planOffer({ ...offer, tracks }, perm);
  }
  return tracks.length === 0 ? null : refusal('BAD_MESSAGE', 'tracks: expected with an offer');
}

function resume(
  service: Service,
  door: Doorway,
  message: JoinMessage,
  given: NonNullable<JoinMessage['session']>,
): Refusal | null {
  const { sessions, tokens, clock, counters, log } = service;
  const session = sessions.find(given.id, given.secret);
  if (session === undefined) {
    return refusal('SESSION_GONE', 'The session to resume is unknown or over');
  }
  if (tokens.isRevoked(session.token.id)) {
    const revoked = refusal('TOKEN_INVALID', 'The token of this session was revoked');
    session.dismiss(revoked);
    session.room.feed.schedule();
    return revoked;
  }
  const { participant, room } = session;
  if (message.token !== undefined) {
    const token = tokens.check(message.token);
    if ('reason' in token) return token;
    if (token.identity !== participant.identity || token.grants.room !== room.name) {
      return refusal('NOT_ALLOWED', 'token: expected the identity and the room of the session');
    }
  }
  // A resume makes the server tell the room twice, so coming and going costs what attributes cost.
  const waitMs = session.charge(Buffer.byteLength(participant.json), clock.monotonic());
  if (waitMs > 0) return refusal('RATE_LIMITED', 'This session resumes too often', waitMs);
  const ice = service.iceServers(participant.identity, door.requestHost);
  const before = sessions.attach(session, door.socket);
  door.session = session;
  if (given.anew === true) session.beginAnew(clock.monotonic());
  before?.bye(refusal('SESSION_GONE', 'The session went on over another connection'));
  const lost = !session.canReplay(given.lastSeq);
  const seq = lost ? session.seq : given.lastSeq;
  door.socket.sendLarge(
    joinedFrame(service, session, { re: message.i, seq, ice, resumed: true, lost }),
  );
  if (!lost) session.replay(given.lastSeq);
  if (session.media !== null) room.media?.inform(session.media);
  room.feed.schedule();
  counters.resumes++;
  log.info('session.resumed', { ...names(session), lost });
  return null;
}
