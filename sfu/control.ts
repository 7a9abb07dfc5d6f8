// What the thread that answers offers tells a media worker of the SFU, and what it hears back: plain values that a
// structured clone carries, one type each way. Whoever answers has chosen every number before, so nobody waits.

import type { LayerReason } from './bandwidth/allocator.ts';
import type { IceCredentials } from './ice/credentials.ts';
import type { AgreedSection } from './sdp/negotiation.ts';

/** A track that a participant sends, in the section of that `mid`. */
export interface PublicationSetup {
  /** Chosen by the answering thread; unique in the process. */
  readonly publication: number;
  readonly mid: string;
  /** What comes is dropped, and nobody is sent any of it. */
  readonly muted: boolean;
  /** One of those of which only the loudest are forwarded. */
  readonly microphone?: boolean;
}

/** Both sides' credentials: ours went out in the answer. */
export interface IceSetup {
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
}

/** All of what a description came to; a later one replaces an earlier one whole. */
export interface MediaSetup {
  /** The accepted sections of the newest answer. */
  readonly sections: readonly AgreedSection[];
  readonly publications: readonly PublicationSetup[];
}

/** Points the outgoing stream of a section at a publication of the same room; 0: at none. */
export interface SlotBinding {
  readonly mid: string;
  readonly publication: number;
  /** The best encoding that is of use, from 0 for the lowest; all are where it is left out. */
  readonly wanted?: number;
  /** That one it is, whatever the network carries; one below where that is not sent. */
  readonly fixed?: boolean;
  /** The greater one is given more where the network does not carry all; 0 where it is left out. */
  readonly priority?: number;
  /** It is forwarded however quiet it is. */
  readonly pinned?: boolean;
}

/** One direction of a bad network; what is left out is as good as the real one. */
export interface NetworkConditions {
  /** The share of packets that get lost, from 0 to 1. */
  readonly loss?: number | undefined;
  /** The mean number of packets that get lost together; 1: each by itself. */
  readonly burst?: number | undefined;
  readonly delayMs?: number | undefined;
  /** Up to so much more delay, different for each packet; their order stays. */
  readonly jitterMs?: number | undefined;
  /** Bits a second through the bottleneck. */
  readonly rateBps?: number | undefined;
  /** What has to wait longer in front of the bottleneck is dropped. */
  readonly queueMs?: number | undefined;
}

/** The paths whose packets pass: TCP or our relays alone, or none until the peer has restarted ICE. */
export type ImpairedPath = 'tcp' | 'relay' | 'nothing';

/** What is to be bad. What is left out stays as it is; null lifts it. */
export interface ImpairOrder {
  /** From the client, and to it. */
  readonly up?: NetworkConditions | null | undefined;
  readonly down?: NetworkConditions | null | undefined;
  readonly passes?: ImpairedPath | null | undefined;
  /** The same one loses the same packets. */
  readonly seed: number;
  /** How long. */
  readonly ms: number;
}

/** To a media worker. Whatever names something that is gone is ignored: the other side may not know it yet. */
export type SfuCommand =
  | {
      readonly type: 'sfu.open';
      /** The transport's number; unique in the process. */
      readonly id: number;
      /** The room's sid: publications and slots of one room alone meet. */
      readonly room: string;
      readonly ice: IceSetup;
      /** The peer's, as `a=fingerprint` has them. */
      readonly fingerprints: readonly string[];
      /** Our role in DTLS. */
      readonly setup: 'active' | 'passive';
      readonly media: MediaSetup;
      readonly slots: readonly SlotBinding[];
    }
  /** A further description of the same transport; `ice` when it restarts ICE. */
  | {
      readonly type: 'sfu.change';
      readonly id: number;
      readonly media: MediaSetup;
      readonly ice?: IceSetup;
    }
  /** Slots that are not named stay as they are. */
  | { readonly type: 'sfu.bind'; readonly id: number; readonly slots: readonly SlotBinding[] }
  | { readonly type: 'sfu.mute'; readonly publication: number; readonly muted: boolean }
  /** Makes the network of a participant bad, STUN and DTLS included, or as it was. */
  | ({ readonly type: 'sfu.impair'; readonly id: number } & ImpairOrder)
  /** The publisher is told which encodings, from the lowest on, anybody wants; before that all are. */
  | {
      readonly type: 'sfu.encodings';
      readonly publication: number;
      readonly wanted: readonly boolean[];
    }
  | { readonly type: 'sfu.close'; readonly id: number }
  /** Answered with `sfu.report`: of these transports, as far as they are there. Building it takes the worker's time. */
  | { readonly type: 'sfu.report'; readonly request: number; readonly ids: readonly number[] };

