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

/** Those whose frames are packed without a look inside; RED is made of them before an encoded transform. */
const OPAQUE = /^(?:audio\/opus|video\/(?:vp8|vp9|rtx))$/i;

/** Empty when the browser has none of them, which means: all that it has. */
export function wantedCodecs<T extends Codec>(kind: 'audio' | 'video', codecs: readonly T[]): T[] {
  return WANTED[kind].flatMap((wanted) =>
    codecs.filter(({ mimeType, sdpFmtpLine = '' }) => wanted.test(`${mimeType} ${sdpFmtpLine}`)),
  );
}

const found = new Map<string, RTCRtpCodec[]>();

/** The codecs of that name before all others. */
export function withFirst<T extends Codec>(codecs: readonly T[], name: string): T[] {
  const isFirst = ({ mimeType }: T): boolean => mimeType.toLowerCase() === `video/${name}`;
  return [...codecs.filter((one) => isFirst(one)), ...codecs.filter((one) => !isFirst(one))];
}

export interface CodecWish {
  /** The name of the codec that is wanted most, of video; and of the one that is wanted alone. */
  readonly first?: string | undefined;
  readonly only?: string;
  /** It goes through an encoded transform. */
  readonly isEncrypted?: boolean;
}

/** Those that the wish leaves, in its order. */
export function wished<T extends Codec>(codecs: readonly T[], wish: CodecWish): T[] {
  const { first = '', only, isEncrypted = false } = wish;
  const isLeft = ({ mimeType }: T): boolean => {
    if (isEncrypted && !OPAQUE.test(mimeType)) return false;
    const name = mimeType.toLowerCase();
    return only === undefined || [`video/${only}`, 'video/rtx', 'audio/opus'].includes(name);
  };
  return withFirst(
    codecs.filter((codec) => isLeft(codec)),
    first,
  );
}

/** Asks the browser once for each kind. */
export function preferCodecs(transceiver: RTCRtpTransceiver, wish: CodecWish = {}): void {
  const kind = transceiver.receiver.track.kind === 'audio' ? 'audio' : 'video';
  const codecs =
    found.get(kind) ?? wantedCodecs(kind, RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []);
  found.set(kind, codecs);
  try {
    transceiver.setCodecPreferences(wished(codecs, wish));
  } catch {
    // A browser that knows them otherwise offers all that it has.
  }
}
