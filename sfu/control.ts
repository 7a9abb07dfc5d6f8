// What the thread that answers offers tells a media worker of the SFU, and what it hears back: plain values that a
// structured clone carries, one type each way. Whoever answers has chosen every number before, so nobody waits.

import type { IceCredentials } from './ice/credentials.ts';
import type { AgreedSection } from './sdp/negotiation.ts';

/** A track that a participant sends, in the section of that `mid`. */
export interface PublicationSetup {
  /** Chosen by the answering thread; unique in the process. */
  readonly publication: number;
  readonly mid: string;
  /** What comes is dropped, and nobody is sent any of it. */
  readonly muted: boolean;
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
  | { readonly type: 'sfu.close'; readonly id: number }
  /** Answered with `sfu.report`. */
  | { readonly type: 'sfu.report'; readonly request: number; readonly room: string };

/** How a participant's packets reach this server. */
export type SfuPath = 'udp' | 'tcp' | 'relay';

export interface Speaker {
  readonly publication: number;
  /** 0 to 1. */
  readonly level: number;
  readonly active: boolean;
}

/** One stream of a participant, either way, for who operates the server. */
export interface StreamReport {
  readonly mid: string;
  readonly direction: 'in' | 'out';
  readonly ssrc: number;
  /** What is published, or what the slot is pointed at; 0 for nothing. */
  readonly publication: number;
  readonly codec: string;
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
  /** Milliseconds. */
  readonly jitterMs: number;
  readonly nacks: number;
  readonly retransmitted: number;
  readonly keyFrameRequests: number;
}

export interface TransportReport {
  readonly id: number;
  readonly state: SfuTransportState;
  readonly path: SfuPath | '';
  /** Milliseconds; 0 while it is unknown. */
  readonly rttMs: number;
  readonly streams: readonly StreamReport[];
}

/** `disconnected`: no consent (RFC 7675) at the moment; an ICE restart or a check from elsewhere brings it back. */
export type SfuTransportState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'closed';

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
  /** Who speaks has changed: all that are audible, the loudest first. */
  | { readonly type: 'sfu.speakers'; readonly room: string; readonly speakers: readonly Speaker[] }
  | {
      readonly type: 'sfu.report';
      readonly request: number;
      readonly transports: readonly TransportReport[];
    };
