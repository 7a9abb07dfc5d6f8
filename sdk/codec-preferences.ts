// Which codecs are offered, and in which order: those that a server forwards and browsers have in common. Every
// other one would be in each section of each offer. RFC 7742 s5, RFC 7874 s3.

/** What is used of RTCRtpCodec. */
export interface Codec {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/** Most wanted first; RTX goes with each of them, and RED carries Opus again. */
const WANTED: Readonly<Record<'audio' | 'video', readonly RegExp[]>> = {
  audio: [/^audio\/opus/i, /^audio\/red/i],
  video: [
    /^video\/vp8/i,
    // Constrained baseline, which is what everybody decodes, in packets of any size (RFC 6184 s6.3).
    /^video\/h264 (?=.*packetization-mode=1)(?=.*profile-level-id=42e0)/i,
    /^video\/vp9 (?!.*profile-id=[1-9])/i,
    /^video\/av1 (?!.*profile=[1-9])/i,
    /^video\/rtx/i,
  ],
};

/** Empty when the browser has none of them, which means: all that it has. */
export function wantedCodecs<T extends Codec>(kind: 'audio' | 'video', codecs: readonly T[]): T[] {
  return WANTED[kind].flatMap((wanted) =>
    codecs.filter(({ mimeType, sdpFmtpLine = '' }) => wanted.test(`${mimeType} ${sdpFmtpLine}`)),
  );
}

const found = new Map<string, RTCRtpCodec[]>();

/** Asks the browser once for each kind. */
export function preferCodecs(transceiver: RTCRtpTransceiver): void {
  const kind = transceiver.receiver.track.kind === 'audio' ? 'audio' : 'video';
  const codecs =
    found.get(kind) ?? wantedCodecs(kind, RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []);
  found.set(kind, codecs);
  try {
    transceiver.setCodecPreferences(codecs);
  } catch {
    // A browser that knows them otherwise offers all that it has.
  }
}
