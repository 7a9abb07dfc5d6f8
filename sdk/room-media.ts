// How media of a room flows, behind one door: between participants (mesh.ts), or through the server (sfu-media.ts) and
// besides as it says (auto-media.ts). room.ts does not care which.

import type {
  AnswerMessage,
  BindMessage,
  IceServer,
  JoinedMessage,
  LayersMessage,
  MediaLostMessage,
  NeedMessage,
  ParticipantInfo,
  RelayedSignalMessage,
  RouteMessage,
  SubsMessage,
  Subscription,
  TrackInfo,
} from '../signaling/protocol.ts';
import type { ConnectionPath } from './connection-path.ts';
import type { MediaCrypto } from './encryption.ts';
import type { LinkStats } from './link-stats.ts';
import type { LocalPublication } from './local-publication.ts';
import type { RequestBody } from './request-ledger.ts';
import type { LinkPhase } from './timeline.ts';

/** Pushes that are about media. */
export type MediaPush =
  | RelayedSignalMessage
  | RouteMessage
  | BindMessage
  | NeedMessage
  | SubsMessage
  | LayersMessage
  | MediaLostMessage;

/** What is made between participants is made with this. */
export interface RoomMediaOptions {
  readonly relayOnly: boolean;
  /** One certificate for all connections saves a key generation each. */
  readonly certificate: () => RTCCertificate | undefined;
  readonly publications: () => readonly LocalPublication[];
  readonly crypto: MediaCrypto | undefined;
  readonly now: () => number;
}

export interface RoomMedia {
  /** What comes from others comes from them, and not from the server. */
  readonly isDirect: boolean;
  /**
   * Somebody is here, or what the server says of it has changed. `wasHere`: we came later, so the first offer is
   * ours.
   */
  add(info: ParticipantInfo, wasHere: boolean): void;
  remove(sid: string): void;
  /** The server says something new about ourselves. */
  setSelf(info: ParticipantInfo): void;
  setIceServers(iceServers: IceServer[]): void;
  /** `isKnown`: a sender is in the room. */
  receive(message: MediaPush, isKnown: (sid: string) => boolean): void;
  /** What is published, or muted, has changed; resolves when it is on its way to the others. */
  sync(): Promise<void>;
  /** The network has changed. */
  restart(): void;
  /** Pushes are lost: nothing that was sent meanwhile can be relied on. */
  recover(joined: JoinedMessage): void;
  connectionPath(sid: string): Promise<ConnectionPath | null>;
  /** By sid. */
  stats(): Promise<Map<string, LinkStats>>;
  /** 0 to 1, of the newest audio packets; 0 in silence. */
  audioLevel(sid: string): number;
  /** What the server has to say cannot be heard for a while, or can again. */
  setAway(away: boolean): void;
  /** Ends it; all tracks are gone. */
  close(): void;
}

/** What media tells the room. */
export interface RoomMediaSink {
  /** Resolves with the answer to an `offer`, and with nothing for what is answered by `ok`. */
  request(body: RequestBody): Promise<AnswerMessage | undefined>;
  /** Media of a published track arrives from now on. */
  onTrack(sid: string, info: TrackInfo, track: MediaStreamTrack): void;
  onTrackGone(sid: string, info: TrackInfo, track: MediaStreamTrack): void;
  /** The same arrives another way: that track instead of the one before, without a pause between the two. */
  onTrackReplaced(sid: string, info: TrackInfo, track: MediaStreamTrack): void;
  /** Who speaks, where the server cannot know it; null where it can. */
  onSpeakers(sids: readonly string[] | null): void;
  /** How well a track of somebody is sent to us. */
  onQuality(subscription: Subscription): void;
  onLinkState(sid: string, state: RTCPeerConnectionState): void;
  onPath(sid: string, path: ConnectionPath): void;
  /** Without `sid`: of the connection that is everybody's. */
  onPhase(phase: LinkPhase, sid?: string): void;
  /** Bytes of an offer, as it is sent. */
  onOffer(bytes: number): void;
  /** Something failed that is being repaired. */
  onFault(error: unknown, sid?: string): void;
}
