// What the server sends in `sterna.v1`, one type for each message, and what stands in them.
// Imported by way of protocol.ts.

import type { CloseAction, Reason, Retry } from './codes.ts';
import type { SessionLimits, SignalMessage, TrackSource } from './protocol.ts';

export interface Permissions {
  canPublish: boolean;
  canSubscribe: boolean;
  canPublishData: boolean;
  roomAdmin: boolean;
  hidden: boolean;
}

export interface ParticipantInfo {
  sid: string;
  identity: string;
  name: string;
  /** Version; rises with each change, so a late update is recognised. */
  v: number;
  /** `away`: its WebSocket is lost and may still resume. */
  state: 'active' | 'away';
  joinedAt: number;
  meta: string;
  attrs: Record<string, string>;
  perm: Permissions;
  /** What it publishes; always empty in a room of mode `p2p`. */
  tracks: TrackInfo[];
}

export interface TrackInfo {
  sid: string;
  kind: 'audio' | 'video';
  source: TrackSource;
  name: string;
  muted: boolean;
}

/** A receive slot, by the `mid` of its section, and the track it is pointed at; both null for none. */
export interface Binding {
  mid: string;
  track: string | null;
  participant: string | null;
}

export interface RoomInfo {
  sid: string;
  name: string;
  meta: string;
  createdAt: number;
  maxParticipants: number;
  /** How media flows. */
  mode: 'p2p' | 'sfu';
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

export interface JoinedMessage {
  type: 'joined';
  re: number;
  /** Sequence number of the newest push that this message already covers. */
  s: number;
  session: { id: string; secret: string; ttlMs: number };
  room: RoomInfo;
  self: ParticipantInfo;
  participants: ParticipantInfo[];
  ice: { servers: IceServer[]; expiresAt: number };
  ping: { everyMs: number; timeoutMs: number };
  limits: SessionLimits;
  server: { ver: string; node: string; proto: string; features: string[] };
  resumed: boolean;
  /** To `offer`, complete: with all candidates of the server. */
  answer?: SdpAnswer;
  /**
   * With `lost`, in a room of mode `sfu`: every slot, and how many there should be. Absent when the server has no
   * media of this participant (any more): it offers, with `reset`.
   */
  media?: {
    bind: Binding[];
    need: { audio: number; video: number };
    /** As in `subs` and `layers`, all that holds. */
    subs: Subscription[];
    layers: Pick<LayersMessage, 'track' | 'wanted'>[];
  };
  /** With `resumed`: pushes were missed that can no longer be replayed, so the client renegotiates. */
  lost: boolean;
}

export interface SdpAnswer {
  /** The number of the offer. */
  id: number;
  sdp: string;
  /** The sids of what the client publishes. */
  tracks: { mid: string; sid: string }[];
  /** Every slot. */
  bind: Binding[];
  /** Slots that the server would fill; the client adds what it lacks of them and offers again. As in `need`. */
  need: { audio: number; video: number };
}

/** The reply to `offer`. */
export interface AnswerMessage extends SdpAnswer {
  type: 'answer';
  re: number;
}

/** Slots are pointed elsewhere: no SDP changes. Those that are not named stay as they are. */
export interface BindMessage {
  type: 'bind';
  s: number;
  map: Binding[];
}

/** How many slots there should be, at most as many as the client wants; it adds them with an `offer`. */
export interface NeedMessage {
  type: 'need';
  s: number;
  audio: number;
  video: number;
}

/** What a participant is sent of a picture, and why it is no better. */
export interface Subscription {
  track: string;
  /** `paused`: nothing is. */
  state: 'live' | 'paused';
  /** From 0 for the lowest; -1 while it is paused. */
  layer: number;
  /**
   * `best`: there is no better one; `bandwidth`: its network does not carry more; `limit`: it wants none larger;
   * `publisher`: nothing better is sent. And why it is paused: `bandwidth`; `publisher`: its network is away;
   * `hidden`: it is wanted 0 x 0; `muted`: by its publisher; `permission`: the participant may not subscribe any more.
   */
  reason: 'best' | 'bandwidth' | 'limit' | 'publisher' | 'hidden' | 'muted' | 'permission';
}

/** Subscriptions that have changed; those that are not named stay as they are. */
export interface SubsMessage {
  type: 'subs';
  s: number;
  subs: Subscription[];
}

/**
 * To the publisher of a picture that has said `layers` in `caps`: which of its encodings, by `rid`, anybody wants; the
 * others may rest. Before the first one all are.
 */
export interface LayersMessage {
  type: 'layers';
  s: number;
  track: string;
  /** With the name '' where there is one encoding without. */
  wanted: Record<string, boolean>;
}

/** Media of this participant is gone on the server's side: it offers anew, with `reset`. */
export interface MediaLostMessage {
  type: 'media';
  s: number;
  state: 'lost';
  reason: string;
}

/** Who speaks, the loudest first; all others are silent. Sent when it changes, and not kept for replay. */
export interface SpeakersMessage {
  type: 'speakers';
  speakers: {
    /** Of the participant. */
    sid: string;
    /** 0 to 1. */
    level: number;
    active: boolean;
  }[];
}

export interface PeopleMessage {
  type: 'people';
  s: number;
  upd: ParticipantInfo[];
  gone: { sid: string; reason: string }[];
}

/** The room is described anew: its metadata has changed. */
export interface RoomMessage {
  type: 'room';
  s: number;
  room: RoomInfo;
}

export interface RelayedSignalMessage {
  type: 'signal';
  s: number;
  from: string;
  description?: SignalMessage['description'];
  candidate?: SignalMessage['candidate'];
}

export interface RelayedDataMessage {
  type: 'data';
  s: number;
  /** Sid of the sender; empty: a server of whoever runs the room. */
  from: string;
  /** True when it was sent to named participants. */
  direct: boolean;
  topic?: string;
  payload: string;
}

/** The reply to a request that needs no other. */
export interface OkMessage {
  type: 'ok';
  re: number;
}

export interface PongMessage {
  type: 'pong';
  t: number;
  srvT: number;
}

export interface ErrorMessage {
  type: 'error';
  /** The request it answers, where that could be read. */
  re?: number;
  code: number;
  reason: Reason;
  message: string;
  retry: Retry;
  retryAfterMs?: number;
}

/** The last message before the server closes; the close code is the same. */
export interface ByeMessage {
  type: 'bye';
  code: number;
  reason: Reason;
  message: string;
  action: CloseAction;
  afterMs?: number;
}

export type ServerMessage =
  | JoinedMessage
  | AnswerMessage
  | BindMessage
  | NeedMessage
  | SubsMessage
  | LayersMessage
  | MediaLostMessage
  | SpeakersMessage
  | PeopleMessage
  | RoomMessage
  | RelayedSignalMessage
  | RelayedDataMessage
  | OkMessage
  | PongMessage
  | ErrorMessage
  | ByeMessage;

/** A server message with a sequence number, kept for replay. */
export type PushMessage =
  | PeopleMessage
  | RoomMessage
  | BindMessage
  | NeedMessage
  | SubsMessage
  | LayersMessage
  | MediaLostMessage
  | RelayedSignalMessage
  | RelayedDataMessage;
