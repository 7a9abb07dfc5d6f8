// What the SDK knows of end-to-end encryption without having loaded it: options, what participants show of it, and what
// the module in e2ee/ does, which join() loads when it is asked to.

import { SternaClientError } from './errors.ts';
import type { VideoOptions } from './join-options.ts';

export interface E2eeOptions {
  /**
   * 32 random bytes that only this application on this device knows; the same ones are the same identity. Left out, it
   * is a new one with each join.
   */
  identity?: Uint8Array;
  /**
   * Fingerprints of identities that are known, by the participant's `identity`; or a function that says whether one is:
   * true, it is verified; false, it is refused; undefined, nothing is known of it.
   */
  trusted?:
    | Readonly<Record<string, string>>
    | ((identity: string, fingerprint: string) => boolean | undefined);
  /** Where the worker is, when it is not beside the SDK. A browser loads it from the page's own origin alone. */
  workerUrl?: string | URL;
}

export interface ParticipantEncryption {
  /** This room is encrypted, for us. */
  readonly enabled: boolean;
  /**
   * `off`: we do not encrypt; `clear`: the other one does not; nothing of it is shown, and it sees nothing; `waiting`:
   * keys are on their way; `encrypted`; `changed`: its identity is not the one that was pinned or seen before, and it
   * is refused.
   */
  readonly state: 'off' | 'clear' | 'waiting' | 'encrypted' | 'changed';
  /** The application has pinned its identity. */
  readonly verified: boolean;
  /** Sixty digits that are the same at both ends when nobody is in between; empty while there are none. */
  readonly code: string;
  /** Of its identity, to pin it by; 64 hexadecimal digits. */
  readonly fingerprint: string;
}

export interface RoomEncryption {
  readonly enabled: boolean;
  /** `blocked`: the token lacks `canPublishData`, or is hidden, so that no keys can be exchanged. */
  readonly state: 'off' | 'on' | 'blocked';
  /** As of participants, over all identities in the room. */
  readonly code: string;
  /** Of our own identity. */
  readonly fingerprint: string;
}

/** Encrypts what goes over connections. */
export interface MediaCrypto {
  /** In the task in which it was made. `codec` is what it may send, of video. */
  guard(transceiver: RTCRtpTransceiver, codec?: 'vp8' | 'vp9'): void;
  /** What comes there is to be of that participant. */
  show(receiver: RTCRtpReceiver, sid: string): void;
}

/** Ourselves in a session. */
export interface CryptoSession {
  readonly room: string;
  readonly sid: string;
  readonly identity: string;
}

export interface CryptoSink {
  /** To everybody with null. */
  send(to: string | null, message: Uint8Array): Promise<void>;
  onParticipant(sid: string, encryption: Omit<ParticipantEncryption, 'enabled'>): void;
  onCode(code: string): void;
}

export interface RoomCrypto {
  readonly media: MediaCrypto;
  /** Of our identity. */
  readonly fingerprint: string;
  /** A new session. */
  enter(session: CryptoSession, sink: CryptoSink): void;
  add(sid: string, identity: string, encrypts: boolean): void;
  remove(sid: string): void;
  /** Messages may be lost. */
  recover(): void;
  receive(sid: string, message: Uint8Array): void;
  close(): void;
}

export const NOT_ENCRYPTED: ParticipantEncryption = {
  enabled: false,
  state: 'off',
  verified: false,
  code: '',
  fingerprint: '',
};

const SEED_BYTES = 32;

/** Rejects where it cannot be had. */
export async function loadCrypto(options: E2eeOptions, video?: VideoOptions): Promise<RoomCrypto> {
  const { codec = 'vp8' } = video ?? {};
  if (codec !== 'vp8' && codec !== 'vp9') {
    const why = `${codec} cannot be encrypted end to end: packets are made of what is inside of its frames`;
    throw new SternaClientError('UNSUPPORTED', why);
  }
  if (typeof RTCRtpScriptTransform === 'undefined') {
    throw new SternaClientError('UNSUPPORTED', 'This browser has no RTCRtpScriptTransform');
  }
  if (options.identity && options.identity.length !== SEED_BYTES) {
    throw new TypeError(`Expected ${SEED_BYTES} bytes in options.e2ee.identity`);
  }
  try {
    const { open } = await import('./e2ee/room-crypto.ts');
    return await open(options);
  } catch (cause) {
    const why = 'The module for end-to-end encryption could not be loaded';
    throw new SternaClientError('UNSUPPORTED', why, { cause });
  }
}
