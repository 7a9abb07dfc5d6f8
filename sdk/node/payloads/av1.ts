// AV1 in RTP (AV1 RTP specification s4.4, s4.5): OBUs without their sizes, each with its length before it, cut where a
// packet is full. Called by: packetizer.ts.

import { PAYLOAD_BYTES_MAX } from '../limits.ts';
import { OBU_SIZE_BIT, obusOf } from './obus.ts';

/** Not for RTP (s5). */
const TEMPORAL_DELIMITER = 2;
const TILE_LIST = 8;
const PADDING = 15;
/** The aggregation header: the first element goes on, the last one does, a coded video sequence begins. */
const CONTINUES = 0x80;
const TO_BE_CONTINUED = 0x40;
const NEW_SEQUENCE = 0x08;
/** Of an element: what fits into a packet takes two bytes. */
const LENGTH_BYTES_MAX = 2;

export function av1Payloads(data: Uint8Array, isKeyFrame: boolean): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let packet: number[] = [isKeyFrame ? NEW_SEQUENCE : 0];
  for (const element of elementsOf(data)) {
    for (let at = 0; at < element.length;) {
      const room = PAYLOAD_BYTES_MAX - packet.length - LENGTH_BYTES_MAX;
      if (room <= 0) {
        payloads.push(Uint8Array.from(packet));
        packet = [at > 0 ? CONTINUES : 0];
        continue;
      }
      const piece = element.subarray(at, at + room);
      at += piece.length;
      packet.push(...lengthOf(piece.length), ...piece);
      if (at === element.length) continue;
      packet[0]! |= TO_BE_CONTINUED;
      payloads.push(Uint8Array.from(packet));
      packet = [CONTINUES];
    }
  }
  if (packet.length > 1) payloads.push(Uint8Array.from(packet));
  return payloads;
}

function* elementsOf(data: Uint8Array): Generator<Uint8Array> {
  for (const { type, header, extension, payload } of obusOf(data)) {
    if (type === TEMPORAL_DELIMITER || type === TILE_LIST || type === PADDING) continue;
    const head = [header & ~OBU_SIZE_BIT, ...(extension === undefined ? [] : [extension])];
    const element = new Uint8Array(head.length + payload.length);
    element.set(head);
    element.set(payload, head.length);
    yield element;
  }
}

/** LEB128 (AV1 s4.10.5). */
function lengthOf(length: number): number[] {
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
}
