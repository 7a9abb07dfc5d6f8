// The media of one participant: its offers and their answers, what it publishes, the slots it receives with.
// Needs no WebSocket. Called by: handlers, joining, whoever else answers offers; RoomMedia, its owner.
// Allocates: an answer; a message where slots are pointed elsewhere.

import type { PublicationSetup, SlotLayer } from '../../sfu/control.ts';
import type { IceCredentials } from '../../sfu/ice/credentials.ts';
import type { AgreedSection } from '../../sfu/sdp/negotiation.ts';
import type { MediaShortage } from '../media-plane.ts';
import type { Participant } from '../participant.ts';
import { LIMITS } from '../protocol.ts';
import type { JoinMessage, SdpAnswer, SubscribeMessage, Subscription } from '../protocol.ts';
import { refusal, snippet } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';
import type { MediaCounters } from './media-counters.ts';
import { NegotiatedTransport } from './negotiated-transport.ts';
import type { TransportOptions } from './negotiated-transport.ts';
import { planOffer } from './offer-plan.ts';
import type { OfferedMedia, OfferPlan, PlannedTrack } from './offer-plan.ts';
import type { Ranking } from './ranking.ts';
import { neededSlots, pointSlots } from './slot-policy.ts';
import { shortageRefusal } from './shortage.ts';
import { bindings, slotBindings, slotsOf } from './slots.ts';
import type { BoundSlot } from './slots.ts';
import { sentFormat, Track } from './track.ts';
import type { Publisher } from './track.ts';
import { Wishes } from './wishes.ts';

/** Whose media it is, and how its client is told. */
export interface MediaOwner {
  readonly participant: Participant;
  /** A numbered message that is kept for a resume; `body` is what comes after its `{"s":<number>,`. */
  push(body: Buffer): void;
  /** A message that is dropped where too much waits already. */
  tell(frame: string): void;
  /** The media worker has closed its transport; for a client that hears no `media` message. */
  onMediaLost?(reason: string): void;
}

export interface MediaOptions {
  /** In the order of joining. */
  readonly joined: number;
  /** The client keeps the slots of its first offer, never hears of them, and plays them as one MediaStream. */
  readonly plain: boolean;
  /** The identity of the one whose tracks it is shown; null for those of all. */
  readonly only: string | null;
}

/** The room, as the media of one participant needs it. */
export interface MediaRoom {
  readonly sid: string;
  readonly counters: MediaCounters;
  /** Why no transport can be opened, null when one can; that of `leaving`, if it has one, is closed first. */
  shortage(leaving?: ParticipantMedia): MediaShortage | null;
  /** A number for a transport, and where it is to live; until `closed`. */
  opening(media: ParticipantMedia): Pick<TransportOptions, 'id' | 'place' | 'network'>;
  closed(transport: NegotiatedTransport): void;
  /** Gives the track a number of its own, the next one if it has one. */
  number(track: Track): void;
  /** The media worker knows of these numbers: slots that show the tracks follow. */
  numbered(tracks: readonly Track[]): void;
  /** The media worker knows of it no more. */
  unnumber(track: Track): void;
  published(track: Track, owner: MediaOwner): void;
  unpublished(track: Track, owner: MediaOwner): void;
  /** What a participant publishes has changed, so the others are told, and slots may be pointed elsewhere. */
  changed(participant: Participant): void;
  /** Wishes have changed: slots are looked at soon. */
  schedule(): void;
  ranking(kind: Track['kind']): Ranking;
  track(sid: string): Track | undefined;
  /** Nothing of a participant may arrive before the news of it. */
  flushIfWaiting(sid: string): void;
}

type Counts = Record<Track['kind'], number>;

const KINDS: readonly Track['kind'][] = ['audio', 'video'];

/** Of a client that does not say. */
export const WANT_DEFAULT: Readonly<Counts> = { audio: 4, video: 9 };

