// A room: who is in it, one participant per identity, and what all of them are told.
// Called by: rooms.ts, joining, handlers. Owns its PeopleFeed and its media; its sessions belong to sessions.ts.

import type { Clock } from '../shared/clock.ts';
import { DirectRoute } from './direct-route.ts';
import type { RoutedMember } from './direct-route.ts';
import { roomSid } from './ids.ts';
import type { SignalingLimits } from './limits.ts';
import type { MediaShortage } from './media-plane.ts';
import type { RoomMedia, TrackEvent } from './media/room-media.ts';
import type { Switchboard } from './media/switchboard.ts';
import type { Participant } from './participant.ts';
import { PeopleFeed } from './people-feed.ts';
import type { Listener } from './people-feed.ts';
import type { RoomInfo, RoomMode, TrackInfo } from './protocol.ts';
import type { Refusal } from './refusal.ts';
import type { SignalSocket } from './signal-socket.ts';
import { nameOf } from './room-events.ts';
import type { RoomObserver } from './room-events.ts';

/** A participant's session, seen from its room. */
export interface Member extends Listener, RoutedMember {
  readonly participant: Participant;
  /** VerifiedToken.id of the token that it joined with, and when that ends (Unix time, milliseconds). */
  readonly token?: { readonly id: string; readonly expiresAt: number } | undefined;
  /** The WebSocket under it; null while it is away, undefined for who never has one. */
  readonly socket?: SignalSocket | null | undefined;
  /** Ends it for good; the room has let go of it already. */
  dismiss(why: Refusal): void;
}

export interface RoomOptions {
  name: string;
  maxParticipants: number;
  emptyTimeoutMs: number;
  meta: string;
  /** Without a switchboard it is `p2p` whatever stands here. */
  mode: RoomMode;
}

/** What of a room can be changed; what is left out stays. */
export type RoomSettings = Readonly<Partial<Omit<RoomOptions, 'name'>>>;

type RoomLimits = Pick<
  SignalingLimits,
  'peopleEveryMs' | 'peopleBytesMax' | 'restAfterMs' | 'routeSettleMs' | 'routeGraceMs'
>;

export class Room<M extends Member = Member> {
  readonly sid: string = roomSid();
  readonly name: string;
  readonly createdAt: number;
  readonly feed: PeopleFeed;
  /** The way that media takes in mode `auto`. */
  readonly route: DirectRoute<M>;
  /** Null in a room of mode `p2p`. */
  readonly media: RoomMedia | null;
  /** Null: nobody watches, and nothing is made for it. */
  readonly observer: RoomObserver | null;
  readonly #clock: Clock;
  readonly #members = new Map<string, M>();
  readonly #identities = new Map<string, M>();
  #mode: RoomMode;
  #meta: string;
  #maxParticipants: number;
  #emptyTimeoutMs: number;
  #emptySince: number;
  #revision = 0;

  constructor(
    options: RoomOptions,
    clock: Clock,
    limits: RoomLimits,
    switchboard: Switchboard | null = null,
    observer: RoomObserver | null = null,
  ) {
    this.observer = observer;
    this.name = options.name;
    this.#mode = switchboard === null ? 'p2p' : options.mode;
    this.#meta = options.meta;
    this.#maxParticipants = options.maxParticipants;
    this.#emptyTimeoutMs = options.emptyTimeoutMs;
    this.createdAt = clock.wall();
    this.#clock = clock;
    this.#emptySince = clock.monotonic();
    this.feed = new PeopleFeed(this.#members, {
      clock,
      everyMs: limits.peopleEveryMs,
      bytesMax: limits.peopleBytesMax,
    });
    this.route = new DirectRoute(this.#members, limits, (sid) => this.feed.flushIfWaiting(sid));
    const { sid, feed } = this;
    const { peopleEveryMs: everyMs, restAfterMs } = limits;
    const onTrack =
      observer === null
        ? undefined
        : (event: TrackEvent, participant: Participant, track: TrackInfo): void =>
            observer.onRoomEvent({
              event,
              room: this.info(),
              participant: nameOf(participant),
              track,
            });
    const forwards = this.#mode === 'p2p' ? null : switchboard;
    this.media = forwards?.openRoom({ sid, feed, clock, everyMs, restAfterMs, onTrack }) ?? null;
  }

  get meta(): string {
    return this.#meta;
  }

  get mode(): RoomMode {
    return this.#mode;
  }

  get maxParticipants(): number {
    return this.#maxParticipants;
  }

  get emptyTimeoutMs(): number {
    return this.#emptyTimeoutMs;
  }

