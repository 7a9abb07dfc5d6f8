// Media of a room whose server forwards (mode `sfu` or `auto`, which may change): always through the server
// (sfu-media.ts), and besides directly (direct-link.ts) while the server says that we are two. Tracks are those that
// the server would send; the direct way only changes where the MediaStreamTrack of each comes from. Owned by room.ts.

import type {
  IceServer,
  JoinedMessage,
  ParticipantInfo,
  RelayedSignalMessage,
  RouteInfo,
  Subscription,
  TrackInfo,
} from '../signaling/protocol.ts';
import { connectionPathOf } from './connection-path.ts';
import type { ConnectionPath } from './connection-path.ts';
import { DirectLink } from './direct-link.ts';
import type { DirectSignal } from './direct-link.ts';
import { EARLY_SIGNALS_PER_SENDER, LOOK_MS, LOOK_STEADY_MS } from './limits.ts';
import { loudnessSent } from './link-arrival.ts';
import type { LinkStats } from './link-stats.ts';
import { MeshLink } from './mesh-link.ts';
import { isPolite, mediaGrants } from './negotiation.ts';
import type { MediaPush, RoomMedia, RoomMediaOptions, RoomMediaSink } from './room-media.ts';
import type { SfuMedia } from './sfu-media.ts';
import { Hearing } from './speakers.ts';

/** A track that the server would send, and where it is shown from. */
interface Shown {
  readonly participant: string;
  readonly info: TrackInfo;
  readonly server: MediaStreamTrack;
  track: MediaStreamTrack;
  /** What the server said last of how well it is sent. */
  quality: Subscription | null;
}

export class AutoMedia implements RoomMedia {
  readonly #options: RoomMediaOptions;
  readonly #sink: RoomMediaSink;
  readonly #sfu: SfuMedia;
  readonly #people = new Map<string, ParticipantInfo>();
  /** By sid of the track. */
  readonly #shown = new Map<string, Shown>();
  readonly #hearing = new Hearing();
  #self: ParticipantInfo;
  #iceServers: IceServer[];
  #route: RouteInfo;
  #direct: DirectLink | null = null;
  /** Whom it is with. */
  #other = '';
  /** Number of the newest one; after it has ended there is no other one of that number. */
  #newest = 0;
  /** Of a link that is not there yet. */
  #early: RelayedSignalMessage[] = [];
  /** Of each way, the newest. */
  readonly #paths: { direct?: ConnectionPath; server?: ConnectionPath } = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLooking = false;
  /** What is pushed is about a connection of another page. */
  #isDeaf: boolean;
  #closed = false;

