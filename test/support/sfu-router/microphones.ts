// Microphones of a room and somebody who listens to all of them, by packets: every payload says whose it is and which
// of its packets. Time is the world's.

import type { OutgoingReport } from '../../../sfu/control.ts';
import { rtpPacket } from './packets.ts';
import type { RouterWorld, SentPacket, TestTransport } from './router-world.ts';
import { OPUS, publishes, sends, shows, type SectionOptions } from './sections.ts';

export const FRAME_MS = 20;
export const FRAME_TICKS = 960;
export const SILENCE = 127;
/** What the listener is sent of microphone n has this SSRC plus n. */
const SLOT_SSRC = 0xa000_0000;
const LISTENER = 1000;

/** -dBov, with VOICE or without; undefined where no packet is sent (discontinuous transmission). */
export type Level = number | undefined;
export const VOICE = 0x80;

export interface MicrophoneOptions extends SectionOptions {
  /** Whether it is one of those of which only the loudest are forwarded. */
  gated?: boolean;
}

/** Sends a packet every 20 ms unless it is silent in that way. */
export class Microphone {
  readonly number: number;
  readonly transport: TestTransport;
  level: Level = SILENCE;
  /** Of the packet that it sends next. */
  sequence: number;
  #isSilent = true;
  readonly #payloadType: number;

  constructor(world: RouterWorld, number: number, options: MicrophoneOptions = {}) {
    const { gated = true, ...section } = options;
    this.number = number;
    const { sections } = publishes([sends('0', 'audio', section)], {});
    const setup = { publication: number, mid: '0', muted: false, microphone: gated };
    this.transport = world.join(number, { sections, publications: [setup] });
    this.#payloadType = (section.codecs ?? [OPUS])[0]!.payloadType;
    // Numbers wrap soon.
    this.sequence = 0xfff0 - 100 * number;
  }

  /** The timestamp of a frame. */
  static timestamp(number: number, frame: number): number {
    return (0xffff_0000 * number + FRAME_TICKS * frame) >>> 0;
  }

  /** RFC 3551 s4.1: the marker is on the first packet after a silence in which none was sent. */
  send(frame: number, payload = Buffer.from(`${this.number} ${frame}`)): void {
    if (this.level === undefined) {
      this.#isSilent = true;
      return;
    }
    this.transport.sendOne(
      rtpPacket({
        ssrc: this.number,
        sequenceNumber: this.sequence++,
        timestamp: Microphone.timestamp(this.number, frame),
        payloadType: this.#payloadType,
        mid: '0',
        marker: this.#isSilent,
        audioLevel: this.level,
        payload,
      }),
    );
    this.#isSilent = false;
  }
}

/** One packet, and what its payload says. */
export interface Heard {
  readonly number: number;
  readonly frame: number;
  readonly packet: SentPacket;
}

export class Microphones {
  readonly all: Microphone[];
  readonly listener: TestTransport;
  frame = 0;
  readonly #world: RouterWorld;

  /** @param options of those that are not like the others, by number from 1 */
  constructor(world: RouterWorld, count: number, options: Record<number, MicrophoneOptions> = {}) {
    this.#world = world;
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    this.all = numbers.map((number) => new Microphone(world, number, options[number]));
    const slots = numbers.map((n) => shows(String(n), 'audio', { ssrc: SLOT_SSRC + n }));
    this.listener = world.join(LISTENER, publishes(slots, {}), this.bindings);
  }

  get bindings(): Record<string, number> {
    return Object.fromEntries(this.all.map(({ number }) => [String(number), number]));
  }

  of(number: number): Microphone {
    return this.all[number - 1]!;
  }

  /** Those are to be heard however quiet they are, and no others. */
  pin(...numbers: readonly number[]): void {
    const slots = this.all.map(({ number }) => ({
      mid: String(number),
      publication: number,
      pinned: numbers.includes(number),
    }));
    this.#world.command({ type: 'sfu.bind', id: LISTENER, slots });
  }

  /** Time goes by; returns what the listener was sent. Those that are not named are silent. */
  run(ms: number, levels: Record<number, Level> = {}): Heard[] {
    for (const one of this.all) one.level = one.number in levels ? levels[one.number] : SILENCE;
    for (let passed = 0; passed < ms; passed += FRAME_MS) this.step();
    return this.take();
  }

  step(): void {
    this.frame++;
    for (const one of this.all) one.send(this.frame);
    this.#world.advance(FRAME_MS);
  }

  take(): Heard[] {
    return this.listener.take().map((packet) => {
      const [number, frame] = packet.payload.toString().split(' ').map(Number);
      return { number: number!, frame: frame!, packet };
    });
  }

  reports(): OutgoingReport[] {
    this.#world.command({ type: 'sfu.report', request: 1, ids: [LISTENER] });
    const [report] = this.#world.take('sfu.report');
    return [...report!.transports[0]!.outgoing];
  }

  waits(): string {
    return this.reports()
      .map(({ waits }) => waits ?? 'sends')
      .join(' ');
  }
}

/** Whose packets these are, each once. */
export function whoIn(heard: readonly Heard[]): number[] {
  return [...new Set(heard.map(({ number }) => number))].toSorted((a, b) => a - b);
}
