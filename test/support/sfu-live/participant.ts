// An honest participant: publishes one stream of VP8 whose packets are numbered, answers NACK and PLI, asks again for
// what it misses of others, and knows in the end which packets of whom have come.

import { NackGenerator } from '../../../sfu/feedback/nack-generator.ts';
import { SEQUENCE_STRAY, SequenceUnwrapper } from '../../../sfu/feedback/sequence-unwrapper.ts';
import { RTP_OK, RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { rtpPacket, vp8Payload } from '../sfu-router/packets.ts';
import { readRtcp, writeRtcp } from '../sfu-router/rtcp.ts';
import { VP8 } from '../sfu-router/sections.ts';
import { LivePeer, type PeerSettings } from './live-peer.ts';

const MAGIC = 0x7e52_4a01;
const STAMP_BYTES = 12;
const BODY = Buffer.alloc(900, 0xa5);
const HISTORY = 512;
const OSN_BYTES = 2;
const TICKS_PER_FRAME = 900;
const RTT_MS = 20;

/** One stream that it is sent. */
class Incoming {
  readonly unwrapper = new SequenceUnwrapper();
  readonly nacks = new NackGenerator(HISTORY);
}

const reader = new RtpReader();
const lost = new Uint16Array(250);

export class Participant {
  readonly peer: LivePeer;
  readonly number: number;
  readonly ssrc: number;
  /** Packets that it has sent. */
  sent = 0;
  /** Of whom, which ones. */
  readonly got = new Map<number, Set<number>>();
  retransmitted = 0;
  asked = 0;
  #keyFrame = true;
  /** As they went out, by sequence number. */
  readonly #sealed: Buffer[] = [];
  readonly #incoming = new Map<number, Incoming>();
  readonly #repairs = new Map<number, number>();

  private constructor(number: number, peer: LivePeer) {
    this.number = number;
    this.peer = peer;
    this.ssrc = 0x5000_0000 + number;
    for (const { ssrc, rtxSsrc } of peer.answered.slots) {
      this.#incoming.set(ssrc, new Incoming());
      this.#repairs.set(rtxSsrc, ssrc);
    }
    peer.onRtp = (packet) => this.#receive(packet);
    peer.onRtcp = (datagram) => this.#hear(datagram);
    peer.onTick = (now) => this.#ask(now);
  }

  static async join(number: number, settings: PeerSettings): Promise<Participant> {
    return new Participant(number, await LivePeer.connect(settings));
  }

  /** One frame of one packet. */
  frame(): void {
    const counter = this.sent++;
    const stamp = Buffer.alloc(STAMP_BYTES);
    stamp.writeUInt32BE(MAGIC);
    stamp.writeUInt32BE(this.number, 4);
    stamp.writeUInt32BE(counter, 8);
    const payload = vp8Payload({
      key: this.#keyFrame,
      start: true,
      pictureId: counter & 0x7fff,
      body: Buffer.concat([BODY, stamp]),
    });
    this.#keyFrame = false;
    const sealed = this.peer.protect(
      rtpPacket({
        ssrc: this.ssrc,
        sequenceNumber: counter & 0xffff,
        timestamp: counter * TICKS_PER_FRAME,
        payloadType: VP8.payloadType,
        marker: true,
        mid: '0',
        payload,
      }),
    );
    this.#sealed[counter % HISTORY] = sealed;
    this.peer.send(sealed);
  }

  /** How many of another's packets are missing, of those between the first one that came and the last one sent. */
  missing(other: Participant): number {
    const got = this.got.get(other.number);
    if (got === undefined || got.size === 0) return other.sent;
    let first = Infinity;
    for (const counter of got) first = Math.min(first, counter);
    return other.sent - first - got.size;
  }

  #receive(packet: Buffer): void {
    if (reader.read(packet, 0, packet.length) !== RTP_OK) throw new Error('not RTP');
    const { ssrc, payloadOffset, payloadBytes } = reader;
    const repaired = this.#repairs.get(ssrc);
    const isRepair = repaired !== undefined;
    const incoming = this.#incoming.get(repaired ?? ssrc);
    if (incoming === undefined) throw new Error(`an SSRC that was not announced: ${ssrc}`);
    const sequence = isRepair ? packet.readUInt16BE(payloadOffset) : reader.sequenceNumber;
    if (isRepair) this.retransmitted++;
    if (incoming.unwrapper.unwrap(sequence) !== SEQUENCE_STRAY) {
      incoming.nacks.received(incoming.unwrapper.extended, performance.now());
    }
    const skipped = isRepair ? OSN_BYTES : 0;
    this.#note(packet.subarray(payloadOffset + skipped, payloadOffset + payloadBytes));
  }

  #note(payload: Buffer): void {
    const at = payload.length - STAMP_BYTES;
    if (at < 0 || payload.readUInt32BE(at) !== MAGIC) return;
    const from = payload.readUInt32BE(at + 4);
    const got = this.got.get(from) ?? new Set();
    this.got.set(from, got);
    got.add(payload.readUInt32BE(at + 8));
  }

  #hear(datagram: Buffer): void {
    for (const { type, media, lost: missed } of readRtcp(datagram)) {
      if (type === 'pli' || type === 'fir') this.#keyFrame = true;
      if (type !== 'nack' || media !== this.ssrc) continue;
      for (const sequence of missed ?? []) {
        const sealed = this.#sealed[sequence % HISTORY];
        if (sealed === undefined) continue;
        this.asked++;
        this.peer.send(sealed);
      }
    }
  }

  #ask(now: number): void {
    for (const [ssrc, { nacks }] of this.#incoming) {
      const count = nacks.due(now, RTT_MS, lost);
      if (count === 0) continue;
      this.peer.sendRtcp(writeRtcp((to) => to.nack(1, ssrc, lost, count)));
    }
  }
}
