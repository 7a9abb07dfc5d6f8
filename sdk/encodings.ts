// In how many sizes a camera is sent to the server, which picks one for each who looks at it: the lowest first, as the
// server counts them. Owned by sfu-senders.ts.

import type { LocalPublication } from './local-publication.ts';

/** Of a camera of 720 lines; bits a second. */
const CAMERA: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

export function isSimulcast({ kind, source }: LocalPublication): boolean {
  return kind === 'video' && source === 'camera';
}

/** A copy: browsers may change what they are given. */
export function cameraEncodings(): RTCRtpEncodingParameters[] {
  return CAMERA.map((encoding) => Object.assign({}, encoding));
}
