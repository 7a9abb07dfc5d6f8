// Peer-to-peer media of a room: one link per other participant, made when it is known and closed when it is
// gone. Decides who offers first, holds signals that overtake `people`, and hands fresh ICE servers to
// restarts. Owned by room.ts.

import type { IceServer, JoinedMessage, ParticipantInfo } from '../signaling/protocol.ts';
import { connectionPathOf } from './connection-path.ts';
import type { ConnectionPath } from './connection-path.ts';
import { EarlySignals } from './early-signals.ts';
import type { LinkStats } from './link-stats.ts';
import { MeshLink } from './mesh-link.ts';
import type { LinkSink } from './mesh-link.ts';
import { isPolite, mediaGrants } from './negotiation.ts';
import type { MediaGrants } from './negotiation.ts';
import type { MediaPush, RoomMedia, RoomMediaOptions, RoomMediaSink } from './room-media.ts';

/** What the mesh needs to know of a participant. */
type Member = Pick<ParticipantInfo, 'sid' | 'perm'>;

export class Mesh implements RoomMedia {
  readonly isDirect = true;
  readonly #options: RoomMediaOptions;
  readonly #sink: LinkSink;
  readonly #members = new Map<string, Member>();
  readonly #links = new Map<string, MeshLink>();
  readonly #early = new EarlySignals();
  #self: Member;
  #iceServers: IceServer[];

  constructor(
    options: RoomMediaOptions,
    joined: { self: Member; iceServers: IceServer[] },
    sink: RoomMediaSink,
  ) {
    this.#options = options;
    this.#self = joined.self;
    this.#iceServers = joined.iceServers;
    this.#sink = {
      send: (to, signal) => {
        // Refused when the participant has just left; its `people` is on the way.
        sink.request({ type: 'signal', to, ...signal }).catch(() => undefined);
      },
      onTrack: (sid, info, track) => sink.onTrack(sid, info, track),
      onTrackGone: (sid, info, track) => sink.onTrackGone(sid, info, track),
      onLinkState: (sid, state) => sink.onLinkState(sid, state),
      onPath: (sid, path) => sink.onPath(sid, path),
      onPhase: (sid, phase) => sink.onPhase(phase, sid),
      onFault: (sid, error) => sink.onFault(error, sid),
    };
  }

  /** Makes the link to a participant, or follows a change of its grants. */
  add(info: Member, wasHere: boolean): void {
    this.#members.set(info.sid, { sid: info.sid, perm: info.perm });
    const grants = mediaGrants(this.#self.perm, info.perm);
    const existing = this.#links.get(info.sid);
    if (existing) {
      existing.setGrants(grants).catch((error: unknown) => this.#sink.onFault(info.sid, error));
      return;
    }
    const waiting = this.#early.take(info.sid, this.#options.now());
    if (!grants.send && !grants.receive) return;
    try {
      const link = this.#open(info.sid, wasHere, grants);
      this.#links.set(info.sid, link);
      for (const message of waiting) link.receive(message);
    } catch (error) {
      // The browser refused, e.g. because of too many connections: the others go on.
      this.#sink.onFault(info.sid, error);
    }
  }

  remove(sid: string): void {
    const link = this.#links.get(sid);
    this.#members.delete(sid);
    this.#links.delete(sid);
    link?.close();
  }

  receive(message: MediaPush, isKnown: (sid: string) => boolean): void {
    if (message.type !== 'signal') return;
    const link = this.#links.get(message.from);
    if (link) link.receive(message);
    // Of somebody who is known, it is by its grants that there is no link.
    else if (!isKnown(message.from)) this.#early.hold(message, this.#options.now());
  }

  /** Our grants may have changed, and with them every link. */
  setSelf(self: Member): void {
    this.#self = self;
    for (const member of this.#members.values()) this.add(member, true);
  }

  setIceServers(iceServers: IceServer[]): void {
    this.#iceServers = iceServers;
  }

  async sync(): Promise<void> {
    await Promise.all(
      [...this.#links.values()].map((link) =>
        link.syncSenders().catch((error: unknown) => this.#sink.onFault(link.sid, error)),
      ),
    );
  }

  restart(): void {
    for (const link of this.#links.values()) link.restart();
  }

  /** Everybody looks at everything. */
  setAway(): void {}

  recover({ participants }: JoinedMessage): void {
    this.restart();
    for (const info of participants) if (info.sid !== this.#self.sid) this.add(info, true);
  }

  async connectionPath(sid: string): Promise<ConnectionPath | null> {
    const link = this.#links.get(sid);
    return link ? connectionPathOf(await link.pc.getStats()) : null;
  }

  async stats(): Promise<Map<string, LinkStats>> {
    const entries = [...this.#links].map(async ([sid, link]) => [sid, await link.stats()] as const);
    return new Map(await Promise.all(entries));
  }

  audioLevel(sid: string): number {
    return this.#links.get(sid)?.audioLevel() ?? 0;
  }

  close(): void {
    for (const sid of this.#links.keys()) this.remove(sid);
    this.#early.clear();
  }

  #open(sid: string, offersFirst: boolean, grants: MediaGrants): MeshLink {
    return new MeshLink(
      {
        sid,
        polite: isPolite(this.#self.sid, sid),
        offersFirst,
        grants,
        configuration: () => this.#configuration(),
        publications: this.#options.publications,
        crypto: this.#options.crypto,
      },
      this.#sink,
    );
  }

  #configuration(): RTCConfiguration {
    const { relayOnly } = this.#options;
    const certificate = this.#options.certificate();
    return {
      iceServers: this.#iceServers,
      iceTransportPolicy: relayOnly ? 'relay' : 'all',
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
      ...(certificate ? { certificates: [certificate] } : {}),
    };
  }
}
