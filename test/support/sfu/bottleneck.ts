// A link that several senders share, in time that a test moves: a queue of bounded bytes, a rate that may change, a
// delay, losses that have nothing to do with the queue; and senders that do what the estimator says, told by real
// feedback.

import { ArrivalLog } from '../../../sfu/feedback/arrival-log.ts';
import { RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { TransportCcReader } from '../../../sfu/rtp/transport-cc-reader.ts';
import { SendSideEstimator } from '../../../sfu/bandwidth/send-side-estimator.ts';

const PACKET_BYTES = 1200;
const FRAME_MS = 1000 / 30;
const STEP_MS = 1;
const RTT_MS = 50;

export interface LinkOptions {
  /** Bits a second, at a time. */
  rate(now: number): number;
  /** One way, milliseconds. */
  readonly delayMs: number;
  /** How much the queue holds, milliseconds at the present rate. */
  readonly queueMs: number;
  /** Of what leaves the queue, 0 to 1. */
  loss(now: number): number;
  /** 0 to 1, seeded. */
  random(): number;
  /** Milliseconds more or less that each packet takes, behind the queue. */
  readonly jitterMs?: number;
}

interface Flight {
  readonly from: Sender;
  readonly sequence: number;
  readonly bytes: number;
  readonly arrivesAt: number;
}

/** One subscriber: it sends what the estimate allows and what there is, frame by frame, and probes. */
export class Sender {
  readonly estimator = new SendSideEstimator();
  /** What there is to send, bits a second. */
  demandBps: number;
  /** Bytes that have arrived. */
  arrivedBytes = 0;
  sentPackets = 0;
  lostPackets = 0;
  #sequence = 0;
  #nextFrameAt: number;
  #owedBytes = 0;
  readonly arrivals = new ArrivalLog();

  constructor(demandBps: number, startsAt: number) {
    this.demandBps = demandBps;
    this.#nextFrameAt = startsAt;
  }

  /** What leaves now, into the link. */
  step(now: number, link: Bottleneck): void {
    if (now < this.#nextFrameAt - FRAME_MS) return;
    if (now >= this.#nextFrameAt) {
      this.#nextFrameAt += FRAME_MS;
      const bps = Math.min(this.estimator.bps, this.demandBps);
      this.#owedBytes += (bps * FRAME_MS) / 8000;
      while (this.#owedBytes >= PACKET_BYTES) {
        this.#owedBytes -= PACKET_BYTES;
        this.#send(PACKET_BYTES, now, link);
      }
    }
    const { probes } = this.estimator;
    if (this.estimator.hasShortQueue) probes.plan(this.estimator.bps, this.demandBps, now);
    for (let due = probes.due(now); due > 0; due = probes.due(now)) {
      this.#send(Math.max(200, Math.min(PACKET_BYTES, Math.ceil(due))), now, link);
    }
  }

  #send(bytes: number, now: number, link: Bottleneck): void {
    this.estimator.sent(this.#sequence, bytes, now);
    this.sentPackets++;
    if (!link.take(this, this.#sequence, bytes, now)) this.lostPackets++;
    this.#sequence = (this.#sequence + 1) & 0xffff;
  }
}

/** Somebody else's download (RFC 5681 s3.1): a packet more each round trip, and half as many when one was lost. */
export class LossBased extends Sender {
  #window = 4;
  #owed = 0;
  #next = 0;
  #fellAt = 0;
  readonly #startsAt: number;

  constructor(startsAt: number) {
    super(0, startsAt);
    this.#startsAt = startsAt;
  }

  override step(now: number, link: Bottleneck): void {
    if (now < this.#startsAt) return;
    const rttMs = RTT_MS + link.queueMs;
    this.#owed = Math.min(this.#window, this.#owed + (this.#window * STEP_MS) / rttMs);
    for (; this.#owed >= 1; this.#owed--) {
      this.#next = (this.#next + 1) & 0xffff;
      if (link.take(this, this.#next, PACKET_BYTES, now)) this.#window += 1 / this.#window;
      else if (now - this.#fellAt > rttMs) {
        this.#window = Math.max(2, this.#window / 2);
        this.#fellAt = now;
      }
    }
  }
}

export class Bottleneck {
  now = 0;
  /** Of what entered the queue in the last step, milliseconds. */
  queueMs = 0;
  readonly #options: LinkOptions;
  readonly #senders: Sender[];
  readonly #flights: Flight[] = [];
  readonly #feedback: { to: Sender; bytes: Uint8Array; arrivesAt: number }[] = [];
  #freeAt = 0;

  constructor(options: LinkOptions, senders: Sender[]) {
    this.#options = options;
    this.#senders = senders;
  }

  /** @param look called each step */
  run(untilMs: number, look: (now: number) => void = () => undefined): void {
    while (this.now < untilMs) {
      this.now += STEP_MS;
      for (const sender of this.#senders) sender.step(this.now, this);
      this.queueMs = Math.max(0, this.#freeAt - this.now);
      this.#arrive();
      this.#tell();
      look(this.now);
    }
  }

  /** Whether the packet gets through. */
  take(from: Sender, sequence: number, bytes: number, now: number): boolean {
    const link = this.#options;
    const begins = Math.max(now, this.#freeAt);
    if (begins - now > link.queueMs) return false;
    this.#freeAt = begins + (bytes * 8000) / link.rate(now);
    if (link.random() < link.loss(now)) return false;
    const arrivesAt = this.#freeAt + link.delayMs + link.random() * (link.jitterMs ?? 0);
    this.#flights.push({ from, sequence, bytes, arrivesAt });
    return true;
  }

  #arrive(): void {
    const here = this.#flights.filter(({ arrivesAt }) => arrivesAt <= this.now);
    if (here.length === 0) return;
    const there = this.#flights.filter(({ arrivesAt }) => arrivesAt > this.now);
    this.#flights.splice(0, this.#flights.length, ...there);
    for (const { from, sequence, bytes, arrivesAt } of here) {
      from.arrivedBytes += bytes;
      from.arrivals.received(sequence, bytes, arrivesAt);
    }
  }

  #tell(): void {
    for (const to of this.#senders) {
      if (!to.arrivals.due(this.now)) continue;
      const bytes = new Uint8Array(1200);
      const writer = new RtcpWriter().start(bytes, 0, bytes.length);
      to.arrivals.write(writer, 1, 2);
      const arrivesAt = this.now + this.#options.delayMs;
      this.#feedback.push({ to, bytes: bytes.subarray(0, writer.length), arrivesAt });
    }
    while (this.#feedback.length > 0 && this.#feedback[0]!.arrivesAt <= this.now) {
      const { to, bytes } = this.#feedback.shift()!;
      const reader = new RtcpReader();
      if (!reader.read(bytes, 0, bytes.length)) throw new Error('feedback that is none');
      const feedback = new TransportCcReader();
      while (reader.next()) {
        if (feedback.read(reader)) to.estimator.feedback(feedback, this.now);
      }
    }
  }
}

/** Seeded numbers from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
