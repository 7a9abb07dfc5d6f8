// Media through the server: one connection, whose slots the server points at tracks. Offers go out one at a time;
// what the server does by itself (`bind`, `need`) needs none. Owned by room.ts.

import type {
  AnswerMessage,
  IceServer,
  JoinedMessage,
  ParticipantInfo,
  SdpAnswer,
} from '../signaling/protocol.ts';
import { connectionPathOf } from './connection-path.ts';
import type { ConnectionPath } from './connection-path.ts';
import { isOver, SternaClientError } from './errors.ts';
import { RELAY_AFTER_MS, RESET_WAIT_MS, RESTARTS_MAX, RESTART_WAIT_MAX_MS } from './limits.ts';
import { LinkHealth } from './link-health.ts';
import { linkStatsOf } from './link-stats.ts';
import type { LinkStats } from './link-stats.ts';
import type { LocalPublication } from './local-publication.ts';
import { PublishedTracks } from './published-tracks.ts';
import type { SlotCounts } from './receive-slots.ts';
import type { MediaPush, RoomMedia, RoomMediaSink } from './room-media.ts';
import { Rounds } from './rounds.ts';
import type { SfuOffer, SfuPeer } from './sfu-peer.ts';
import { loudnessOf, receiverOf, tracksIn } from './slot-readings.ts';
import { SlotTable } from './slot-table.ts';
import type { Filled } from './slot-table.ts';

export interface SfuMediaOptions {
  readonly publications: () => readonly LocalPublication[];
  /** The most slots that there shall be. */
  readonly want: SlotCounts;
  readonly makePeer: () => SfuPeer;
}

export class SfuMedia implements RoomMedia {
  readonly isDirect = false;
  readonly #options: SfuMediaOptions;
  readonly #sink: RoomMediaSink;
  readonly #members = new Set<string>();
  readonly #slots = new SlotTable();
  /** By `mid`, what is shown of the slots. */
  readonly #shown = new Map<string, RTCRtpReceiver>();
  readonly published: PublishedTracks;
  readonly #rounds = new Rounds(() => this.#round());
  readonly #selfSid: string;
  #mayReceive: boolean;
  #iceServers: IceServer[];
  #peer: SfuPeer;
  #health: LinkHealth;
  #state: RTCPeerConnectionState = 'new';
  #need: SlotCounts = { audio: 0, video: 0 };
  /** To the offer that travelled in `join`. */
  #firstAnswer: SdpAnswer | undefined;
  /** The next round offers even though it has nothing to tell. */
  #due: boolean;
  /** The server has yet to hear of this connection. */
  #isNew: boolean;
  /** Sections of a new answer cannot be looked up before it is applied. */
  #applying = false;
  #isAway = false;
  #restarts = 0;
  #resets = 0;
  #resetTimer: ReturnType<typeof setTimeout> | undefined;
  #relayTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** `peer` has made the offer that `joined` answers. */
  constructor(options: SfuMediaOptions, joined: JoinedMessage, peer: SfuPeer, sink: RoomMediaSink) {
    this.#options = options;
    this.#sink = sink;
    this.#selfSid = joined.self.sid;
    this.#mayReceive = joined.self.perm.canSubscribe;
    this.#iceServers = joined.ice.servers;
    this.published = new PublishedTracks(async (track, muted) => {
      await sink.request({ type: 'mute', track, muted });
    });
    this.#peer = peer;
    this.published.offered(peer.offered);
    this.#health = this.#watch(peer);
    this.#firstAnswer = joined.answer;
    this.#due = joined.answer === undefined;
    this.#isNew = joined.resumed;
    if (joined.answer) this.#applySlots(joined.answer);
    this.#run();
  }

  add(info: ParticipantInfo): void {
    const isNew = !this.#members.has(info.sid);
    this.#members.add(info.sid);
    this.#slots.setTracks(info.sid, info.tracks);
    if (isNew) this.#sink.onLinkState(info.sid, this.#state);
    this.#show();
  }

  remove(sid: string): void {
    this.#members.delete(sid);
    this.#slots.forget(sid);
    this.#show();
  }

  setSelf(info: ParticipantInfo): void {
    this.#mayReceive = info.perm.canSubscribe;
    this.published.onSelf(info.tracks);
  }

