// The last packets of one incoming stream: payloads once, whatever the number of subscribers, and of their headers
// what is needed to write another one. Found by their number in the stream, which is 32 bits that wrap. Called by:
// IncomingStream, slots. Allocates: nothing per packet; a block of payloads now and then from the pool, to which it
// goes back once its packets are too old to be asked for.

import type { Arena } from '../../shared/native/arena.ts';
import { copyBytes } from '../../shared/net/copy-bytes.ts';
import { OSN_BYTES } from '../rtp/rtx.ts';
import { HISTORY_MS, PAYLOAD_BYTES_MAX } from './limits.ts';
import type { MediaPacket } from './media-packet.ts';
import { BLOCK_BYTES, type PayloadPool } from './payload-pool.ts';

// A record has 16 words, which are a cache line.
const SEQUENCE = 0;
/** The serial number of the block that the payload lies in; 0 for an empty record. */
const BLOCK = 1;
const OFFSET = 2;
const LENGTH = 3;
const TIMESTAMP = 4;
const PAYLOAD_TYPE = 5;
const FLAGS = 6;
const AUDIO_LEVEL = 7;
const VIDEO_ORIENTATION = 8;
const PLAYOUT_DELAY = 9;
const DESCRIPTOR_BYTES = 10;
const PICTURE_ID = 11;
const TL0_PIC_IDX = 12;
const KEY_IDX = 13;
const FRAME_NUMBER = 14;
const LAYERS = 15;
const RECORD_BITS = 4;

const MARKER = 1;
const KEY_FRAME = 2;

/** A dependency descriptor in a header extension. */
const DESCRIPTOR_BYTES_MAX = 255;
/** How much of a block may stay unused at its end, at most. */
const WASTE_MAX = OSN_BYTES + PAYLOAD_BYTES_MAX + DESCRIPTOR_BYTES_MAX;

export class PacketHistory {
  readonly #pool: PayloadPool;
  readonly #capacity: number;
  readonly #records: Int32Array;
  /** The blocks in the order of their serial numbers, which say where they stand. */
  readonly #blocks: Int32Array;
  /** The highest sequence number in each. */
  readonly #lastIn: Int32Array;
  /** When the first packet of each came: those of the one before had all come then. */
  readonly #begunAt: Float64Array;
  /** Serial numbers of the oldest block that is held, and of the one that is written; the first is 1. */
  #oldest = 1;
  #current = 0;
  #used = BLOCK_BYTES;
  #highest = 0;

  /** @param capacity packets; a power of two */
  constructor(pool: PayloadPool, capacity: number) {
    this.#pool = pool;
    this.#capacity = capacity;
    this.#records = new Int32Array(capacity << RECORD_BITS);
    // Packets that follow each other always find room; those of a hostile stream may push others out.
    const blocks = Math.ceil((capacity * PAYLOAD_BYTES_MAX) / (BLOCK_BYTES - WASTE_MAX)) + 2;
    this.#blocks = new Int32Array(2 ** Math.ceil(Math.log2(blocks)));
    this.#lastIn = new Int32Array(this.#blocks.length);
    this.#begunAt = new Float64Array(this.#blocks.length);
  }

  /** Whether that packet is there. */
  has(sequence: number): boolean {
    return this.#find(sequence) >= 0;
  }

