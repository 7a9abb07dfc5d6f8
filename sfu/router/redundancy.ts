// Redundancy (RFC 2198) of one outgoing audio stream: whose network loses packets gets one or two earlier payloads with
// each, of those that are kept anyway, or those that the publisher sends; who loses none gets plain Opus.
// Called by: Slot for each packet, rtcp-input. Allocates: nothing but when it is made.

import { copyBytes } from '../../shared/net/copy-bytes.ts';
import type { SlotRedundancy } from '../control.ts';
import { RedReader } from '../rtp/red-reader.ts';
import {
  RED_HEADER_BYTES,
  RED_LAST_HEADER_BYTES,
  RED_LENGTH_MAX,
  RED_OFFSET_MAX,
  writeLastRedHeader,
  writeRedHeader,
} from '../rtp/red-writer.ts';
import type { CodecMap } from './codec-map.ts';
import { REDUNDANT_BYTES_MAX } from './limits.ts';
import { MediaPacket } from './media-packet.ts';
import type { PacketHistory } from './packet-history.ts';
import type { Rewriter } from './rewriter.ts';
import type { RouterHost } from './router-host.ts';
import type { SectionCodec } from './sections.ts';

/** Earlier payloads, by what is lost at least; and below what they are one less, after so long. */
const DEPTH_MAX = 2;
const RISES_AT = [0.03, 0.1] as const;
const FALLS_BELOW = [0.01, 0.05] as const;
const CALM_MS = 10_000;
/** Of fewer packets a report says little. */
const REPORTED_PACKETS_MIN = 20;

/** Of use within one call only. */
const red = new RedReader();
const earlier = Array.from({ length: DEPTH_MAX }, () => new MediaPacket());

export class Redundancy {
  /** What the last packet was. */
  last: SlotRedundancy = 'none';
  /** Earlier payloads that go with each packet, where there are so many; 0: none is wanted. */
  #depth = 0;
  /** Of the source: its first packet, the newest, and how many before that have not come here either. */
  #first = 0;
  #newest = 0;
  #missing = 0;
  /** As of the last report. */
  #reportedPackets = 0;
  #reportedMissing = 0;
  /** Since when less is lost than this depth is for. */
  #calmAt = Number.NaN;
  readonly #host: RouterHost;
  readonly #codecs: CodecMap;

  constructor(host: RouterHost, codecs: CodecMap) {
    this.#host = host;
    this.#codecs = codecs;
  }

