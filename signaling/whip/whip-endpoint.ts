// The WHIP and WHEP endpoints (RFC 9725, draft-ietf-wish-whep): offers over HTTP become participants of rooms like
// others. All of a request is checked before anything changes, and all of it happens in one tick.
// Called by: the signaling server, its owner; the server entry with every request. Bounded by `maxSessions`.

import { randomBytes } from 'node:crypto';
import { displayName, identity as identityForm } from '../claims.ts';
import { participantSid } from '../ids.ts';
import { Participant } from '../participant.ts';
import type { IceServer } from '../protocol.ts';
import { refusal } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';
import type { Service } from '../service.ts';
import { Bearers } from './bearer.ts';
import type { Bearer } from './bearer.ts';
import { planOneWay } from './one-way-offer.ts';
import type { WhipProtocol } from './one-way-offer.ts';
import { RequestRates } from './request-rates.ts';
import { WhipCounters } from './whip-counters.ts';
import type { WhipStats } from './whip-counters.ts';
import { isRefusal, overHttp } from './whip-refusal.ts';
import type { WhipRefusal } from './whip-refusal.ts';
import { WhipSession } from './whip-session.ts';

export interface WhipOffer {
  readonly protocol: WhipProtocol;
  readonly room: string;
  readonly bearer: string | undefined;
  readonly sdp: string;
  /** With an API key: who it is for. */
  readonly identity: string | undefined;
  readonly name: string | undefined;
  /** WHEP: whose tracks are played; those of who speaks where it is left out. */
  readonly participant: string | undefined;
  /** The Host header. */
  readonly host: string;
}

export interface WhipTarget {
  readonly protocol: WhipProtocol;
  readonly room: string;
  readonly id: string;
  readonly bearer: string | undefined;
}

export interface WhipAnswer {
  readonly id: string;
  readonly sdp: string;
  readonly etag: string;
  readonly iceServers: readonly IceServer[];
}

/** Of an identity, before what is made up is put behind it: together at most 128. */
const IDENTITY_PART_CHARS = 100;

export class WhipEndpoint {
  readonly #service: Service;
  readonly #bearers: Bearers;
  readonly #rates = new RequestRates();
  readonly #counters = new WhipCounters();
  readonly #sessions = new Map<string, WhipSession>();

  constructor(service: Service) {
    this.#service = service;
    this.#bearers = new Bearers(service.tokens, service.tokens.keys);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Charges the address one request: 0, or the milliseconds that it has to wait, and then nothing is charged. */
  waitMs(remoteAddress: string): number {
    const waitMs = this.#rates.waitMs(remoteAddress, this.#service.clock.monotonic());
    if (waitMs > 0) this.#counters.refused(429);
    return waitMs;
  }

  /** What is wrong with a bearer before anything else is looked at; null for nothing. */
  refuseBearer(given: string | undefined, room: string): WhipRefusal | null {
    const bearer = this.#bearers.check(given, room);
    if (!('reason' in bearer)) return null;
    const refused = overHttp(bearer, given);
    this.#counters.refused(refused.status);
    return refused;
  }

  open(offer: WhipOffer): WhipAnswer | WhipRefusal {
    const result = this.#open(offer);
    if (isRefusal(result)) this.#counters.refused(result.status);
    return result;
  }

  find(target: WhipTarget): WhipSession | WhipRefusal {
    const result = this.#find(target);
    if (isRefusal(result)) this.#counters.refused(result.status);
    return result;
  }

  /** As `WhipSession.patch`. */
  patch(
    session: WhipSession,
    ifMatch: string | undefined,
    fragment: string,
  ): ReturnType<WhipSession['patch']> {
    const result = session.patch(ifMatch, fragment);
    if (result === null) return null;
    if (isRefusal(result)) this.#counters.refused(result.status);
    else this.#counters.iceRestarts++;
    return result;
  }

  /** Ends the sessions whose token was revoked. */
  sweep(): void {
    const { tokens } = this.#service;
    for (const session of this.#sessions.values()) {
      const { token } = session;
      if (token !== undefined && tokens.isRevoked(token.id)) session.end('TOKEN_INVALID');
    }
  }

  stats(): WhipStats {
    return this.#counters.stats(this.#sessions.values());
  }

  #open(offer: WhipOffer): WhipAnswer | WhipRefusal {
    const { protocol, sdp, host } = offer;
    const bearer = this.#bearers.check(offer.bearer, offer.room);
    if ('reason' in bearer) return overHttp(bearer, offer.bearer);
    const participant = this.#participant(offer, bearer);
    if ('reason' in participant) return overHttp(participant);
    const plan = planOneWay(sdp, protocol);
    if (isRefusal(plan)) return plan;
    const { rooms, sessions, limits, counters } = this.#service;
    const { identity } = participant;
    const before = rooms.get(offer.room)?.withIdentity(identity);
    if (before === undefined && sessions.size + this.size >= limits.maxSessions) {
      return overHttp(refusal('RATE_LIMITED', 'The server has its maximum of sessions', 5000));
    }
    const shortage = rooms.refuseMedia(offer.room, identity);
    if (shortage !== null) return overHttp(shortage);
    const { servers } = this.#service.iceServers(identity, host);
    const room = rooms.join(offer.room);
    if (room === null) return overHttp(refusal('ROOM_FULL', 'The server has its maximum of rooms'));
    if (!room.hasPlaceFor(identity)) {
      const most = `its maximum of ${room.maxParticipants} participants`;
      return overHttp(refusal('ROOM_FULL', `The room has ${most}`));
    }
    if (room.media === null) {
      return overHttp(
        refusal('NOT_ALLOWED', 'Media of this room goes from participant to participant'),
      );
    }
    if (before !== undefined) {
      before.dismiss(refusal('DUPLICATE_IDENTITY', 'The same identity joined from elsewhere'));
      counters.takeovers++;
    }
    const session = new WhipSession({
      protocol,
      room,
      participant,
      token: bearer.token,
      bearer: offer.bearer ?? '',
      onEnd: (ended, reason) => this.#onEnd(ended, reason),
    });
    this.#sessions.set(session.id, session);
    const only = offer.participant ?? null;
    const media = room.media.add(session, { plain: true, only });
    room.add(session);
    const answer = session.begin(media, plan);
    room.feed.schedule();
    this.#counters.opened(protocol);
    this.#service.log.info('whip.opened', names(session));
    return { id: session.id, sdp: answer, etag: session.etag, iceServers: servers };
  }