  /**
   * Takes a packet whose payload, and dependency descriptor, lie where `packet` says. False where it is too long or
   * there is no memory; it is not there then.
   */
  add(sequence: number, packet: MediaPacket, now: number): boolean {
    const { payloadBytes, descriptorBytes, arena } = packet;
    if (arena === undefined || payloadBytes > PAYLOAD_BYTES_MAX) return false;
    const needed = OSN_BYTES + payloadBytes + descriptorBytes;
    const ahead = (sequence - this.#highest) | 0;
    if (this.#current < this.#oldest || ahead > 0) this.#highest = sequence;
    else if (ahead <= -this.#capacity) return false;
    if (this.#used + needed > BLOCK_BYTES && !this.#nextBlock(now)) return false;
    const place = this.#current & (this.#blocks.length - 1);
    const block = this.#blocks[place]!;
    // Before the payload there is room for what an RTX packet has in front.
    const offset = this.#pool.offsetOf(block) + this.#used + OSN_BYTES;
    const to = this.#pool.arenaOf(block).bytes;
    copyBytes(to, offset, arena.bytes, packet.payloadOffset, payloadBytes);
    if (descriptorBytes > 0) {
      const from = packet.descriptorOffset;
      copyBytes(to, offset + payloadBytes, arena.bytes, from, descriptorBytes);
    }
    if (this.#used === 0 || ((sequence - this.#lastIn[place]!) | 0) > 0) {
      this.#lastIn[place] = sequence;
    }
    this.#used += needed;
    this.#write(sequence, packet, offset);
    return true;
  }

  /**
   * Fills in what is known of a packet; false where it is not there. What it points at holds until the next `add`.
   */
  read(sequence: number, packet: MediaPacket): boolean {
    const at = this.#find(sequence);
    if (at < 0) return false;
    const records = this.#records;
    packet.arena = this.#arenaOf(records[at + BLOCK]!);
    const offset = records[at + OFFSET]!;
    packet.payloadOffset = offset;
    packet.payloadBytes = records[at + LENGTH]!;
    packet.timestamp = records[at + TIMESTAMP]!;
    packet.payloadType = records[at + PAYLOAD_TYPE]!;
    packet.marker = (records[at + FLAGS]! & MARKER) !== 0;
    packet.keyFrame = (records[at + FLAGS]! & KEY_FRAME) !== 0;
    packet.audioLevel = records[at + AUDIO_LEVEL]!;
    packet.videoOrientation = records[at + VIDEO_ORIENTATION]!;
    packet.playoutDelay = records[at + PLAYOUT_DELAY]!;
    packet.descriptorBytes = records[at + DESCRIPTOR_BYTES]!;
    packet.descriptorOffset = offset + packet.payloadBytes;
    packet.pictureId = records[at + PICTURE_ID]!;
    packet.tl0PicIdx = records[at + TL0_PIC_IDX]!;
    packet.keyIdx = records[at + KEY_IDX]!;
    packet.frameNumber = records[at + FRAME_NUMBER]!;
    packet.layers = records[at + LAYERS]!;
    return true;
  }

  /**
   * Gives the memory of what came more than HISTORY_MS ago back, but for the newest block: who misses the end of what
   * then rested asks for it when there is more.
   */
  forget(now: number): void {
    const mask = this.#blocks.length - 1;
    while (this.#oldest < this.#current) {
      if (now - this.#begunAt[(this.#oldest + 1) & mask]! <= HISTORY_MS) break;
      this.#releaseOldest();
    }
  }

  /** Forgets all packets and gives their memory back. */
  clear(): void {
    while (this.#oldest <= this.#current) this.#releaseOldest();
    this.#used = BLOCK_BYTES;
    this.#records.fill(0);
  }

  /** Where the record of a packet begins; -1 where there is none. */
  #find(sequence: number): number {
    const records = this.#records;
    const at = (sequence & (this.#capacity - 1)) << RECORD_BITS;
    const isThere = records[at + SEQUENCE] === sequence && records[at + BLOCK]! >= this.#oldest;
    return isThere ? at : -1;
  }

  #arenaOf(serial: number): Arena {
    return this.#pool.arenaOf(this.#blocks[serial & (this.#blocks.length - 1)]!);
  }

  #write(sequence: number, packet: MediaPacket, offset: number): void {
    const records = this.#records;
    const at = (sequence & (this.#capacity - 1)) << RECORD_BITS;
    records[at + SEQUENCE] = sequence;
    records[at + BLOCK] = this.#current;
    records[at + OFFSET] = offset;
    records[at + LENGTH] = packet.payloadBytes;
    records[at + TIMESTAMP] = packet.timestamp;
    records[at + PAYLOAD_TYPE] = packet.payloadType;
    records[at + FLAGS] = (packet.marker ? MARKER : 0) | (packet.keyFrame ? KEY_FRAME : 0);
    records[at + AUDIO_LEVEL] = packet.audioLevel;
    records[at + VIDEO_ORIENTATION] = packet.videoOrientation;
    records[at + PLAYOUT_DELAY] = packet.playoutDelay;
    records[at + DESCRIPTOR_BYTES] = packet.descriptorBytes;
    records[at + PICTURE_ID] = packet.pictureId;
    records[at + TL0_PIC_IDX] = packet.tl0PicIdx;
    records[at + KEY_IDX] = packet.keyIdx;
    records[at + FRAME_NUMBER] = packet.frameNumber;
    records[at + LAYERS] = packet.layers;
  }

  /** Begins a block; false where there is no memory at all. What no longer counts, or does not fit, goes first. */
  #nextBlock(now: number): boolean {
    this.#used = BLOCK_BYTES;
    this.forget(now);
    const mask = this.#blocks.length - 1;
    while (this.#oldest <= this.#current) {
      const behind = (this.#highest - this.#lastIn[this.#oldest & mask]!) | 0;
      const isFull = this.#current - this.#oldest === mask;
      if (behind < this.#capacity && !isFull) break;
      this.#releaseOldest();
    }
    let block = this.#pool.lease();
    if (block < 0 && this.#oldest <= this.#current) {
      this.#releaseOldest();
      block = this.#pool.lease();
    }
    if (block < 0) return false;
    this.#blocks[++this.#current & mask] = block;
    this.#begunAt[this.#current & mask] = now;
    this.#used = 0;
    return true;
  }

  #releaseOldest(): void {
    this.#pool.release(this.#blocks[this.#oldest++ & (this.#blocks.length - 1)]!);
  }
}
