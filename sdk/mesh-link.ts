// The connection to one other participant: one RTCPeerConnection and the three who care for it
// (negotiation, media, health). Made and closed by mesh.ts; closing goes downward once.

import type { TrackInfo } from '../signaling/protocol.ts';
import { preferCodecs } from './codec-preferences.ts';
import type { ConnectionPath } from './connection-path.ts';
import type { MediaCrypto } from './encryption.ts';
import { LinkHealth } from './link-health.ts';
import { LinkMedia } from './link-media.ts';
import { LinkNegotiation } from './link-negotiation.ts';
import type { RemoteSignal } from './link-negotiation.ts';
import { linkStatsOf } from './link-stats.ts';
import type { LinkStats, TrackToFind } from './link-stats.ts';
import type { LocalPublication } from './local-publication.ts';
import type { MediaGrants } from './negotiation.ts';
import type { LinkPhase } from './timeline.ts';

export interface LinkSink {
  send(sid: string, signal: RemoteSignal): void;
  onTrack(sid: string, info: TrackInfo, track: MediaStreamTrack): void;
  onTrackGone(sid: string, info: TrackInfo, track: MediaStreamTrack): void;
  onLinkState(sid: string, state: RTCPeerConnectionState): void;
  onPath(sid: string, path: ConnectionPath): void;
  onPhase(sid: string, phase: LinkPhase): void;
  onFault(sid: string, error: unknown): void;
}

export interface LinkOptions {
  readonly sid: string;
  readonly polite: boolean;
  readonly offersFirst: boolean;
  readonly grants: MediaGrants;
  /** Asked again before each ICE restart: the TURN credentials in it expire. */
  readonly configuration: () => RTCConfiguration;
  readonly publications: () => readonly LocalPublication[];
  readonly crypto: MediaCrypto | undefined;
}

export class MeshLink {
  readonly sid: string;
  readonly pc: RTCPeerConnection;
  readonly #options: LinkOptions;
  readonly #negotiation: LinkNegotiation;
  readonly #media: LinkMedia;
  readonly #health: LinkHealth;
  #closed = false;

  constructor(options: LinkOptions, sink: LinkSink) {
    const { sid, polite, offersFirst, grants, crypto } = options;
    this.sid = sid;
    this.#options = options;
    this.pc = new RTCPeerConnection(options.configuration());
    const guard = (transceiver: RTCRtpTransceiver): void => {
      crypto?.guard(transceiver);
      crypto?.show(transceiver.receiver, sid);
      if (crypto) preferCodecs(transceiver, { only: 'vp8', isEncrypted: true });
    };
    this.#media = new LinkMedia(this.pc, grants, guard, {
      onTrack: (info, track) => {
        if (info.kind === 'video') this.#health.watchFirstFrame();
        sink.onTrack(sid, info, track);
      },
      onTrackGone: (info, track) => sink.onTrackGone(sid, info, track),
    });
    this.#health = new LinkHealth(this.pc, polite, {
      onState: (state) => sink.onLinkState(sid, state),
      onPhase: (phase) => sink.onPhase(sid, phase),
      onPath: (path) => sink.onPath(sid, path),
      onRestart: () => this.#restartIce(),
    });
    this.#negotiation = new LinkNegotiation(
      this.pc,
      { polite, offersFirst },
      {
        prepare: () => this.#prepare(),
        onStable: () => this.#media.syncReceivers(),
        onPhase: (phase) => sink.onPhase(sid, phase),
        send: (signal) => sink.send(sid, signal),
        onFault: (error) => sink.onFault(sid, error),
      },
    );
    sink.onPhase(sid, 'created');
    this.#negotiation.start();
  }

  receive(signal: RemoteSignal): void {
    if (!this.#closed) this.#negotiation.receive(signal);
  }

  /** The local publications have changed. */
  async syncSenders(): Promise<void> {
    if (this.#closed || !this.#negotiation.begun) return;
    await this.#media.syncSenders(this.#options.publications());
  }

  async setGrants(grants: MediaGrants): Promise<void> {
    if (!this.#media.setGrants(grants)) return;
    await this.syncSenders();
    this.#media.syncReceivers();
  }

  restart(): void {
    this.#health.restart();
  }

  tracks(): TrackToFind[] {
    return this.#media.tracks();
  }

  async stats(): Promise<LinkStats> {
    return linkStatsOf(await this.pc.getStats(), this.#media.tracks());
  }

  audioLevel(): number {
    return this.#media.audioLevel();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#health.close();
    this.#negotiation.close();
    this.#media.close();
    this.pc.close();
  }

  async #prepare(): Promise<void> {
    if (this.pc.signalingState === 'stable') this.#media.addFirstLines();
    await this.#media.syncSenders(this.#options.publications());
  }

  #restartIce(): void {
    if (this.#closed) return;
    try {
      this.pc.setConfiguration(this.#options.configuration());
    } catch {
      // A browser may refuse a change of configuration; the restart is still worth making with the old one.
    }
    this.pc.restartIce();
    this.#negotiation.nudge();
  }
}
