// Peer-to-peer media of a room: one link per other participant, made when it is known and closed when it is
// gone. Decides who offers first, holds signals that overtake `people`, and hands fresh ICE servers to
// restarts. Owned by room.ts.

import type { IceServer, Permissions, RelayedSignalMessage } from '../signaling/protocol.ts';
import { EarlySignals } from './early-signals.ts';
import type { LocalPublication } from './local-publication.ts';
import { MeshLink } from './mesh-link.ts';
import type { LinkSink } from './mesh-link.ts';
import { isPolite, mediaGrants } from './negotiation.ts';
import type { MediaGrants } from './negotiation.ts';

/** What the mesh needs to know of a participant. */
export interface MeshMember {
  readonly sid: string;
  readonly perm: Readonly<Permissions>;
}

export interface MeshOptions {
  readonly relayOnly: boolean;
  /** One certificate for all links saves a key generation each. */
  readonly certificate: () => RTCCertificate | undefined;
  readonly publications: () => readonly LocalPublication[];
  readonly now: () => number;
}

export class Mesh {
  readonly #options: MeshOptions;
  readonly #sink: LinkSink;
  readonly #links = new Map<string, MeshLink>();
  readonly #early = new EarlySignals();
  #self: MeshMember;
  #iceServers: IceServer[];

  constructor(
    options: MeshOptions,
    joined: { self: MeshMember; iceServers: IceServer[] },
    sink: LinkSink,
  ) {
    this.#options = options;
    this.#self = joined.self;
    this.#iceServers = joined.iceServers;
    this.#sink = sink;
  }

  link(sid: string): MeshLink | undefined {
    return this.#links.get(sid);
  }

  links(): IterableIterator<MeshLink> {
    return this.#links.values();
  }

  /**
   * Makes the link to a participant, or follows a change of its grants. `offersFirst`: we came later than
   * it.
   */
  add(info: MeshMember, offersFirst: boolean): void {
    const grants = mediaGrants(this.#self.perm, info.perm);
    const existing = this.#links.get(info.sid);
    if (existing) {
      existing.setGrants(grants).catch((error: unknown) => this.#sink.onFault(info.sid, error));
      return;
    }
    const waiting = this.#early.take(info.sid, this.#options.now());
    if (!grants.send && !grants.receive) return;
    try {
      const link = this.#open(info.sid, offersFirst, grants);
      this.#links.set(info.sid, link);
      for (const message of waiting) link.receive(message);
    } catch (error) {
      // The browser refused, e.g. because of too many connections: the others go on.
      this.#sink.onFault(info.sid, error);
    }
  }

  remove(sid: string): void {
    const link = this.#links.get(sid);
    this.#links.delete(sid);
    link?.close();
  }

  /** `known`: the sender is in the room, so a missing link is by its grants. */
  receive(message: RelayedSignalMessage, known: boolean): void {
    const link = this.#links.get(message.from);
    if (link) link.receive(message);
    else if (!known) this.#early.hold(message, this.#options.now());
  }

  /** Our grants may have changed; the caller adds everybody again. */
  setSelf(self: MeshMember): void {
    this.#self = self;
  }

  setIceServers(iceServers: IceServer[]): void {
    this.#iceServers = iceServers;
  }

  /** The local publications have changed. */
  async syncSenders(): Promise<void> {
    await Promise.all(
      [...this.#links.values()].map((link) =>
        link.syncSenders().catch((error: unknown) => this.#sink.onFault(link.sid, error)),
      ),
    );
  }

  restartAll(): void {
    for (const link of this.#links.values()) link.restart();
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