/** To a media worker, about what rooms have in others; whoever answers offers knows nothing of it. */
export type PipeCommand =
  /** What a participant of the room publishes whose transport the worker `home` has, all of it. */
  | {
      readonly type: 'sfu.mirror';
      /** Of that transport. */
      readonly id: number;
      readonly room: string;
      readonly home: number;
      readonly media: MediaSetup;
    }
  | { readonly type: 'sfu.unmirror'; readonly ids: readonly number[] }
  /** The worker of that number has subscribers of a publication of this one, or has none any more. */
  | {
      readonly type: 'sfu.pipe';
      readonly publication: number;
      readonly worker: number;
      readonly isOpen: boolean;
    }
  /** What another worker has said with the event of that name counts here, too; null: this one is to say it. */
  | {
      readonly type: 'sfu.heard';
      readonly room: string;
      readonly publications: readonly number[] | null;
    }
  /** That worker is dead: nothing goes there any more, and nothing comes of its participants. */
  | { readonly type: 'sfu.severed'; readonly worker: number };

/** How a participant's packets reach this server. */
export type SfuPath = 'udp' | 'tcp' | 'relay';

export interface Speaker {
  readonly publication: number;
  /** 0 to 1. */
  readonly level: number;
  readonly active: boolean;
}

/** One stream that a participant sends, such as an encoding of a camera. Counted since it began. */
export interface IncomingReport {
  readonly mid: string;
  readonly publication: number;
  readonly ssrc: number;
  /** Of its retransmissions; null while it is unknown. */
  readonly rtxSsrc: number | null;
  /** Null where the publication has one stream alone. */
  readonly rid: string | null;
  /** Empty before the first packet. */
  readonly codec: string;
  /** It is the one that subscribers are sent. */
  readonly selected: boolean;
  readonly packets: number;
  /** Of payloads. */
  readonly bytes: number;
  /** As RFC 3550 s6.4.1 counts: before retransmissions. */
  readonly lost: number;
  readonly jitterMs: number;
  /** Missing packets that we asked for. */
  readonly nacks: number;
  /** Of them, those that a retransmission has brought. */
  readonly recovered: number;
  readonly keyFrameRequests: number;
  /** Of video; those that came whole or in part. */
  readonly frames: number;
  readonly keyFrames: number;
  /** Between the last two regular reports, about a second. */
  readonly bitrateBps: number;
}

/**
 * Why a slot sends nothing: nobody wants it to, what it is pointed at is not (yet) published here, there is no path to
 * the subscriber, the publisher is muted, others are louder, the subscriber cannot decode it, its network does not
 * carry it, nothing has come of it, or it waits for a key frame.
 */
export type SlotWait =
  | 'unbound'
  | 'unpublished'
  | 'no-path'
  | 'muted'
  | 'quiet'
  | 'codec'
  | 'bandwidth'
  | 'no-media'
  | 'key-frame';

/**
 * What was done last about redundancy (RFC 2198): there was none, it was made here, that of the publisher was passed
 * on, or left out.
 */
export type SlotRedundancy = 'none' | 'made' | 'passed' | 'removed';

