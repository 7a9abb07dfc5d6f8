// The media of one room: who publishes what, who speaks, and when slots are looked at again: soon after a
// change, and for all participants at once. Called by: Room, its owner; the switchboard with the events.
// Allocates: the order of the tracks, once for each change.

import type { Clock } from '../../shared/clock.ts';
import type { ImpairOrder, Speaker } from '../../sfu/control.ts';
import type { MediaPlace, MediaShortage } from '../media-plane.ts';
import type { Participant } from '../participant.ts';
import type { PeopleFeed } from '../people-feed.ts';
import type { SpeakersMessage, TrackInfo } from '../protocol.ts';
import { Demands } from './demands.ts';
import type { MediaCounters } from './media-counters.ts';
import { SimulatedNetwork } from '../simulate-network.ts';
import type { NegotiatedTransport, TransportOptions } from './negotiated-transport.ts';
import { ParticipantMedia } from './participant-media.ts';
import type { MediaOptions, MediaOwner, MediaRoom } from './media-room.ts';
import { rankTracks } from './ranking.ts';
import type { Ranking } from './ranking.ts';
import type { Track } from './track.ts';

/** What all rooms share: numbers and places. */
export interface MediaExchange {
  readonly counters: MediaCounters;
  /** Of all places. */
  readonly shortage: MediaShortage | null;
  place(roomSid: string): MediaPlace;
  nextNumber(): number;
  opened(id: number, media: ParticipantMedia): void;
  closed(id: number): void;
  roomClosed(roomSid: string): void;
}

export type TrackEvent = 'track_published' | 'track_unpublished';

export interface RoomMediaOptions {
  readonly sid: string;
  readonly feed: PeopleFeed;
  readonly clock: Clock;
  /** Least time between two looks at the slots, milliseconds. */
  readonly everyMs: number;
  /** An encoding that nobody has wanted for so long may rest, milliseconds. */
  readonly restAfterMs: number;
  /** Each track once, and once when it is gone. */
  onTrack?: ((event: TrackEvent, participant: Participant, track: TrackInfo) => void) | undefined;
}

/** Those who are louder are told of, the others count as silent; bounds a message that everybody gets. */
const SPEAKERS_MAX = 16;
const AUDIO: readonly Track['kind'][] = ['audio'];

