// VP9 in RTP (RFC 9628 s4.2): one layer, not flexible, a picture ID. Called by: packetizer.ts.

import { PAYLOAD_BYTES_MAX } from '../limits.ts';
import { piecesOf } from './pieces.ts';

const DESCRIPTOR_BYTES = 3;
/** I; P: another picture is needed; B and E: the first and the last piece of a frame. */
const HAS_PICTURE_ID = 0x80;
const INTER_PICTURE = 0x40;
const START = 0x08;
const END = 0x04;
const LONG = 0x80;

export function vp9Payloads(
  data: Uint8Array,
  isKeyFrame: boolean,
  pictureId: number,
): Uint8Array[] {
  const pieces = piecesOf(data, PAYLOAD_BYTES_MAX - DESCRIPTOR_BYTES);
  return pieces.map((piece, i) => {
    const payload = new Uint8Array(DESCRIPTOR_BYTES + piece.length);
    payload[0] =
      HAS_PICTURE_ID |
      (isKeyFrame ? 0 : INTER_PICTURE) |
      (i === 0 ? START : 0) |
      (i === pieces.length - 1 ? END : 0);
    payload[1] = LONG | (pictureId >> 8);
    payload[2] = pictureId;
    payload.set(piece, DESCRIPTOR_BYTES);
    return payload;
  });
}
