// H.264 in RTP (RFC 6184): a NAL unit a packet, in fragments (FU-A, s5.8) where it is too large. Called by:
// packetizer.ts.

import { PAYLOAD_BYTES_MAX } from '../limits.ts';
import { nalUnits } from './nal-units.ts';
import { piecesOf } from './pieces.ts';

const FU_A = 28;
const FU_BYTES = 2;
const START = 0x80;
const END = 0x40;
/** Delimits pictures, which timestamps do here (ITU-T H.264 table 7-1). */
const ACCESS_UNIT_DELIMITER = 9;

export function h264Payloads(data: Uint8Array): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (const { start, end } of nalUnits(data)) {
    const unit = data.subarray(start, end);
    const header = unit[0]!;
    if ((header & 0x1f) === ACCESS_UNIT_DELIMITER) continue;
    if (unit.length <= PAYLOAD_BYTES_MAX) payloads.push(unit);
    else payloads.push(...fragmentsOf(header, unit.subarray(1)));
  }
  return payloads;
}

function fragmentsOf(header: number, body: Uint8Array): Uint8Array[] {
  const pieces = piecesOf(body, PAYLOAD_BYTES_MAX - FU_BYTES);
  return pieces.map((piece, i) => {
    const payload = new Uint8Array(FU_BYTES + piece.length);
    payload[0] = (header & 0xe0) | FU_A;
    payload[1] = (header & 0x1f) | (i === 0 ? START : 0) | (i === pieces.length - 1 ? END : 0);
    payload.set(piece, FU_BYTES);
    return payload;
  });
}
