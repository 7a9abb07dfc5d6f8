// In how many sizes a camera is sent to the server, which picks one for each who looks at it: the lowest first, as the
// server counts them. Owned by sfu-senders.ts.

import type { LocalPublication } from './local-publication.ts';

/** Bits a second, of a camera of 720 lines. */
const FULL = { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 };
const HALF = { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 };
const QUARTER = { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 };

/**
 * Of how many pixels on libwebrtc sends three sizes, or two. Where it is offered more it leaves out the largest, so
 * that nobody would see the camera as it is.
 */
const PIXELS_OF_THREE = 960 * 540;
const PIXELS_OF_TWO = 480 * 270;

/** The sizes of a track, which are for good; one alone where several make no sense. */
export function encodingsOf({
  kind,
  source,
  track,
}: LocalPublication): readonly RTCRtpEncodingParameters[] {
  if (kind !== 'video' || source !== 'camera') return [FULL];
  const { width = 1280, height = 720 } = track.getSettings();
  const pixels = width * height;
  if (pixels >= PIXELS_OF_THREE) return [QUARTER, HALF, FULL];
  return pixels >= PIXELS_OF_TWO ? [{ ...HALF, maxBitrate: 200_000 }, FULL] : [FULL];
}