  setIceServers(iceServers: IceServer[]): void {
    this.#iceServers = iceServers;
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
      case 'subs':
        for (const subscription of message.subs) this.#sink.onQuality(subscription);
        break;
      case 'layers':
        this.published.want(message.track, message.wanted);
        this.#applyWanted();
        break;
      case 'media':
        this.#reset();
        break;
      case 'signal':
      case 'route':
    }
  }

  async sync(): Promise<void> {
    const publications = this.#options.publications();
    this.published.sync(publications);
    if (this.#peer.senders.differs(publications)) await this.#rounds.run();
    else await this.#peer.senders.sync(publications);
  }

  /** For auto-media.ts: these of ours are not sent. */
  async hold(tracks: ReadonlySet<string>): Promise<void> {
    await this.#peer.senders.hold((one) => tracks.has(this.published.sidOf(one) ?? ''));
  }

  /** For auto-media.ts: what that track comes with. */
  receiverOf(track: string): RTCRtpReceiver | undefined {
    return receiverOf(this.#slots.filled(), this.#shown, track);
  }

  restart(): void {
    this.#health.restart();
  }

  /** Meanwhile somebody may come whom nobody tells us of. */
  setAway(away: boolean): void {
    this.#isAway = away;
    this.#applyWanted();
  }

  recover({ media, participants }: JoinedMessage): void {
    if (media) this.#applySlots(media);
    else this.#reset();
    for (const info of participants) if (info.sid !== this.#selfSid) this.add(info);
    this.#show();
    for (const subscription of media?.subs ?? []) this.#sink.onQuality(subscription);
    this.published.wantAllBut(media?.layers ?? []);
    this.#applyWanted();
  }

  async connectionPath(): Promise<ConnectionPath | null> {
    return connectionPathOf(await this.#peer.pc.getStats());
  }

  async stats(): Promise<Map<string, LinkStats>> {
    const report = await this.#peer.pc.getStats();
    const tracks = tracksIn(this.#slots.filled(), this.#shown, this.#members);
    tracks.set(
      this.#selfSid,
      this.#peer.senders.tracks((publication) => this.published.sidOf(publication)),
    );
    return new Map([...tracks].map(([sid, wanted]) => [sid, linkStatsOf(report, wanted)]));
  }

  audioLevel(sid: string): number {
    return loudnessOf(this.#slots.filled(), this.#shown, sid);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#resetTimer);
    this.#end();
  }

  /** Offers what is to be told, if anything, and applies the answer. */
  async #round(): Promise<void> {
    const peer = this.#peer;
    const first = this.#firstAnswer;
    this.#firstAnswer = undefined;
    if (first && !(await this.#accept(peer, first))) this.#due = true;
    if (this.#isOld(peer) || !(await this.#prepare(peer))) return;
    const offer = await peer.offer();
    if (this.#isOld(peer)) return;
    this.published.offered(peer.offered);
    const answer = await this.#ask(peer, offer);
    if (!answer || this.#isOld(peer)) return;
    // Before anything else is awaited: a `bind` may follow on its heels.
    this.#applySlots(answer);
    if (!(await this.#accept(peer, answer))) this.#due = true;
  }

  /** True when there is something to offer. */
  async #prepare(peer: SfuPeer): Promise<boolean> {
    const publications = this.#options.publications();
    const differs = peer.senders.differs(publications);
    await peer.senders.sync(publications);
    const grew = peer.addSlots(this.#need);
    const due = this.#due;
    this.#due = false;
    return (differs || grew || due) && !peer.isEmpty();
  }

  async #ask(peer: SfuPeer, offer: SfuOffer): Promise<AnswerMessage | undefined> {
    const { id, sdp, tracks } = offer;
    this.#sink.onPhase('offer');
    this.#sink.onOffer(sdp.length);
    try {
      return await this.#sink.request({
        type: 'offer',
        id,
        sdp,
        tracks,
        ...(this.#isNew ? { reset: true } : {}),
      });
    } catch (error) {
      if (isOver(error) || this.#isOld(peer)) return undefined;
      // What it told has still to be told.
      this.#due = true;
      await peer.rollBack();
      throw error;
    }
  }

  async #accept(peer: SfuPeer, answer: SdpAnswer): Promise<boolean> {
    this.#applying = true;
    try {
      if (!(await peer.accept(answer, this.#iceServers))) return false;
    } catch (error) {
      if (!this.#isOld(peer)) throw error;
    } finally {
      this.#applying = false;
    }
    if (this.#isOld(peer)) return true;
    this.#isNew = false;
    this.#sink.onPhase('answer');
    this.published.answered(answer.tracks);
    this.published.sync(this.#options.publications());
    this.#applyWanted();
    this.#show();
    this.#awaitConnection();
    return true;
  }

  /** What the server points at what; the sections for it may still be on their way. */
  #applySlots({ bind, need }: Pick<SdpAnswer, 'bind' | 'need'>): void {
    this.#slots.bindAll(bind);
    this.#setNeed(need);
  }

  #setNeed({ audio, video }: SlotCounts): void {
    const { want } = this.#options;
    const need = { audio: Math.min(audio, want.audio), video: Math.min(video, want.video) };
    this.#need = need;
    const { slots } = this.#peer;
    if (slots.audio < need.audio || slots.video < need.video) this.#run();
  }

  #show(): void {
    if (this.#applying) return;
    const { emptied, filled } = this.#slots.changes();
    for (const slot of emptied) this.#hide(slot);
    for (const { mid, participant, info } of filled) {
      const receiver = this.#peer.receiver(mid, participant);
      if (!receiver) continue;
      this.#shown.set(mid, receiver);
      if (info.kind === 'video') this.#health.watchFirstFrame();
      this.#sink.onTrack(participant, info, receiver.track);
    }
  }

  #hide({ mid, participant, info }: Filled): void {
    const receiver = this.#shown.get(mid);
    this.#shown.delete(mid);
    if (receiver) this.#sink.onTrackGone(participant, info, receiver.track);
  }

  #applyWanted(): void {
    for (const [one, wanted] of this.published.wanted()) {
      this.#peer.senders.want(one, this.#isAway ? {} : wanted);
    }
  }

  #run(): void {
    this.#rounds.run().catch((error: unknown) => this.#fail(error));
  }

  /** Without media the connection is made anew, later and later; with it, others may have more luck. */
  #fail(error: unknown): void {
    if (this.#closed || isOver(error)) return;
    this.#sink.onFault(error);
    const hopeless = error instanceof SternaClientError && error.retry === 'never';
    if (this.#state !== 'connected' && !(hopeless && this.#resets > 0)) this.#resetLater();
  }

  #resetLater(): void {
    clearTimeout(this.#resetTimer);
    const delayMs = Math.min(RESET_WAIT_MS * 2 ** this.#resets, RESTART_WAIT_MAX_MS);
    this.#resetTimer = setTimeout(() => this.#reset(), delayMs);
  }

  /** Another connection: what the server had of this one is gone, or nothing helps it any more. */
  #reset(): void {
    if (this.#closed) return;
    clearTimeout(this.#resetTimer);
    this.#resets += 1;
    this.#restarts = 0;
    const { slots } = this.#peer;
    this.#end();
    this.#peer = this.#options.makePeer();
    this.#health = this.#watch(this.#peer);
    // An offer of slots that are not granted is refused.
    if (this.#mayReceive) this.#peer.addSlots(slots);
    this.#firstAnswer = undefined;
    this.#isNew = true;
    this.#due = true;
    this.#run();
  }

  #end(): void {
    clearTimeout(this.#relayTimer);
    this.#slots.bindAll([]);
    this.#applying = false;
    this.#show();
    this.published.forget();
    this.#health.close();
    this.#peer.close();
  }

  #watch(peer: SfuPeer): LinkHealth {
    return new LinkHealth(peer.pc, false, {
      onState: (state) => this.#onState(peer, state),
      onPhase: (phase) => this.#sink.onPhase(phase),
      onPath: (path) => this.#sink.onPath(this.#selfSid, path),
      onRestart: () => this.#restartIce(peer),
    });
  }

  #onState(peer: SfuPeer, state: RTCPeerConnectionState): void {
    if (this.#isOld(peer)) return;
    this.#state = state;
    if (state === 'connected') {
      clearTimeout(this.#relayTimer);
      this.#restarts = 0;
      this.#resets = 0;
    } else if (state === 'failed' && peer.isDtlsOver()) {
      // No ICE restart brings that back.
      this.#resetLater();
    }
    for (const sid of [this.#selfSid, ...this.#members]) this.#sink.onLinkState(sid, state);
  }

  #restartIce(peer: SfuPeer): void {
    if (this.#isOld(peer)) return;
    this.#restarts = this.#state === 'connected' ? 1 : this.#restarts + 1;
    if (this.#restarts > RESTARTS_MAX) {
      this.#reset();
      return;
    }
    peer.restartIce(this.#iceServers);
    this.#due = true;
    this.#run();
  }

  /** The first offer knew no relays: they are for who finds no direct way. */
  #awaitConnection(): void {
    clearTimeout(this.#relayTimer);
    const known = this.#restarts > 0 || this.#iceServers.length === 0;
    if (known || this.#state === 'connected') return;
    this.#relayTimer = setTimeout(() => this.#health.restart(), RELAY_AFTER_MS);
  }

  #isOld(peer: SfuPeer): boolean {
    return this.#closed || peer !== this.#peer;
  }
}
