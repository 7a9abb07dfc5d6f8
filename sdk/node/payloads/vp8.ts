// VP8 in RTP (RFC 7741 s4.2): a descriptor with a picture ID before each piece of a frame. Called by: packetizer.ts.

import { PAYLOAD_BYTES_MAX } from '../limits.ts';
import { piecesOf } from './pieces.ts';

const DESCRIPTOR_BYTES = 4;
/** X, and S on the first piece; then I, and M before 15 bits. */
const EXTENDED = 0x80;
const START = 0x10;
const HAS_PICTURE_ID = 0x80;
const LONG = 0x80;

export function vp8Payloads(data: Uint8Array, _isKey: boolean, pictureId: number): Uint8Array[] {
  return piecesOf(data, PAYLOAD_BYTES_MAX - DESCRIPTOR_BYTES).map((piece, i) => {
    const payload = new Uint8Array(DESCRIPTOR_BYTES + piece.length);
    payload[0] = EXTENDED | (i === 0 ? START : 0);
    payload[1] = HAS_PICTURE_ID;
    payload[2] = LONG | (pictureId >> 8);
    payload[3] = pictureId;
    payload.set(piece, DESCRIPTOR_BYTES);
    return payload;
  });
}