  #find({ protocol, room, id, bearer }: WhipTarget): WhipSession | WhipRefusal {
    const session = this.#sessions.get(id);
    if (session === undefined || session.protocol !== protocol || session.room.name !== room) {
      return overHttp(refusal('NOT_FOUND', 'There is no such session, or it has ended'));
    }
    const known = this.#bearers.check(bearer, room);
    // A session may outlive its token, but not its revocation.
    if ('reason' in known && known.reason !== 'TOKEN_EXPIRED') return overHttp(known, bearer);
    if (bearer !== undefined && session.hasBearer(bearer)) return session;
    if ('reason' in known) return overHttp(known, bearer);
    return overHttp(refusal('NOT_ALLOWED', 'Another bearer made this session'));
  }

  #participant(offer: WhipOffer, bearer: Bearer): Participant | Refusal {
    const { protocol } = offer;
    const { perm } = bearer;
    if (protocol === 'whip' && !perm.canPublish) {
      return refusal('NOT_ALLOWED', 'The token does not grant canPublish');
    }
    if (protocol === 'whep' && !perm.canSubscribe) {
      return refusal('NOT_ALLOWED', 'The token does not grant canSubscribe');
    }
    // Who only looks on is not announced, unless the token wants it.
    const hidden = perm.hidden ?? protocol === 'whep';
    if (protocol === 'whip' && hidden) {
      return refusal('NOT_ALLOWED', 'A hidden participant may not publish');
    }
    const identity = identityOf(offer, bearer, hidden);
    if (typeof identity !== 'string') return identity;
    const name = bearer.name ?? offer.name ?? identity;
    if (!displayName.safeParse(name).success) {
      return refusal(
        'BAD_MESSAGE',
        'name: expected 1 to 256 characters, none of them a control character',
      );
    }
    if (offer.participant !== undefined && !identityForm.safeParse(offer.participant).success) {
      return refusal('BAD_MESSAGE', 'participant: expected the identity of a participant');
    }
    const participant = new Participant({
      sid: participantSid(),
      identity,
      name,
      joinedAt: this.#service.clock.wall(),
      perm: { ...perm, hidden },
    });
    const { attributes: attrs, metadata: meta } = bearer;
    return participant.patch({ attrs, meta }) ?? participant;
  }

  #onEnd(session: WhipSession, reason: string): void {
    this.#sessions.delete(session.id);
    this.#service.log.info('whip.ended', { ...names(session), reason });
  }
}

/**
 * The token's; with an API key the one of the query, or one made up. Hidden viewers may all have the same token, so
 * that none takes the place of another: each has something made up behind.
 */
function identityOf(offer: WhipOffer, bearer: Bearer, hidden: boolean): string | Refusal {
  const { identity: given, protocol } = offer;
  if (given !== undefined && !identityForm.safeParse(given).success) {
    return refusal(
      'BAD_MESSAGE',
      'identity: expected 1 to 128 characters, none of them a control character',
    );
  }
  if (given !== undefined && bearer.identity !== null && given !== bearer.identity) {
    return refusal('NOT_ALLOWED', 'identity: the token is for another one');
  }
  const known = bearer.identity ?? given;
  if (known !== undefined && !hidden) return known;
  const start = Array.from(known ?? protocol)
    .slice(0, IDENTITY_PART_CHARS)
    .join('');
  return `${start}-${randomBytes(6).toString('base64url')}`;
}

/** What log lines say of a session: never its id, which opens it. */
function names({ protocol, room, participant }: WhipSession): Record<string, string> {
  return { protocol, room: room.name, identity: participant.identity, sid: participant.sid };
}