/** One outgoing stream of a participant; it outlives what it is pointed at. */
export interface OutgoingReport {
  readonly mid: string;
  /** What the slot is pointed at; 0 for nothing. */
  readonly publication: number;
  readonly ssrc: number;
  /** Null where none were negotiated. */
  readonly rtxSsrc: number | null;
  /** Empty while nothing is shown. */
  readonly codec: string;
  /** Null while it sends. */
  readonly waits: SlotWait | null;
  /**
   * Of several encodings, the one that the subscriber's network is given, from 0 for the lowest; -1: none fits. Null
   * where there is no choice. And why it is no better.
   */
  readonly layer: number | null;
  readonly reason: LayerReason | null;
  /** Null for video. */
  readonly redundancy: SlotRedundancy | null;
  /** Without retransmissions, as what follows. */
  readonly packets: number;
  /** Of payloads. */
  readonly bytes: number;
  /** As the receiver says: in all, and of what was sent between its last two reports, from 0 to 1. */
  readonly lost: number;
  readonly fractionLost: number;
  readonly jitterMs: number;
  /** Packets that the receiver asked for again, and that were sent again. */
  readonly nacks: number;
  readonly resent: number;
  readonly keyFrameRequests: number;
  /** Between the last two regular reports, about a second. */
  readonly bitrateBps: number;
}

/** What a slot is given of a publication with several encodings; see OutgoingReport. */
export interface SlotLayer {
  readonly mid: string;
  readonly publication: number;
  readonly layer: number;
  readonly reason: LayerReason;
}

/** What a transport has done so far. */
export interface LinkReport {
  readonly path: SfuPath | '';
  /** Of the peer's address; null without a path. */
  readonly family: 4 | 6 | null;
  /** Since the last check that kept consent alive (RFC 7675); null without a path. */
  readonly consentAgeMs: number | null;
  /** Both null before the handshake is done. */
  readonly dtlsCipher: string | null;
  readonly srtpProfile: string | null;
  /** SRTP and SRTCP, all of each datagram; what was not authentic does not count. */
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}

export interface TransportReport {
  readonly id: number;
  readonly state: SfuTransportState;
  readonly link: LinkReport;
  /** Null while it is unknown: only a receiver's reports tell it. */
  readonly rttMs: number | null;
  /** What the network to the receiver carries, as estimated; null where nobody tells of what arrives. */
  readonly availableBps: number | null;
  readonly incoming: readonly IncomingReport[];
  readonly outgoing: readonly OutgoingReport[];
}

/** `disconnected`: no consent (RFC 7675) at the moment; an ICE restart or a check from elsewhere brings it back. */
export type SfuTransportState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'closed';

/** From a media worker: somebody there is to be sent a publication of another worker, or nobody is any more. */
export interface PipeEvent {
  readonly type: 'sfu.watch';
  readonly publication: number;
  readonly isWatched: boolean;
}

/** From a media worker. */
export type SfuEvent =
  | {
      readonly type: 'sfu.state';
      readonly id: number;
      readonly state: SfuTransportState;
      readonly path: SfuPath | '';
      /** Why it is closed: a DtlsCloseReason, `ice-timeout`, `ice-in-use`, `full`; for a log and for the client. */
      readonly reason: string;
    }
  /** The first packet of a publication has come. */
  | { readonly type: 'sfu.live'; readonly publication: number }
  /** What these slots of a transport are given, or why, has changed; the others are as they were. */
  | { readonly type: 'sfu.layers'; readonly id: number; readonly slots: readonly SlotLayer[] }
  /** Who speaks has changed: all that are audible, the loudest first. */
  | { readonly type: 'sfu.speakers'; readonly room: string; readonly speakers: readonly Speaker[] }
  /** The microphones of a room that are heard are others now: all of them, who came last first. */
  | { readonly type: 'sfu.heard'; readonly room: string; readonly publications: readonly number[] }
  | {
      readonly type: 'sfu.report';
      readonly request: number;
      readonly transports: readonly TransportReport[];
    };
