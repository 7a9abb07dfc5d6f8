// The media of one participant: its offers and their answers, what it publishes, the slots it receives with.
// Needs no WebSocket. Called by: handlers, joining, whoever else answers offers; RoomMedia, its owner.
// Allocates: an answer; a message where slots are pointed elsewhere.

import type { PublicationSetup, SlotLayer } from '../../sfu/control.ts';
import type { IceCredentials } from '../../sfu/ice/credentials.ts';
import type { AgreedSection } from '../../sfu/sdp/negotiation.ts';
import { LIMITS } from '../protocol.ts';
import type {
  JoinedMessage,
  JoinMessage,
  LayersMessage,
  SdpAnswer,
  SubscribeMessage,
  Subscription,
} from '../protocol.ts';
import { refusal, snippet } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';
import { ALL_ENCODINGS, Audience } from './demands.ts';
import type { EncodingBits } from './demands.ts';
import type { MediaOptions, MediaOwner, MediaRoom } from './media-room.ts';
import { NegotiatedTransport } from './negotiated-transport.ts';
import { planOffer } from './offer-plan.ts';
import type { OfferedMedia, OfferPlan, PlannedTrack } from './offer-plan.ts';
import { neededSlots, pointSlots } from './slot-policy.ts';
import { shortageRefusal } from './shortage.ts';
import { SlotStates } from './slot-states.ts';
import { bindings, slotBindings, slotsOf } from './slots.ts';
import type { BoundSlot } from './slots.ts';
import { type Publisher, sentFormat, Track } from './track.ts';
import { Wishes } from './wishes.ts';

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
  readonly plain: boolean;
  readonly #only: string | null;
  #transport: NegotiatedTransport | null = null;
  #lost = false;
  #tracks: readonly Track[] = [];
  #slots: readonly BoundSlot[] = [];
  readonly wishes: Wishes;
  readonly #states = new SlotStates();
  readonly #audience: Audience;
  #want: Readonly<Counts> = WANT_DEFAULT;
  /** The slots that the client knows it should have. */
  #asked: Counts = { audio: 0, video: 0 };

  constructor(room: MediaRoom, owner: MediaOwner, { joined, plain, only }: MediaOptions) {
    this.#room = room;
    this.#audience = new Audience(room.demands);
    this.owner = owner;
    this.joined = joined;
    this.plain = plain;
    this.#only = only;
    this.wishes = new Wishes(only !== null);
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
    this.#audience.show(this.#slots);
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

  /** All that pushes which were lost have said. */
  recovery(): NonNullable<JoinedMessage['media']> {
    const layers = this.#tracks.flatMap((track) => {
      const told = this.#room.demands.told(track);
      return told === ALL_ENCODINGS ? [] : [layersOf(track, told)];
    });
    return { ...this.standing(), subs: this.#states.all, layers };
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
    for (const wish of tracks) this.wishes.take(this.#others(wish.track)!, wish);
    this.#room.counters.subscribes++;
    this.#room.schedule();
    return null;
  }

  /** A track of another one is gone. */
  forget(track: Track): void {
    this.wishes.forget(track);
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
  point(kinds: readonly Track['kind'][] = KINDS): void {
    const changed = this.#transport === null ? [] : this.#choose(kinds);
    const weighed = this.#transport === null ? [] : this.#weighed(changed);
    if (weighed.length > 0) this.#audience.show(this.#slots);
    this.#transport?.bind(slotBindings(weighed));
    if (changed.length > 0) {
      for (const { participant } of bindings(changed)) {
        if (participant !== null) this.#room.flushIfWaiting(participant);
      }
      this.#room.counters.binds++;
      this.#push({ type: 'bind', map: bindings(changed) });
    }
    if (this.#transport !== null) {
      this.#tell(this.#states.look(this.#slots, this.owner.participant.perm.canSubscribe));
    }
    this.#ask();
  }

  /** What the subscriber's network is given of these slots has changed. */
  onLayers(slots: readonly SlotLayer[]): void {
    const subs = slots.flatMap((layer) => {
      const track = this.#slots.find((slot) => slot.mid === layer.mid)?.track;
      return track?.publication === layer.publication ? this.#states.hear(layer, track) : [];
    });
    this.#tell(subs);
  }

  /** Whether its media reaches us. */
  onReach(isReached: boolean): void {
    for (const track of this.#tracks) track.cut = !isReached;
    if (this.#tracks.length > 0) this.#room.schedule();
  }

  /** Which encodings of a track of its own anybody is to be shown: for a client that can leave the others out. */
  onDemand(track: Track, wanted: EncodingBits): void {
    if (this.owner.caps?.includes('layers') !== true || this.#transport === null) return;
    this.#transport.rest(track.publication, track.wanted(wanted));
    this.#push({ type: 'layers', ...layersOf(track, wanted) });
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
    const options = { ...this.#room.opening(this), room: this.#room.sid, plain: this.plain };
    this.#transport = new NegotiatedTransport(options, plan);
    this.#lost = false;
    return this.#transport;
  }

  #dropTransport(tell: boolean): void {
    const transport = this.#transport;
    if (transport === null) return;
    this.#transport = null;
    this.#states.clear();
    this.#audience.show([]);
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
      track.rids = agreed.get(mid)!.simulcast.map(({ id }) => id);
      track.layers = offer.layers ?? 1;
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
    return this.#tracks.map((track) => track.setup());
  }

  /** Applies the policy; returns the slots that are pointed elsewhere now. */
  #choose(kinds: readonly Track['kind'][] = KINDS): BoundSlot[] {
    const { canSubscribe } = this.owner.participant.perm;
    const { pinned, off } = this.wishes;
    const viewer = { sid: this.sid, pinned, off, only: this.#only };
    const changed = kinds.flatMap((kind) => {
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
    const weighed = this.#slots.filter((slot) => this.wishes.weigh(slot));
    return [...new Set([...changed, ...weighed])];
  }

  #needed(): Counts {
    return { audio: this.#neededOf('audio'), video: this.#neededOf('video') };
  }

  #neededOf(kind: Track['kind']): number {
    if (!this.owner.participant.perm.canSubscribe) return 0;
    let useful = this.#room.ranking(kind).order.length;
    for (const track of this.#tracks) if (track.kind === kind) useful--;
    for (const track of this.wishes.off) if (track.kind === kind) useful--;
    const most = Math.min(this.#want[kind], LIMITS.slots);
    return neededSlots(useful, this.#slotsOf(kind).length, most);
  }

  #slotsOf(kind: Track['kind']): BoundSlot[] {
    return this.#slots.filter((slot) => slot.kind === kind);
  }

  #ask(): void {
    if (this.plain || this.#lost) return;
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

  #tell(subs: readonly Subscription[]): void {
    if (subs.length > 0) this.#push({ type: 'subs', subs });
  }

  #push(push: Record<string, unknown>): void {
    // What comes after `{"s":<number>,`.
    this.owner.push(Buffer.from(JSON.stringify(push).slice(1)));
  }
}

function layersOf(track: Track, bits: EncodingBits): Pick<LayersMessage, 'track' | 'wanted'> {
  const wanted = track.wanted(bits);
  const rids = track.rids.length > 0 ? track.rids : [''];
  return { track: track.sid, wanted: Object.fromEntries(rids.map((rid, i) => [rid, wanted[i]!])) };
}

/** A transport is made for it. */
function isNew({ reoffer }: OfferPlan): boolean {
  return reoffer === undefined || reoffer.dtlsRestart;
}