  /** @param openSfu makes the way through the server */
  constructor(
    options: RoomMediaOptions,
    joined: JoinedMessage,
    sink: RoomMediaSink,
    openSfu: (sink: RoomMediaSink) => SfuMedia,
  ) {
    this.#options = options;
    this.#sink = sink;
    this.#self = joined.self;
    this.#iceServers = joined.ice.servers;
    this.#route = joined.route ?? { via: 'sfu' };
    this.#isDeaf = joined.resumed;
    this.#sfu = openSfu({
      request: async (body) => {
        const answer = await sink.request(body);
        if (answer) this.#isDeaf = false;
        return answer;
      },
      onTrack: (sid, info, track) => this.#onTrack(sid, info, track),
      onTrackGone: (sid, info, track) => this.#onTrackGone(sid, info, track),
      onTrackReplaced: (sid, info, track) => sink.onTrackReplaced(sid, info, track),
      onQuality: (quality) => this.#onQuality(quality),
      onSpeakers: (sids) => sink.onSpeakers(sids),
      onLinkState: (sid, state) => sink.onLinkState(sid, state),
      onPath: (_sid, path) => this.#onPath('server', path),
      onPhase: (phase, sid) => sink.onPhase(phase, sid),
      onOffer: (bytes) => sink.onOffer(bytes),
      onFault: (error, sid) => sink.onFault(error, sid),
    });
  }

  get isDirect(): boolean {
    return this.#direct?.isShown ?? false;
  }

  add(info: ParticipantInfo): void {
    this.#people.set(info.sid, info);
    this.#sfu.add(info);
    this.#follow();
  }

  remove(sid: string): void {
    this.#people.delete(sid);
    this.#sfu.remove(sid);
    if (sid === this.#other) this.#direct?.close();
  }

  setSelf(info: ParticipantInfo): void {
    this.#self = info;
    this.#sfu.setSelf(info);
  }

  setIceServers(iceServers: IceServer[]): void {
    this.#iceServers = iceServers;
    this.#sfu.setIceServers(iceServers);
  }

  receive(message: MediaPush): void {
    if (message.type === 'route') {
      this.#route = message;
      this.#follow();
    } else if (message.type === 'signal') {
      this.#onSignal(message);
    } else if (!this.#isDeaf) {
      this.#sfu.receive(message);
    }
  }

  async sync(): Promise<void> {
    await this.#sfu.sync();
    await this.#direct?.link.syncSenders();
  }

  restart(): void {
    this.#sfu.restart();
    this.#direct?.link.restart();
  }

  setAway(away: boolean): void {
    this.#sfu.setAway(away);
  }

  recover(joined: JoinedMessage): void {
    this.#route = joined.route ?? { via: 'sfu' };
    this.#sfu.recover(joined);
    for (const info of joined.participants) {
      if (info.sid !== this.#self.sid) this.#people.set(info.sid, info);
    }
    this.#direct?.recover();
    this.#follow();
  }

  async connectionPath(): Promise<ConnectionPath | null> {
    const direct = this.#direct;
    if (!direct?.isShown) return this.#sfu.connectionPath();
    return connectionPathOf(await direct.link.pc.getStats());
  }

  async stats(): Promise<Map<string, LinkStats>> {
    const stats = await this.#sfu.stats();
    const direct = this.#direct;
    if (!direct) return stats;
    const { received, sent } = await direct.stats(this.#bound());
    if (direct.isShown) stats.set(this.#other, received);
    if (direct.needless.size > 0) stats.set(this.#self.sid, sent);
    return stats;
  }

  audioLevel(sid: string): number {
    const isDirect = sid === this.#other && this.#direct?.isShown === true;
    return isDirect ? (this.#direct?.link.audioLevel() ?? 0) : this.#sfu.audioLevel(sid);
  }

  close(): void {
    this.#closed = true;
    this.#direct?.close();
    this.#sfu.close();
  }

  /** Makes the link that the route asks for, when the one before is over. */
  #follow(): void {
    const { via, link = 0, with: other = '' } = this.#route;
    const wanted = via === 'p2p' ? link : 0;
    if (this.#direct) {
      if (this.#direct.number !== wanted) this.#direct.drain(this.#options.now());
      return;
    }
    const info = this.#people.get(other);
    if (this.#closed || wanted <= this.#newest || !info) return;
    try {
      this.#open(wanted, info);
    } catch (error) {
      // The browser refused: media goes on through the server.
      this.#sink.onFault(error, other);
    }
  }

  #open(number: number, { sid, perm }: ParticipantInfo): void {
    this.#newest = number;
    const grants = mediaGrants(this.#self.perm, perm);
    if (!grants.send && !grants.receive) return;
    const send = (signal: DirectSignal): void => {
      const message = { type: 'signal', to: sid, link: number, ...signal } as const;
      // Refused when the other one has just left, or somebody has come.
      this.#sink.request(message).catch(() => undefined);
    };
    const polite = isPolite(this.#self.sid, sid);
    const link = new MeshLink(
      {
        sid,
        polite,
        offersFirst: !polite,
        grants,
        configuration: () => this.#configuration(),
        publications: this.#options.publications,
        crypto: this.#options.crypto,
      },
      {
        send: (_sid, signal) => send(signal),
        // Which of its tracks is which the other one tells.
        onTrack: () => undefined,
        onTrackGone: () => undefined,
        onLinkState: () => this.#lookSoon(0),
        onPath: (_sid, path) => this.#onPath('direct', path),
        onPhase: (of, phase) => this.#sink.onPhase(phase, of),
        onFault: (of, error) => this.#sink.onFault(error, of),
      },
    );
    this.#other = sid;
    this.#direct = new DirectLink(
      {
        number,
        link,
        publications: this.#options.publications,
        sidOf: (publication) => this.#sfu.published.sidOf(publication),
        viaServer: (track) => this.#sfu.receiverOf(track),
        nowMs: this.#options.now(),
      },
      {
        send,
        onShow: (track, direct) => this.#show(track, direct),
        onNeedless: () => {
          this.#hold();
          this.#lookSoon(0);
        },
        onClosed: () => this.#onClosed(),
      },
    );
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#onSignal(message);
    this.#lookSoon(LOOK_MS);
  }

  /** Directly or not at all: a relay would be a detour, where the server is one already. */
  #configuration(): RTCConfiguration {
    const urls = this.#iceServers.flatMap((server) => server.urls);
    const stun = urls.filter((url) => url.startsWith('stun:'));
    const certificate = this.#options.certificate();
    return {
      iceServers: stun.length > 0 ? [{ urls: stun }] : [],
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
      ...(certificate ? { certificates: [certificate] } : {}),
    };
  }

  /** The path is everybody's, as in a room of mode `sfu`: that of the way that media takes. */
  #onPath(way: 'direct' | 'server', path: ConnectionPath): void {
    this.#paths[way] = path;
    if (this.isDirect === (way === 'direct')) this.#sink.onPath(this.#self.sid, path);
  }

  #onSignal(message: RelayedSignalMessage): void {
    const { link = 0, from } = message;
    if (this.#direct?.number === link && from === this.#other) {
      this.#direct.receive(message, this.#options.now());
    } else if (link > this.#newest && this.#early.length < EARLY_SIGNALS_PER_SENDER) {
      this.#early.push(message);
    }
  }

  #onClosed(): void {
    this.#direct = null;
    this.#other = '';
    clearTimeout(this.#timer);
    this.#hold();
    this.#sink.onSpeakers(null);
    this.#follow();
  }

  #lookSoon(inMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#look().catch((error: unknown) => this.#sink.onFault(error, this.#other));
    }, inMs);
  }

  async #look(): Promise<void> {
    const direct = this.#direct;
    if (!direct || this.#isLooking) return;
    this.#isLooking = true;
    try {
      await direct.look(this.#bound(), this.#options.now);
      this.#hold();
      if (direct === this.#direct && direct.isShown) await this.#hear(direct);
    } finally {
      this.#isLooking = false;
    }
    if (this.#direct) this.#lookSoon(this.#direct.isSteady ? LOOK_STEADY_MS : LOOK_MS);
  }

  #bound(): TrackInfo[] {
    const tracks = this.#people.get(this.#other)?.tracks ?? [];
    return tracks.filter(({ sid }) => this.#shown.has(sid));
  }

  async #hear(direct: DirectLink): Promise<void> {
    const levels = new Map([
      [this.#other, direct.link.audioLevel()],
      [this.#self.sid, await loudnessSent(direct.link.pc)],
    ]);
    if (direct !== this.#direct) return;
    this.#sink.onSpeakers(this.#hearing.hear(levels, this.#options.now()));
  }

  /** What the other one has directly, the server need not have. */
  #hold(): void {
    const held = this.#direct?.needless ?? new Set<string>();
    this.#sfu.hold(held).catch((error: unknown) => this.#sink.onFault(error));
  }

  #onTrack(participant: string, info: TrackInfo, track: MediaStreamTrack): void {
    this.#shown.set(info.sid, { participant, info, server: track, track, quality: null });
    this.#sink.onTrack(participant, info, track);
    // The server points another slot at it, while it comes directly as before.
    const direct = this.#direct?.shownOf(info.sid);
    if (direct) this.#show(info.sid, direct);
    else if (this.#direct) this.#lookSoon(0);
  }

  #onTrackGone(participant: string, info: TrackInfo, track: MediaStreamTrack): void {
    const shown = this.#shown.get(info.sid);
    this.#shown.delete(info.sid);
    this.#sink.onTrackGone(participant, info, shown?.track ?? track);
  }

  #onQuality(quality: Subscription): void {
    const shown = this.#shown.get(quality.track);
    if (shown) shown.quality = quality;
    if (!shown || shown.track === shown.server) this.#sink.onQuality(quality);
  }

  #show(sid: string, direct: MediaStreamTrack | null): void {
    const shown = this.#shown.get(sid);
    if (!shown) return;
    const { participant, info, server, quality } = shown;
    shown.track = direct ?? server;
    this.#sink.onTrackReplaced(participant, info, shown.track);
    const path = this.#paths[this.isDirect ? 'direct' : 'server'];
    if (path) this.#sink.onPath(this.#self.sid, path);
    if (!quality) return;
    // The other one sends one size directly, as well as it can.
    const best = { track: sid, state: 'live', layer: 0, temporalLayer: 0, reason: 'best' } as const;
    this.#sink.onQuality(direct ? best : quality);
  }
}