  /**
   * The receiver has said which share of the numbers between two reports is missing (RFC 3550 s6.4.1).
   * @param packets that it was sent so far
   */
  reported(fractionLost: number, packets: number, now: number): void {
    const sent = packets - this.#reportedPackets;
    const missing = Math.max(0, this.#missing - this.#reportedMissing);
    this.#reportedPackets = packets;
    this.#reportedMissing = this.#missing;
    if (sent < REPORTED_PACKETS_MIN) return;
    // What its publisher's network has lost is no reason to load this one.
    const lost = fractionLost - missing / (missing + sent);
    const before = this.#depth;
    while (this.#depth < DEPTH_MAX && lost >= RISES_AT[this.#depth]!) this.#depth++;
    const isCalm = this.#depth > 0 && lost < FALLS_BELOW[this.#depth - 1]!;
    if (this.#depth > before || !isCalm) this.#calmAt = Number.NaN;
    else if (Number.isNaN(this.#calmAt)) this.#calmAt = now;
    else if (now - this.#calmAt >= CALM_MS) {
      this.#depth--;
      this.#calmAt = Number.NaN;
    }
  }

  /**
   * Makes of a packet that was read from `history` what the subscriber is to be sent. Returns the codec that it is
   * of then.
   */
  shape(
    packet: MediaPacket,
    sequence: number,
    history: PacketHistory,
    { first }: Rewriter,
  ): SectionCodec | undefined {
    this.#count(sequence, first);
    const { redundant, plain, codecs, isRedundant } = this.#codecs;
    const codec = codecs[packet.payloadType];
    if (isRedundant[packet.payloadType] === 1) {
      if (redundant !== undefined && (this.#depth > 0 || plain === undefined)) {
        this.last = 'passed';
        if (plain !== undefined) renameBlocks(packet, plain.payloadType);
        return redundant;
      }
      if (!stripRedundancy(packet)) return redundant ?? plain;
      this.last = 'removed';
      return plain;
    }
    this.last = 'none';
    if (this.#depth === 0 || redundant === undefined || codec !== plain) return codec;
    if (!this.#make(packet, sequence, history, first)) return codec;
    this.last = 'made';
    this.#host.counters.redundantPackets++;
    return redundant;
  }

  #count(sequence: number, first: number): void {
    const ahead = (sequence - this.#newest) | 0;
    if (first !== this.#first || sequence === first) {
      this.#first = first;
      this.#newest = sequence;
    } else if (ahead < 0) this.#missing--;
    else {
      this.#missing += ahead - 1;
      this.#newest = sequence;
    }
  }

  /** Puts earlier payloads before the packet's; false where there is none that can be. */
  #make(packet: MediaPacket, sequence: number, history: PacketHistory, first: number): boolean {
    const { arena, payloadOffset, payloadBytes, payloadType, timestamp } = packet;
    if (arena === undefined) return false;
    let total = RED_LAST_HEADER_BYTES + payloadBytes;
    let count = 0;
    for (; count < this.#depth; count++) {
      const one = earlier[count]!;
      const before = (sequence - count - 1) | 0;
      // What the slot showed before is another source; and behind what was lost nothing is known.
      if (((before - first) | 0) < 0 || !history.read(before, one)) break;
      const offset = (timestamp - one.timestamp) | 0;
      if (offset <= 0 || offset > RED_OFFSET_MAX || one.payloadType !== payloadType) break;
      if (one.payloadBytes === 0 || one.payloadBytes > RED_LENGTH_MAX) break;
      total += RED_HEADER_BYTES + one.payloadBytes;
      if (total > REDUNDANT_BYTES_MAX) break;
    }
    if (count === 0) return false;
    const { scratch } = this.#host;
    const { bytes } = scratch;
    const blockType = this.#codecs.plain!.payloadType;
    let at = 0;
    for (let i = count - 1; i >= 0; i--) {
      const one = earlier[i]!;
      const offset = (timestamp - one.timestamp) | 0;
      at = writeRedHeader(bytes, at, blockType, offset, one.payloadBytes);
    }
    at = writeLastRedHeader(bytes, at, blockType);
    for (let i = count - 1; i >= 0; i--) {
      const one = earlier[i]!;
      copyBytes(bytes, at, one.arena!.bytes, one.payloadOffset, one.payloadBytes);
      at += one.payloadBytes;
    }
    copyBytes(bytes, at, arena.bytes, payloadOffset, payloadBytes);
    packet.arena = scratch;
    packet.payloadOffset = 0;
    packet.payloadBytes = at + payloadBytes;
    return true;
  }
}

/** The publisher's payload types, inside, become the subscriber's; those of the last one stand there until then. */
function renameBlocks({ arena, payloadOffset, payloadBytes }: MediaPacket, to: number): void {
  const { bytes } = arena!;
  if (!red.read(bytes, payloadOffset, payloadBytes)) return;
  let at = payloadOffset;
  for (let i = 1; i < red.count; i++, at += RED_HEADER_BYTES) bytes[at] = (bytes[at]! & 0x80) | to;
  bytes[at] = to;
}

/** Leaves only the newest frame, which is the last. */
function stripRedundancy(packet: MediaPacket): boolean {
  const { arena, payloadOffset, payloadBytes } = packet;
  if (arena === undefined || !red.read(arena.bytes, payloadOffset, payloadBytes)) return false;
  packet.payloadOffset = red.offsets[red.count - 1]!;
  packet.payloadBytes = red.lengths[red.count - 1]!;
  return true;
}
