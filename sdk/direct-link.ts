// The connection between the two who are alone in a room of mode `auto`: decides track by track which way it is shown,
// and tells the other one, who then need not send it to the server. A way is left when the other one has something to
// show. Owned by auto-media.ts, which looks at it every moment; time is an argument.

import type { SignalMessage, TrackInfo } from '../signaling/protocol.ts';
import { DRAIN_MAX_MS, FLOWS_FROM, LINK_CONNECT_MS, LINK_SILENCE_MS } from './limits.ts';
import { arrivedAt } from './link-arrival.ts';
import { linkStatsOf } from './link-stats.ts';
import type { LinkStats, TrackToFind } from './link-stats.ts';
import type { LocalPublication } from './local-publication.ts';
import type { MeshLink } from './mesh-link.ts';

export type DirectSignal = Omit<SignalMessage, 'type' | 'i' | 'to' | 'link'>;

export interface DirectLinkOptions {
  /** The server's number of it. */
  readonly number: number;
  readonly link: MeshLink;
  readonly publications: () => readonly LocalPublication[];
  /** Of a publication of ours, when the server has given it one. */
  readonly sidOf: (publication: LocalPublication) => string | undefined;
  /** What the same track comes with by way of the server. */
  readonly viaServer: (track: string) => RTCRtpReceiver | undefined;
  readonly nowMs: number;
}

export interface DirectLinkSink {
  send(signal: DirectSignal): void;
  /** That track of the other one is to be shown from here; with null by way of the server. */
  onShow(track: string, direct: MediaStreamTrack | null): void;
  /** What the other one shows from here has changed: `needless`. */
  onNeedless(): void;
  /** It is over. */
  onClosed(): void;
}

interface Count {
  readonly track: TrackInfo;
  readonly direct: number;
  readonly server: number;
}

export class DirectLink {
  readonly number: number;
  readonly link: MeshLink;
  readonly #options: DirectLinkOptions;
  readonly #sink: DirectLinkSink;
  /** The other one's sections, by track. */
  #mids: ReadonlyMap<string, string> = new Map();
  /** Our tracks that the other one shows from here. */
  #theirs: ReadonlySet<string> = new Set();
  readonly #shown = new Map<string, MediaStreamTrack>();
  /** What had arrived when it was looked at first, by way and track. */
  readonly #base = new Map<string, number>();
  /** What had arrived of its sound, and since when no more did. */
  readonly #sound = new Map<string, { count: number; sinceMs: number }>();
  /** What the other one was told last. */
  #told = { tracks: '', shows: '{"shows":[]}' };
  #drainedAtMs: number | null = null;
  #closed = false;

  constructor(options: DirectLinkOptions, sink: DirectLinkSink) {
    this.number = options.number;
    this.link = options.link;
    this.#options = options;
    this.#sink = sink;
  }

  /** Our tracks that nobody needs by way of the server. */
  get needless(): ReadonlySet<string> {
    return this.#drainedAtMs === null ? this.#theirs : new Set();
  }

  /** All that is to be shown is shown from here. */
  get isSteady(): boolean {
    return this.#shown.size > 0 && this.#drainedAtMs === null;
  }

  get isShown(): boolean {
    return this.#shown.size > 0;
  }

  /** What that track of the other one is shown from here with. */
  shownOf(track: string): MediaStreamTrack | undefined {
    return this.#shown.get(track);
  }

  receive({ description, candidate, tracks, shows, over }: DirectSignal, nowMs: number): void {
    if (tracks) this.#mids = new Map(tracks.map(({ mid, track }) => [track, mid]));
    if (shows) {
      // Who says the same again has lost what it was told.
      const isSame =
        shows.length === this.#theirs.size && shows.every((one) => this.#theirs.has(one));
      if (isSame && shows.length > 0) this.#told = { tracks: '', shows: '' };
      this.#theirs = new Set(shows);
      this.#sink.onNeedless();
    }
    if (over) this.drain(nowMs);
    if (description !== undefined || candidate !== undefined) {
      this.link.receive({ description, candidate });
    }
  }

