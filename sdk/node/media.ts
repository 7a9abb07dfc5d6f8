// Media of a bot: one connection to the server, whose slots the server points at tracks. Offers go out one at a time; a
// connection that is lost is made anew. Owned by room.ts.

import type {
  AnswerMessage,
  JoinedMessage,
  ParticipantInfo,
  SdpAnswer,
  TrackInfo,
} from '../../signaling/protocol.ts';
import { isOver, SternaClientError } from '../errors.ts';
import { FIRST_SLOTS, RESET_WAIT_MS, RESTART_WAIT_MAX_MS, SLOTS_WANTED } from '../limits.ts';
import type { RequestBody } from '../request-ledger.ts';
import type { MediaPush } from '../room-media.ts';
import { Rounds } from '../rounds.ts';
import type { JoinOffer } from '../signal-connection.ts';
import { SlotTable } from '../slot-table.ts';
import type { Filled } from '../slot-table.ts';
import { grantsOf } from '../token-grants.ts';
import type { JoinOptions } from './join-options.ts';
import type { LocalTrack } from './local-track.ts';
import { Peer } from './peer.ts';
import type { SlotCounts } from './peer.ts';
import type { RemoteTrack } from './remote-track.ts';

/** `connecting` also while a lost connection is made anew; `none` where there is nothing to exchange. */
export type MediaState = 'none' | 'connecting' | 'connected';

export interface MediaSink {
  request(body: RequestBody): Promise<AnswerMessage | undefined>;
  onTrack(participant: string, info: TrackInfo, track: RemoteTrack): void;
  onTrackGone(participant: string, info: TrackInfo, track: RemoteTrack): void;
  onState(state: MediaState): void;
  /** What is being repaired. */
  onFault(error: unknown): void;
}

interface Prepared {
  readonly grants: string;
  readonly peer: Peer;
  readonly offer: Promise<JoinOffer>;
}