export class ParticipantMedia implements Publisher {
  readonly owner: MediaOwner;
  readonly joined: number;
  speaking = -1;
  spokeAt = 0;
  readonly #room: MediaRoom;
  readonly #plain: boolean;
  readonly #only: string | null;
  #transport: NegotiatedTransport | null = null;
  #lost = false;
  #tracks: readonly Track[] = [];
  #slots: readonly BoundSlot[] = [];
  readonly #wishes = new Wishes();
  #want: Readonly<Counts> = WANT_DEFAULT;
  /** The slots that the client knows it should have. */
  #asked: Counts = { audio: 0, video: 0 };

  constructor(room: MediaRoom, owner: MediaOwner, { joined, plain, only }: MediaOptions) {
    this.#room = room;
    this.owner = owner;
    this.joined = joined;
    this.#plain = plain;
    this.#only = only;
  }

  get sid(): string {
    return this.owner.participant.sid;
  }

  get identity(): string {
    return this.owner.participant.identity;
  }

  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  get transport(): NegotiatedTransport | null {
    return this.#transport;
  }

  /** All that can be wrong with an offer; nothing changes. */
  plan(offered: OfferedMedia, reset = false): OfferPlan | Refusal {
    if (this.#lost && !reset) {
      return refusal('BAD_MESSAGE', 'offer: media was lost, expected a new one with reset');
    }
    const before = reset ? undefined : this.#transport?.agreed;
    const plan = planOffer(offered, this.owner.participant.perm, before);
    return 'reason' in plan || !isNew(plan)
      ? plan
      : (shortageRefusal(this.#room.shortage(this)) ?? plan);
  }

  /** Answers what was planned in the same tick; the media worker is told before this returns. */
  accept(plan: OfferPlan): SdpAnswer {
    const isFirst = isNew(plan);
    if (isFirst) this.#dropTransport(true);
    const transport = this.#transport ?? this.#open(plan);
    const { sdp, sections } = transport.answer(plan);
    const numbered = this.#publish(plan.tracks, sections, isFirst);
    this.#slots = slotsOf(sections, this.#slots);
    const changed = this.#weighed(this.#choose());
    if (isFirst) {
      transport.open(this.#publications(), slotBindings(this.#slots));
    } else {
      transport.change(this.#publications(), plan.reoffer?.iceRestart === true);
      transport.bind(slotBindings(changed));
    }
    this.#room.numbered(numbered);
    this.#room.counters.answers++;
    return {
      id: plan.id,
      sdp,
      tracks: this.#tracks.map(({ mid, sid }) => ({ mid, sid })),
      ...this.standing(),
    };
  }

  /** Every slot, and how many there should be: for a client that hears it now. */
  standing(): Pick<SdpAnswer, 'bind' | 'need'> {
    this.#asked = this.#needed();
    return { bind: bindings(this.#slots), need: { ...this.#asked } };
  }

  /** The most slots that the client is willing to have; what is not named stays. */
  want(want: JoinMessage['want']): void {
    if (want === undefined) return;
    this.#want = { audio: want.audio ?? this.#want.audio, video: want.video ?? this.#want.video };
    this.#room.schedule();
  }

  /** The client, or the media worker's path to it, restarts ICE without an offer. Ours; undefined: no transport. */
  restartIce(remote: IceCredentials): IceCredentials | undefined {
    const local = this.#transport?.restartIce(remote);
    this.#transport?.change(this.#publications(), true);
    return local;
  }

  /** Of the track of that sid, or of all; false when there is none. */
  mute(sid: string | undefined, muted: boolean): boolean {
    const tracks = this.#tracks.filter((track) => sid === undefined || track.sid === sid);
    if (sid !== undefined && tracks.length === 0) return false;
    const changed = tracks.filter((track) => track.muted !== muted);
    for (const track of changed) {
      this.#room.counters.mutes++;
      track.muted = muted;
      this.#transport?.mute(track.publication, muted);
    }
    if (changed.length > 0) this.#announce();
    return true;
  }

  /** Wishes for tracks of others, all of them or none. */
  subscribe({ tracks }: SubscribeMessage): Refusal | null {
    if (!this.owner.participant.perm.canSubscribe) {
      return refusal('NOT_ALLOWED', 'The token does not grant canSubscribe');
    }
    const unknown = tracks.find(({ track }) => this.#others(track) === undefined);
    if (unknown !== undefined) {
      return refusal('NOT_FOUND', `tracks: nobody else publishes ${snippet(unknown.track)}`);
    }
    for (const wish of tracks) this.#wishes.take(this.#others(wish.track)!, wish);
    this.#room.counters.subscribes++;
    this.#room.schedule();
    return null;
  }

  /** A track of another one is gone. */
  forget(track: Track): void {
    this.#wishes.forget(track);
  }

  /** After a change of `participant.perm`: what is not allowed any more ends now. */
  permissionsChanged(): void {
    const { canPublish, canSubscribe } = this.owner.participant.perm;
    if (!canPublish && this.#tracks.length > 0) {
      this.#publish([], [], false);
      this.#transport?.change([], false);
    }
    if (!canSubscribe) this.point();
    this.#room.schedule();
  }

  /** Points slots elsewhere where something better is to be shown, and asks for more where they are useful. */
  point(): void {
    const changed = this.#transport === null ? [] : this.#choose();
    this.#transport?.bind(slotBindings(this.#weighed(changed)));
    if (changed.length > 0) {
      for (const { participant } of bindings(changed)) {
        if (participant !== null) this.#room.flushIfWaiting(participant);
      }
      this.#room.counters.binds++;
      this.#push({ type: 'bind', map: bindings(changed) });
    }
    this.#ask();
  }

  /** What the subscriber's network is given of these slots has changed. */
  onLayers(slots: readonly SlotLayer[]): void {
    const subs = slots.flatMap(({ mid, publication, layer, reason }): Subscription[] => {
      const track = this.#slots.find((slot) => slot.mid === mid)?.track;
      if (track?.publication !== publication) return [];
      return [{ track: track.sid, state: layer < 0 ? 'paused' : 'live', layer, reason }];
    });
    if (subs.length > 0) this.#push({ type: 'subs', subs });
  }

  /** These tracks have new numbers: slots that show them go on with those. */
  follow(tracks: ReadonlySet<Track>): void {
    const slots = this.#slots.filter(({ track }) => track !== null && tracks.has(track));
    this.#transport?.bind(slotBindings(slots));
  }

  /** The media worker has closed the transport, or is gone; what is published stays for an offer with `reset`. */
  lost(reason: string): void {
    this.#dropTransport(false);
    this.#lost = true;
    for (const track of this.#tracks) this.#room.unnumber(track);
    this.#room.counters.lost++;
    this.#push({ type: 'media', state: 'lost', reason });
    this.owner.onMediaLost?.(reason);
  }

  /** The participant is gone; nobody is told here. */
  close(): void {
    this.#dropTransport(true);
    for (const track of this.#tracks) this.#room.unpublished(track, this.owner);
    this.#tracks = [];
  }

  #open(plan: OfferPlan): NegotiatedTransport {
    const options = { ...this.#room.opening(this), room: this.#room.sid, plain: this.#plain };
    this.#transport = new NegotiatedTransport(options, plan);
    this.#lost = false;
    return this.#transport;
  }

  #dropTransport(tell: boolean): void {
    const transport = this.#transport;
    if (transport === null) return;
    this.#transport = null;
    if (tell) transport.close();
    this.#room.closed(transport);
  }

  /** What is published from now on; returns the tracks with new numbers. */
  #publish(
    planned: readonly PlannedTrack[],
    sections: readonly AgreedSection[],
    begins: boolean,
  ): readonly Track[] {
    const agreed = new Map(sections.map((section) => [section.mid, section]));
    const known = new Set(this.#tracks);
    const tracks: Track[] = [];
    const numbered: Track[] = [];
    for (const { track: offer, section } of planned) {
      const { kind, mid } = section;
      const found = [...known].find((one) => one.is(kind, offer) && (begins || one.mid === mid));
      const track = found ?? new Track(this, kind, offer);
      known.delete(track);
      track.muted = offer.muted ?? track.muted;
      track.mid = mid;
      track.format = sentFormat(agreed.get(mid)!);
      track.encodings = Math.max(1, agreed.get(mid)!.simulcast.length);
      if (begins || found === undefined) {
        this.#room.number(track);
        numbered.push(track);
      }
      tracks.push(track);
    }
    for (const track of known) this.#room.unpublished(track, this.owner);
    const before = this.#tracks;
    this.#tracks = tracks;
    this.#announce();
    for (const track of tracks)
      if (!before.includes(track)) this.#room.published(track, this.owner);
    return numbered;
  }

  #announce(): void {
    const { participant } = this.owner;
    const changed = participant.setTracks(this.#tracks.map((track) => track.info()));
    if (changed) this.#room.changed(participant);
    else this.#room.schedule();
  }

  #publications(): PublicationSetup[] {
    return this.#tracks.map(({ publication, mid, muted }) => ({ publication, mid, muted }));
  }

  /** Applies the policy; returns the slots that are pointed elsewhere now. */
  #choose(): BoundSlot[] {
    const { canSubscribe } = this.owner.participant.perm;
    const { pinned, off } = this.#wishes;
    const viewer = { sid: this.sid, pinned, off, only: this.#only };
    const changed = KINDS.flatMap((kind) => {
      const slots = this.#slotsOf(kind);
      if (slots.length === 0) return [];
      const changes = canSubscribe
        ? pointSlots(slots, this.#room.ranking(kind), viewer)
        : new Map(slots.filter(({ track }) => track !== null).map((slot) => [slot, null]));
      for (const [slot, track] of changes) slot.track = track;
      return [...changes.keys()];
    });
    this.#room.counters.slotsPointed += changed.length;
    return changed;
  }

  /** These slots, and those that may take more or less than before. */
  #weighed(changed: readonly BoundSlot[]): BoundSlot[] {
    const weighed = this.#slots.filter((slot) => this.#wishes.weigh(slot));
    return [...new Set([...changed, ...weighed])];
  }

  #needed(): Counts {
    return { audio: this.#neededOf('audio'), video: this.#neededOf('video') };
  }

  #neededOf(kind: Track['kind']): number {
    if (!this.owner.participant.perm.canSubscribe) return 0;
    let useful = this.#room.ranking(kind).order.length;
    for (const track of this.#tracks) if (track.kind === kind) useful--;
    for (const track of this.#wishes.off) if (track.kind === kind) useful--;
    const most = Math.min(this.#want[kind], LIMITS.slots);
    return neededSlots(useful, this.#slotsOf(kind).length, most);
  }

  #slotsOf(kind: Track['kind']): BoundSlot[] {
    return this.#slots.filter((slot) => slot.kind === kind);
  }

  #ask(): void {
    if (this.#plain || this.#lost) return;
    const needed = this.#needed();
    const lacks = (kind: Track['kind']): boolean =>
      needed[kind] > this.#asked[kind] && needed[kind] > this.#slotsOf(kind).length;
    if (!KINDS.some(lacks)) return;
    for (const kind of KINDS) this.#asked[kind] = Math.max(this.#asked[kind], needed[kind]);
    this.#room.counters.needs++;
    this.#push({ type: 'need', ...this.#asked });
  }

  #others(sid: string): Track | undefined {
    const track = this.#room.track(sid);
    return track?.publisher === this ? undefined : track;
  }

  #push(push: Record<string, unknown>): void {
    // What comes after `{"s":<number>,`.
    this.owner.push(Buffer.from(JSON.stringify(push).slice(1)));
  }
}

/** A transport is made for it. */
function isNew({ reoffer }: OfferPlan): boolean {
  return reoffer === undefined || reoffer.dtlsRestart;
}