export class RoomMedia implements MediaRoom {
  readonly sid: string;
  readonly demands: Demands;
  readonly #exchange: MediaExchange;
  readonly #feed: PeopleFeed;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #onTrack: RoomMediaOptions['onTrack'];
  readonly #participants = new Map<string, ParticipantMedia>();
  readonly #tracks = new Map<string, Track>();
  readonly #publications = new Map<number, Track>();
  /** Microphones that the media worker forwards. */
  #audible: readonly Track[] = [];
  readonly #rankings: Record<Track['kind'], Ranking | null> = { audio: null, video: null };
  #joined = 0;
  #spoken = 0;
  /** The loudest first. */
  readonly #heard = new Map<ParticipantMedia, SpeakersMessage['speakers'][number]>();
  /** What the media worker has said last. */
  #reported: readonly Speaker[] = [];
  /** Who is said to speak, whatever the media worker says, until the timer ends that. */
  readonly #pretenders = new Map<ParticipantMedia, NodeJS.Timeout>();
  readonly #networks = new WeakMap<ParticipantMedia, SimulatedNetwork>();
  /** The newest message of who speaks; '' before the first. */
  #speakers = '';
  /** Who has not heard it. */
  readonly #uninformed = new Set<ParticipantMedia>();
  #lookedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(exchange: MediaExchange, options: RoomMediaOptions) {
    const { sid, feed, clock, everyMs, restAfterMs, onTrack } = options;
    this.sid = sid;
    this.#exchange = exchange;
    this.#feed = feed;
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#onTrack = onTrack;
    this.demands = new Demands(clock, restAfterMs, (track, wanted) => {
      this.of(track.publisher.sid)?.onDemand(track, wanted);
    });
  }

  get counters(): MediaCounters {
    return this.#exchange.counters;
  }

  /** See MediaOptions. */
  add(
    owner: MediaOwner,
    { plain = false, only = null }: Partial<Omit<MediaOptions, 'joined'>> = {},
  ): ParticipantMedia {
    const options = { joined: ++this.#joined, plain, only };
    const media = new ParticipantMedia(this, owner, options);
    this.#participants.set(media.sid, media);
    this.inform(media);
    return media;
  }

  /** Tells who speaks to one that has missed it. */
  inform(media: ParticipantMedia): void {
    this.#uninformed.add(media);
    this.schedule();
  }

  of(participantSid: string): ParticipantMedia | undefined {
    return this.#participants.get(participantSid);
  }

  /** Closes the media of a participant; does nothing for one that is not there. */
  remove(participantSid: string): void {
    const media = this.#participants.get(participantSid);
    if (media === undefined) return;
    this.#participants.delete(participantSid);
    this.#uninformed.delete(media);
    const pretended = this.#pretenders.has(media);
    this.#endPretence(media);
    media.close();
    if (pretended) this.#silence(participantSid);
    this.#rankAgain();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const media of this.#participants.values()) media.close();
    this.#participants.clear();
    this.#uninformed.clear();
    for (const media of this.#pretenders.keys()) this.#endPretence(media);
    clearTimeout(this.#timer);
    this.demands.close();
    this.#exchange.roomClosed(this.sid);
  }

  shortage(leaving?: ParticipantMedia): MediaShortage | null {
    // What it gives up is enough, unless nobody is there to take it.
    return leaving?.transport?.place.shortage === 'full' ? null : this.#exchange.shortage;
  }

  opening(media: ParticipantMedia): Pick<TransportOptions, 'id' | 'place' | 'network'> {
    const id = this.#exchange.nextNumber();
    this.#exchange.opened(id, media);
    return { id, place: this.#exchange.place(this.sid), network: this.#networkOf(media) };
  }

  closed({ id }: NegotiatedTransport): void {
    this.#exchange.closed(id);
  }

  number(track: Track): void {
    this.#publications.delete(track.publication);
    track.publication = this.#exchange.nextNumber();
    this.#publications.set(track.publication, track);
    this.#tracks.set(track.sid, track);
    this.demands.begin(track);
  }

  numbered(tracks: readonly Track[]): void {
    if (tracks.length === 0) return;
    const set = new Set(tracks);
    for (const media of this.#participants.values()) media.follow(set);
    this.#rankAgain();
  }

  unnumber(track: Track): void {
    this.#publications.delete(track.publication);
    track.publication = 0;
    this.#rankAgain();
  }

  published(track: Track, { participant }: MediaOwner): void {
    this.#onTrack?.('track_published', participant, track.info());
  }

  unpublished(track: Track, { participant }: MediaOwner): void {
    this.#publications.delete(track.publication);
    this.#tracks.delete(track.sid);
    this.demands.end(track);
    for (const media of this.#participants.values()) media.forget(track);
    // The media worker says nothing more of it.
    if (track.kind === 'audio') this.#silence(track.publisher.sid);
    this.#onTrack?.('track_unpublished', participant, track.info());
  }

  changed(participant: Participant): void {
    this.#feed.changed(participant);
    this.#rankAgain();
  }

  ranking(kind: Track['kind']): Ranking {
    const known = this.#rankings[kind];
    if (known !== null) return known;
    const ranking = rankTracks([...this.#tracks.values()].filter((track) => track.kind === kind));
    this.#rankings[kind] = ranking;
    return ranking;
  }

  track(sid: string): Track | undefined {
    return this.#tracks.get(sid);
  }

  /** By the media worker's number. */
  trackNumbered(publication: number): Track | undefined {
    return this.#publications.get(publication);
  }

  flushIfWaiting(sid: string): void {
    this.#feed.flushIfWaiting(sid);
  }

  /** After the tick, or when `everyMs` have passed since the last time. */
  schedule(): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#lookedAt + this.#everyMs - this.#clock.monotonic();
    this.#timer = setTimeout(() => this.#look(), Math.max(waitMs, 0)).unref();
  }

  /** Makes the network of a participant bad, or as it was, also for transports that begin before it ends. */
  impair(participantSid: string, order: ImpairOrder): void {
    const media = this.#participants.get(participantSid);
    if (media === undefined) return;
    this.#networkOf(media).take(order);
    media.transport?.impair(order);
  }

  /** Says that a participant speaks, louder than the others, for that long; 0: no more. */
  pretendSpeaker(participantSid: string, ms: number): void {
    const media = this.#participants.get(participantSid);
    if (media === undefined) return;
    this.#endPretence(media);
    const end = (): void => this.pretendSpeaker(participantSid, 0);
    if (ms > 0) this.#pretenders.set(media, setTimeout(end, ms).unref());
    this.#hear();
  }

  /** Who speaks, the loudest first. */
  onSpeakers(speakers: readonly Speaker[]): void {
    this.#reported = speakers;
    this.#hear();
  }

  #hear(): void {
    const heard = this.#heard;
    const speakers = this.#reported;
    heard.clear();
    for (const media of this.#pretenders.keys()) {
      if (heard.size < SPEAKERS_MAX) heard.set(media, { sid: media.sid, level: 1, active: true });
    }
    for (const { publication, level, active } of speakers) {
      const sid = this.#publications.get(publication)?.publisher.sid;
      const media = sid === undefined ? undefined : this.#participants.get(sid);
      if (media === undefined || heard.has(media)) continue;
      if (heard.size === SPEAKERS_MAX) break;
      heard.set(media, { sid: media.sid, level: Math.round(level * 100) / 100, active });
    }
    for (const media of this.#participants.values()) media.speaking = -1;
    this.#spoken++;
    let loudness = 0;
    for (const [media, { active }] of heard) {
      if (!active) continue;
      media.speaking = loudness++;
      media.spokeAt = this.#spoken;
    }
    this.#rankAgain();
    this.#tellSpeakers();
  }

  /**
   * Which microphones are forwarded: slots are pointed at them now, since somebody has begun to speak. The media
   * worker sees to it that this is not often.
   */
  onHeard(publications: readonly number[]): void {
    for (const track of this.#audible) track.heard = -1;
    this.#audible = publications.flatMap((number) => this.#publications.get(number) ?? []);
    for (const [place, track] of this.#audible.entries()) track.heard = place;
    this.#rankings.audio = null;
    for (const media of this.#participants.values()) media.point(AUDIO);
  }

  /** The worker is gone with all transports that were there. */
  onPlaceLost(place: MediaPlace): void {
    for (const media of this.#participants.values()) {
      if (media.transport?.place === place) media.lost('worker');
    }
  }

  #networkOf(media: ParticipantMedia): SimulatedNetwork {
    const network = this.#networks.get(media) ?? new SimulatedNetwork(this.#clock);
    this.#networks.set(media, network);
    return network;
  }

  #endPretence(media: ParticipantMedia): void {
    clearTimeout(this.#pretenders.get(media));
    this.#pretenders.delete(media);
  }

  #silence(participantSid: string): void {
    for (const media of this.#heard.keys()) {
      if (media.sid !== participantSid) continue;
      this.#heard.delete(media);
      media.speaking = -1;
      this.#tellSpeakers();
      return;
    }
  }

  #tellSpeakers(): void {
    const message: SpeakersMessage = { type: 'speakers', speakers: [...this.#heard.values()] };
    const frame = JSON.stringify(message);
    if (frame === this.#speakers) return;
    this.#speakers = frame;
    this.#uninformed.clear();
    for (const { owner } of this.#participants.values()) owner.tell(frame);
  }

  #rankAgain(): void {
    this.#rankings.audio = null;
    this.#rankings.video = null;
    this.schedule();
  }

  #look(): void {
    this.#timer = undefined;
    this.#lookedAt = this.#clock.monotonic();
    this.#feed.schedule();
    for (const media of this.#participants.values()) media.point();
    if (this.#heard.size > 0) for (const { owner } of this.#uninformed) owner.tell(this.#speakers);
    this.#uninformed.clear();
  }
}
