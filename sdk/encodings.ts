// In how many sizes a camera is sent to the server, which picks one for each who looks at it: the lowest first, as the
// server counts them, or all inside of one encoding. Owned by sfu-senders.ts.

import type { VideoOptions } from './join-options.ts';
import type { LocalPublication } from './local-publication.ts';

/** W3C Scalable Video Coding extension s4. */
type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

/** Bits a second, of a camera of 720 lines. */
const FULL = { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 };
const HALF = { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 };
const QUARTER = { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 200_000 };

/**
 * Of how many pixels on libwebrtc sends three sizes, or two. Where it is offered more it leaves out the largest, so
 * that nobody would see the camera as it is.
 */
const PIXELS_OF_THREE = 960 * 540;
const PIXELS_OF_TWO = 480 * 270;

/** How many frames are left out for who has little is the server's choice: each temporal layer can be (RFC 7741 s3). */
const TEMPORAL = { scalabilityMode: 'L1T3' };
const SCALABLE: ReadonlySet<string | undefined> = new Set(['vp9', 'av1']);
const SCALABILITY_MODE = 'L3T3_KEY';

/** What a track is sent as, which is for good; empty for what the browser does by itself. */
export function encodingsOf(
  publication: LocalPublication,
  simulcast: boolean,
  { codec, scalabilityMode = SCALABILITY_MODE }: VideoOptions = {},
): readonly Encoding[] {
  if (publication.kind !== 'video' || publication.source !== 'camera') return [];
  if (SCALABLE.has(codec)) return [{ maxBitrate: FULL.maxBitrate, scalabilityMode }];
  const sizes = simulcast ? sizesOf(publication) : [];
  const temporal = codec === 'h264' ? {} : TEMPORAL;
  return sizes.length > 1 ? sizes.map((size) => Object.assign({}, size, temporal)) : [];
}

/** How many sizes there are inside of one encoding, by its scalability mode, such as L3T3_KEY. */
export function layersOf(encodings: readonly Encoding[]): number {
  const mode = encodings.length === 1 ? encodings[0]?.scalabilityMode : undefined;
  return Number(/^L([1-3])T/.exec(mode ?? '')?.[1] ?? 1);
}

/** One alone where several make no sense. */
function sizesOf({ track }: LocalPublication): readonly RTCRtpEncodingParameters[] {
  const { width = 1280, height = 720 } = track.getSettings();
  const pixels = width * height;
  if (pixels >= PIXELS_OF_THREE) return [QUARTER, HALF, FULL];
  return pixels >= PIXELS_OF_TWO ? [{ ...HALF, maxBitrate: 200_000 }, FULL] : [FULL];
}