export class Media {
  readonly #sink: MediaSink;
  readonly #want: SlotCounts;
  readonly #adapts: boolean;
  readonly #published = new Set<LocalTrack>();
  readonly #slots = new SlotTable();
  readonly #shown = new Map<string, RemoteTrack>();
  readonly #rounds = new Rounds(() => this.#round());
  #prepared: Prepared | null = null;
  #peer: Peer | null = null;
  #state: MediaState = 'none';
  #mayReceive = true;
  #need: SlotCounts = { audio: 0, video: 0 };
  #lastOfferId = 0;
  /** The next round offers even though it has nothing to tell. */
  #due = false;
  /** The server has yet to hear of this connection. */
  #isNew = false;
  #resets = 0;
  #resetTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ want, adapt = true }: JoinOptions, sink: MediaSink) {
    this.#want = { ...SLOTS_WANTED, ...want };
    this.#adapts = adapt;
    this.#sink = sink;
  }

  get state(): MediaState {
    return this.#state;
  }

  get published(): ReadonlySet<LocalTrack> {
    return this.#published;
  }

  /** What `join` says of media. An offer that was not used serves the next attempt. Never rejects. */
  async joinOffer(token: string): Promise<JoinOffer> {
    const { canPublish, canSubscribe } = grantsOf(token);
    const grants = `${canPublish} ${canSubscribe}`;
    if (this.#prepared?.grants !== grants) {
      this.#discard();
      const peer = this.#makePeer();
      if (canPublish) peer.syncSenders(this.#published);
      if (canSubscribe) peer.addSlots(atMost(FIRST_SLOTS, this.#want));
      this.#prepared = { grants, peer, offer: this.#firstOffer(peer) };
    }
    try {
      return await this.#prepared.offer;
    } catch (error) {
      this.#discard();
      this.#sink.onFault(error);
      return { want: { ...this.#want } };
    }
  }

  /** A new session: all media starts anew. */
  enter(joined: JoinedMessage): void {
    this.#end();
    this.#mayReceive = joined.self.perm.canSubscribe;
    if (joined.room.mode === 'p2p') {
      this.#discard();
      return;
    }
    const peer = this.#prepared?.peer ?? this.#makePeer();
    this.#prepared = null;
    this.#peer = peer;
    this.#isNew = false;
    this.#due = joined.answer === undefined;
    const { answer } = joined;
    try {
      if (answer) this.#accept(peer, answer);
    } catch (error) {
      this.#replace(peer);
      this.#fail(error);
      return;
    }
    this.#run();
  }

  /** The same session, of whose pushes some are lost. */
  recover({ media }: JoinedMessage): void {
    if (!this.#peer) return;
    if (media) this.#applySlots(media);
    else this.#reset();
  }

  add({ sid, tracks }: ParticipantInfo): void {
    this.#slots.setTracks(sid, tracks);
    this.#show();
  }

  remove(sid: string): void {
    this.#slots.forget(sid);
    this.#show();
  }

  setSelf({ perm, tracks }: ParticipantInfo): void {
    this.#mayReceive = perm.canSubscribe;
    const muted = new Set(tracks.flatMap((info) => (info.muted ? [info.sid] : [])));
    for (const track of this.#published) {
      if (track.sid !== null && muted.has(track.sid)) track.noteMuted();
    }
  }

  receive(message: MediaPush): void {
    switch (message.type) {
      case 'bind':
        this.#slots.bind(message.map);
        this.#show();
        break;
      case 'need':
        this.#setNeed(message);
        break;
      case 'media':
        this.#reset();
        break;
      case 'subs':
      case 'layers':
      case 'signal':
      case 'route':
    }
  }

  /** From the next offer on. */
  preload(track: LocalTrack): void {
    this.#published.add(track);
  }

  /** Resolves when the server has answered. */
  async publish(track: LocalTrack): Promise<void> {
    if (!this.#peer) {
      throw new SternaClientError('UNSUPPORTED', 'In a room of mode p2p bots exchange no media');
    }
    this.#published.add(track);
    try {
      await this.#rounds.run();
    } catch (error) {
      this.#published.delete(track);
      track.close();
      this.#run();
      throw error;
    }
  }

  async unpublish(track: LocalTrack): Promise<void> {
    if (!this.#published.delete(track)) return;
    track.close();
    await this.#rounds.run();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#resetTimer);
    this.#end();
    this.#discard();
    for (const track of this.#published) track.close();
    this.#published.clear();
  }

  async #firstOffer(peer: Peer): Promise<JoinOffer> {
    const want = { ...this.#want };
    if (peer.isEmpty()) return { want };
    const sdp = await peer.offer();
    const tracks = [...peer.offered().values()];
    return { want, offer: { id: this.#nextOfferId(), sdp }, tracks };
  }

  /** Offers what is to be told, if anything, and applies the answer. */
  async #round(): Promise<void> {
    const peer = this.#peer;
    if (!peer) return;
    const differs = peer.syncSenders(this.#published);
    const grew = this.#mayReceive && peer.addSlots(atMost(this.#need, this.#want));
    const due = this.#due;
    this.#due = false;
    if (!(differs || grew || due) || peer.isEmpty()) return;
    const sdp = await peer.offer();
    if (this.#isOld(peer)) return;
    const answer = await this.#ask(peer, {
      type: 'offer',
      id: this.#nextOfferId(),
      sdp,
      tracks: [...peer.offered().values()],
      ...(this.#isNew ? { reset: true } : {}),
    });
    if (!answer || this.#isOld(peer)) return;
    try {
      this.#accept(peer, answer);
    } catch (error) {
      this.#replace(peer);
      throw error;
    }
  }

  async #ask(peer: Peer, offer: RequestBody): Promise<AnswerMessage | undefined> {
    try {
      return await this.#sink.request(offer);
    } catch (error) {
      if (isOver(error) || this.#isOld(peer)) return undefined;
      // This one waits for an answer, and takes no other offer.
      this.#replace(peer);
      throw error;
    }
  }

  #accept(peer: Peer, answer: SdpAnswer): void {
    peer.accept(answer.sdp);
    this.#isNew = false;
    if (this.#state === 'none') this.#setState('connecting');
    const sids = new Map(answer.tracks.map(({ mid, sid }) => [mid, sid]));
    for (const [track, { mid }] of peer.offered()) track.confirm(sids.get(mid) ?? null);
    this.#applySlots(answer);
  }

  #applySlots({ bind, need }: Pick<SdpAnswer, 'bind' | 'need'>): void {
    this.#slots.bindAll(bind);
    this.#show();
    this.#setNeed(need);
  }

  #setNeed({ audio, video }: SlotCounts): void {
    this.#need = { audio, video };
    const slots = this.#peer?.slotCounts;
    const wanted = atMost(this.#need, this.#want);
    if (slots && (slots.audio < wanted.audio || slots.video < wanted.video)) this.#run();
  }

  #show(): void {
    const { emptied, filled } = this.#slots.changes();
    for (const slot of emptied) this.#hide(slot);
    for (const { mid, participant, info } of filled) {
      const track = this.#peer?.slot(mid)?.show(info);
      if (!track) continue;
      this.#shown.set(mid, track);
      this.#sink.onTrack(participant, info, track);
    }
  }

  #hide({ mid, participant, info }: Filled): void {
    const track = this.#shown.get(mid);
    this.#shown.delete(mid);
    if (!track) return;
    this.#peer?.slot(mid)?.hide();
    this.#sink.onTrackGone(participant, info, track);
  }

  #run(): void {
    this.#rounds.run().catch((error: unknown) => this.#fail(error));
  }

  /** Tried again, later and later. */
  #fail(error: unknown): void {
    if (this.#closed || isOver(error)) return;
    this.#sink.onFault(error);
    this.#resetLater();
  }

  #resetLater(): void {
    clearTimeout(this.#resetTimer);
    const delayMs = Math.min(RESET_WAIT_MS * 2 ** this.#resets, RESTART_WAIT_MAX_MS);
    this.#resetTimer = setTimeout(() => this.#reset(), delayMs);
  }

  #reset(): void {
    if (this.#closed || !this.#peer) return;
    const resets = this.#resets + 1;
    this.#replace(this.#peer);
    this.#resets = resets;
    this.#run();
  }

  /** By a new connection, which the next round offers. */
  #replace({ slotCounts }: Peer): void {
    this.#end();
    this.#peer = this.#makePeer();
    if (this.#mayReceive) this.#peer.addSlots(slotCounts);
    this.#isNew = true;
    this.#due = true;
    this.#setState('connecting');
  }

  #end(): void {
    clearTimeout(this.#resetTimer);
    this.#resets = 0;
    this.#slots.bindAll([]);
    this.#show();
    this.#peer?.close();
    this.#peer = null;
    this.#need = { audio: 0, video: 0 };
    for (const track of this.#published) track.confirm(null);
    this.#setState('none');
  }

  #discard(): void {
    this.#prepared?.peer.close();
    this.#prepared = null;
  }

  #makePeer(): Peer {
    const peer = new Peer(this.#adapts, (state) => {
      if (this.#isOld(peer)) return;
      if (state === 'connected') {
        this.#resets = 0;
        this.#setState('connected');
      } else if (state === 'failed' || state === 'closed') {
        this.#setState('connecting');
        this.#resetLater();
      }
    });
    return peer;
  }

  #setState(state: MediaState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sink.onState(state);
  }

  #nextOfferId(): number {
    this.#lastOfferId += 1;
    return this.#lastOfferId;
  }

  #isOld(peer: Peer): boolean {
    return this.#closed || peer !== this.#peer;
  }
}

function atMost(counts: SlotCounts, most: SlotCounts): SlotCounts {
  return {
    audio: Math.min(counts.audio, most.audio),
    video: Math.min(counts.video, most.video),
  };
}