  /** The server has everything again from now on; what is shown from here stays until it comes from there. */
  drain(nowMs: number): void {
    if (this.#drainedAtMs !== null) return;
    this.#drainedAtMs = nowMs;
    this.#base.clear();
    this.#sink.onNeedless();
  }

  /** Pushes are lost: nobody knows what the other one knows. */
  recover(): void {
    this.#theirs = new Set();
    this.#told = { tracks: '', shows: '' };
    this.#sink.onNeedless();
    this.link.restart();
  }

  /** @param bound all that the server would send us of the other one */
  async look(bound: readonly TrackInfo[], nowMs: () => number): Promise<void> {
    this.#tell('tracks', { tracks: this.#ours() });
    for (const sid of this.#shown.keys()) {
      if (!bound.some((track) => track.sid === sid)) this.#shown.delete(sid);
    }
    const counts = await Promise.all(bound.map((track) => this.#count(track)));
    if (this.#closed) return;
    const now = nowMs();
    const isDead = this.#isDead(counts, now);
    if (isDead && this.#drainedAtMs === null) this.#giveUp(now);
    for (const count of counts) this.#choose(count, isDead);
    this.#tell('shows', { shows: [...this.#shown.keys()] });
    const drainedAtMs = this.#drainedAtMs;
    if (drainedAtMs === null || this.#shown.size > 0) return;
    if (this.#theirs.size === 0 || now - drainedAtMs >= DRAIN_MAX_MS) this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#drainedAtMs === null) this.#sink.send({ over: true });
    this.#drainedAtMs ??= 0;
    const shown = [...this.#shown.keys()];
    this.#shown.clear();
    for (const sid of shown) this.#sink.onShow(sid, null);
    this.link.close();
    this.#sink.onClosed();
  }

  /** @param bound as in `look` */
  async stats(bound: readonly TrackInfo[]): Promise<Record<TrackToFind['direction'], LinkStats>> {
    const report = await this.link.pc.getStats();
    const received = bound.flatMap(({ sid, source }): TrackToFind[] => {
      const id = this.#shown.get(sid)?.id;
      const mid = this.#mids.get(sid) ?? null;
      return id === undefined ? [] : [{ sid, source, direction: 'received', mid, id }];
    });
    const sent = this.link.tracks().filter(({ direction }) => direction === 'sent');
    return {
      received: linkStatsOf(report, received),
      sent: linkStatsOf(
        report,
        sent.map((track) => Object.assign(track, { sid: this.#sidOf(track.id) ?? '' })),
      ),
    };
  }

  #giveUp(nowMs: number): void {
    this.#sink.send({ over: true });
    this.drain(nowMs);
  }

  #choose({ track, direct, server }: Count, isDead: boolean): void {
    const { sid } = track;
    const receiver = this.#receiver(sid);
    if (this.#drainedAtMs === null) {
      const flows = this.#flows(`direct ${sid}`, track.kind, direct);
      if (!flows || !receiver || this.#shown.get(sid) === receiver.track) return;
      this.#shown.set(sid, receiver.track);
      this.#sink.onShow(sid, receiver.track);
    } else if (this.#shown.has(sid)) {
      // Of what is muted the server sends nothing.
      const flows = this.#flows(`server ${sid}`, track.kind, server);
      if (!flows && !isDead && !track.muted) return;
      this.#shown.delete(sid);
      this.#sink.onShow(sid, null);
    }
  }

  /** So much more has arrived than when it was looked at first that what follows is in time. */
  #flows(key: string, kind: 'audio' | 'video', count: number): boolean {
    const base = this.#base.get(key);
    if (base === undefined) this.#base.set(key, count);
    return base !== undefined && count - base >= FLOWS_FROM[kind];
  }

  async #count(track: TrackInfo): Promise<Count> {
    const [direct, server] = await Promise.all([
      arrivedAt(this.#receiver(track.sid)),
      arrivedAt(this.#options.viaServer(track.sid)),
    ]);
    return { track, direct, server };
  }

  /** Sound comes all the time, and its end is seen long before ICE notices. */
  #isDead(counts: readonly Count[], nowMs: number): boolean {
    const { connectionState, iceConnectionState } = this.link.pc;
    if (connectionState === 'failed' || connectionState === 'closed') return true;
    if (iceConnectionState === 'disconnected') return true;
    if (connectionState !== 'connected') return nowMs - this.#options.nowMs >= LINK_CONNECT_MS;
    return counts.some(({ track, direct }) => {
      if (track.kind !== 'audio' || track.muted || !this.#shown.has(track.sid)) {
        this.#sound.delete(track.sid);
        return false;
      }
      const before = this.#sound.get(track.sid);
      if (before?.count === direct) return nowMs - before.sinceMs >= LINK_SILENCE_MS;
      this.#sound.set(track.sid, { count: direct, sinceMs: nowMs });
      return false;
    });
  }

  #receiver(track: string): RTCRtpReceiver | undefined {
    const mid = this.#mids.get(track);
    if (mid === undefined) return undefined;
    return this.link.pc.getTransceivers().find((transceiver) => transceiver.mid === mid)?.receiver;
  }

  #ours(): { mid: string; track: string }[] {
    return this.link.tracks().flatMap(({ direction, mid, id }) => {
      const track = direction === 'sent' ? this.#sidOf(id) : undefined;
      return mid === null || track === undefined ? [] : [{ mid, track }];
    });
  }

  /** Of what we send, by the id of the MediaStreamTrack. */
  #sidOf(id: string): string | undefined {
    const publication = this.#options.publications().find(({ track }) => track.id === id);
    return publication && this.#options.sidOf(publication);
  }

  #tell(what: 'tracks' | 'shows', signal: DirectSignal): void {
    const json = JSON.stringify(signal);
    if (this.#told[what] === json) return;
    this.#told[what] = json;
    this.#sink.send(signal);
  }
}