  /** Takes settings that were checked. Nobody has to go where fewer may be in it now. */
  update({ meta, maxParticipants, emptyTimeoutMs, mode }: RoomSettings): void {
    this.#revision++;
    const before = JSON.stringify([this.#meta, this.#mode]);
    this.#meta = meta ?? this.#meta;
    this.#mode = mode ?? this.#mode;
    this.#maxParticipants = maxParticipants ?? this.#maxParticipants;
    this.#emptyTimeoutMs = emptyTimeoutMs ?? this.#emptyTimeoutMs;
    const changes = JSON.stringify([this.#meta, this.#mode]) !== before;
    if (changes) this.broadcast(encodeRoom(this.info()), '');
    this.#reroute();
  }

  /** Participants, hidden and away ones included. */
  get size(): number {
    return this.#members.size;
  }

  /** Goes up with every change of its settings, and of who is in it. */
  get revision(): number {
    return this.#revision;
  }

  info(): RoomInfo {
    return {
      sid: this.sid,
      name: this.name,
      meta: this.meta,
      createdAt: this.createdAt,
      maxParticipants: this.maxParticipants,
      mode: this.#mode,
    };
  }

  withSid(sid: string): M | undefined {
    return this.#members.get(sid);
  }

  withIdentity(identity: string): M | undefined {
    return this.#identities.get(identity);
  }

  /** A participant that others may see and address. */
  visible(sid: string): M | undefined {
    const member = this.#members.get(sid);
    return member === undefined || member.participant.perm.hidden ? undefined : member;
  }

  members(): IterableIterator<M> {
    return this.#members.values();
  }

  /** The JSON of every participant that `sid` may see, but its own. */
  othersJson(sid: string): string[] {
    const others: string[] = [];
    for (const { participant } of this.#members.values()) {
      if (participant.sid !== sid && !participant.perm.hidden) others.push(participant.json);
    }
    return others;
  }

  /** Whether one more fits; one that takes over its own identity always does. */
  hasPlaceFor(identity: string): boolean {
    return this.#members.size < this.maxParticipants || this.#identities.has(identity);
  }

  /** Why it has no place for media of one more; that of who has the identity already goes first. */
  shortageFor(identity: string): MediaShortage | null {
    const before = this.#identities.get(identity);
    const leaving = before && this.media?.of(before.participant.sid);
    return this.media?.shortage(leaving) ?? null;
  }

  /** Adds and notes it for the feed; the caller schedules the feed when its own reply is out. */
  add(member: M): void {
    this.#revision++;
    this.#members.set(member.participant.sid, member);
    this.#identities.set(member.participant.identity, member);
    this.feed.changed(member.participant);
    this.#reroute();
    this.observer?.onRoomEvent({
      event: 'participant_joined',
      room: this.info(),
      participant: member.participant.info(),
    });
  }

  /** Removes and notes it for the feed; does nothing for one that is not in the room. */
  remove(member: M, reason: string): void {
    const { sid, identity } = member.participant;
    if (!this.#members.delete(sid)) return;
    this.#revision++;
    if (this.#identities.get(identity) === member) this.#identities.delete(identity);
    if (this.#members.size === 0) this.#emptySince = this.#clock.monotonic();
    this.feed.gone(member.participant, reason);
    this.media?.remove(sid);
    this.#reroute();
    this.#left(member, reason);
  }

  /** Pushes one body to everybody but `exceptSid`. */
  broadcast(body: Buffer, exceptSid: string): void {
    for (const [sid, member] of this.#members) if (sid !== exceptSid) member.push(body);
  }

  /** What was forbidden to a member the server enforces: its media takes no other way any more. */
  enforce(member: M): void {
    this.route.hold(member, this.#mode === 'auto', this.#clock.monotonic());
  }

  /** That member has lost the connections that it had to another one. */
  renewRoute(member: M, now: number): void {
    this.route.renew(member, this.#mode === 'auto', now);
  }

  /** Nobody has been in it for its time-out. */
  isStale(now: number): boolean {
    return this.#members.size === 0 && now - this.#emptySince >= this.emptyTimeoutMs;
  }

  /** Lets go of everybody, then ends their sessions: nobody is told of the others' leaving. */
  close(why: Refusal): void {
    const members = [...this.#members.values()];
    this.#members.clear();
    this.#identities.clear();
    this.feed.close();
    this.media?.close();
    for (const member of members) {
      this.#left(member, why.reason);
      member.dismiss(why);
    }
  }

  #reroute(): void {
    this.route.update(this.#mode === 'auto', this.#clock.monotonic());
  }

  #left({ participant }: M, reason: string): void {
    this.observer?.onRoomEvent({
      event: 'participant_left',
      room: this.info(),
      participant: participant.info(),
      reason,
    });
  }
}

/** The message after its `{"s":<number>,`. */
function encodeRoom(room: RoomInfo): Buffer {
  return Buffer.from(JSON.stringify({ type: 'room', room }).slice(1));
}
