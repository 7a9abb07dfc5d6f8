// The header extensions that we know, by the URIs they are negotiated with (RFC 8285 s5), and what their values say.
// Called by: transports, subscriptions. Allocates: nothing but when it is made.

/** RFC 6464 s3: one byte, the voice flag and -dBov. */
export const EXTENSION_AUDIO_LEVEL = 1;
/** RFC 9143 s15.2: text. */
export const EXTENSION_MID = 2;
/** RFC 8852 s4.1: text. */
export const EXTENSION_RID = 3;
/** RFC 8852 s4.2: text, the RID of what an RTX packet repairs. */
export const EXTENSION_REPAIRED_RID = 4;
/** WebRTC's abs-send-time: 24 bits, seconds in 6.18 fixed point. */
export const EXTENSION_ABS_SEND_TIME = 5;
/** draft-holmer-rmcat-transport-wide-cc-extensions-01 s2: 16 bits. */
export const EXTENSION_TRANSPORT_CC = 6;
/** 3GPP TS 26.114 s7.4.5: one byte, camera, flip and rotation. */
export const EXTENSION_VIDEO_ORIENTATION = 7;
/** WebRTC's playout-delay: two times 12 bits, in 10 ms. */
export const EXTENSION_PLAYOUT_DELAY = 8;
/** AV1 RTP specification, appendix A. */
export const EXTENSION_DEPENDENCY_DESCRIPTOR = 9;

const URIS: ReadonlyMap<string, number> = new Map([
  ['urn:ietf:params:rtp-hdrext:ssrc-audio-level', EXTENSION_AUDIO_LEVEL],
  ['urn:ietf:params:rtp-hdrext:sdes:mid', EXTENSION_MID],
  ['urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', EXTENSION_RID],
  ['urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id', EXTENSION_REPAIRED_RID],
  ['http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time', EXTENSION_ABS_SEND_TIME],
  [
    'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    EXTENSION_TRANSPORT_CC,
  ],
  ['urn:3gpp:video-orientation', EXTENSION_VIDEO_ORIENTATION],
  ['http://www.webrtc.org/experiments/rtp-hdrext/playout-delay', EXTENSION_PLAYOUT_DELAY],
  [
    'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
    EXTENSION_DEPENDENCY_DESCRIPTOR,
  ],
]);

/** The kinds there are, in the order of their numbers. */
export const EXTENSION_URIS: readonly string[] = [...URIS.keys()];

const KIND_MAX = EXTENSION_DEPENDENCY_DESCRIPTOR;
const ID_MAX = 255;

/** One of EXTENSION_*, or 0 for an extension that we do not know. */
export function extensionKind(uri: string): number {
  return URIS.get(uri) ?? 0;
}

/** Which identifier each kind has with one remote. */
export class ExtensionIds {
  readonly #ids = new Uint8Array(KIND_MAX + 1);

  /** Takes what was negotiated; an unknown URI and an identifier that cannot be are passed over. */
  set(uri: string, id: number): this {
    const kind = extensionKind(uri);
    if (kind > 0 && id > 0 && id <= ID_MAX) this.#ids[kind] = id;
    return this;
  }

  /** The identifier of a kind; 0, which is none, for a kind that was not negotiated. */
  id(kind: number): number {
    return this.#ids[kind] ?? 0;
  }
}

const VOICE_BIT = 0x80;

/** RFC 6464 s3: -dBov, 0 (the loudest) to 127 (silence). */
export function audioLevel(value: number): number {
  return value & 0x7f;
}

/** RFC 6464 s3: whether the sender thinks it is speech. */
export function hasVoice(value: number): boolean {
  return (value & VOICE_BIT) !== 0;
}

/** What abs-send-time says at a time. */
export function absSendTime(nowMs: number): number {
  // The field wraps at 64 s, so what is cut off first is not missed.
  return Math.floor(((nowMs % 64_000) * 0x4_0000) / 1000) & 0xff_ffff;
}

/** playout-delay of a least and a greatest delay, each cut off at 40.95 s. */
export function playoutDelay(leastMs: number, greatestMs: number): number {
  return (tensOfMs(leastMs) << 12) | tensOfMs(greatestMs);
}

function tensOfMs(ms: number): number {
  return Math.max(0, Math.min(0xfff, Math.round(ms / 10)));
}
