// What the last bytes of every payload say: whose packet it is, which one of them, and when it left. No SFU writes
// over them.

import { type Kind, KINDS } from './shapes.ts';

export const STAMP_BYTES = 20;
const MAGIC = 0x5f_75_5f_52;
const KEY_FRAME_BIT = 0x80;
const LAYER_MASK = 0x0f;

export class Stamp {
  publisher = 0;
  kind: Kind = 'video';
  /** The packet belongs to a frame that a decoder can begin with. */
  keyFrame = false;
  /** Of simulcast, the encoding from the lowest on; 0 without. */
  layer = 0;
  /** Counts the packets of one encoding of a track, from 0. */
  counter = 0;
  /** performance.now() of the load generator. */
  sentAt = 0;

  write(packet: Buffer): void {
    const at = packet.length - STAMP_BYTES;
    packet.writeUInt32BE(MAGIC, at);
    packet.writeUInt16BE(this.publisher, at + 4);
    packet[at + 6] = KINDS.indexOf(this.kind);
    packet[at + 7] = (this.keyFrame ? KEY_FRAME_BIT : 0) | this.layer;
    packet.writeUInt32BE(this.counter, at + 8);
    packet.writeDoubleBE(this.sentAt, at + 12);
  }

  /** False where there is none. */
  read(packet: Buffer): boolean {
    const at = packet.length - STAMP_BYTES;
    if (at < 0 || packet.readUInt32BE(at) !== MAGIC) return false;
    const kind = KINDS[packet[at + 6]!];
    if (kind === undefined) return false;
    this.publisher = packet.readUInt16BE(at + 4);
    this.kind = kind;
    this.keyFrame = (packet[at + 7]! & KEY_FRAME_BIT) !== 0;
    this.layer = packet[at + 7]! & LAYER_MASK;
    this.counter = packet.readUInt32BE(at + 8);
    this.sentAt = packet.readDoubleBE(at + 12);
    return true;
  }
}
