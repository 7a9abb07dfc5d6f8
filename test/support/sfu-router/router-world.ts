// An Sfu among participants whose transports are the test: packets go in and come out decrypted, time stands still.

import type {
  IceSetup,
  ImpairOrder,
  LinkReport,
  MediaSetup,
  PipeEvent,
  SfuCommand,
  SfuEvent,
  SlotBinding,
} from '../../../sfu/control.ts';
import type { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import { RTP_OK, RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { Sfu, type SfuOptions, type SfuTransport } from '../../../sfu/sfu.ts';
import type { MediaObserver } from '../../../sfu/transport/media-transport.ts';
import { Arena } from '../../../shared/native/arena.ts';
import { TimerWheel } from '../../../shared/net/timer-wheel.ts';

const ICE: IceSetup = {
  local: { ufrag: 'abcd', password: 'x'.repeat(24) },
  remote: { ufrag: 'efgh', password: 'y'.repeat(24) },
};
const PACKET_BYTES = 2048;
/** Far from zero and with a fraction, as a monotonic clock has it. */
const START = 1_000_000.5;

/** One that was sent to a participant. */
export interface SentPacket {
  readonly at: number;
  readonly bytes: Buffer;
  readonly rtp: RtpReader;
  readonly payload: Buffer;
}

export class TestTransport implements SfuTransport {
  state: SfuTransport['state'] = 'new';
  path: SfuTransport['path'] = '';
  readonly rtp: SentPacket[] = [];
  readonly rtcp: Buffer[] = [];
  restarts = 0;
  readonly impaired: ImpairOrder[] = [];
  /** Whether packets can be sent at the moment. */
  isBroken = false;
  readonly #world: RouterWorld;
  readonly #observer: MediaObserver;
  readonly #scratch = new Arena(PACKET_BYTES);

  constructor(world: RouterWorld, observer: MediaObserver) {
    this.#world = world;
    this.#observer = observer;
  }

  sendRtp(header: RtpWriter, from: Arena, payloadOffset: number, payloadBytes: number): number {
    if (this.isBroken) return 0;
    const bytes = Buffer.alloc(header.headerBytes + payloadBytes);
    header.write(bytes, 0);
    bytes.set(from.bytes.subarray(payloadOffset, payloadOffset + payloadBytes), header.headerBytes);
    const rtp = new RtpReader();
    if (rtp.read(bytes, 0, bytes.length) !== RTP_OK) throw new Error('not RTP');
    this.rtp.push({
      at: this.#world.now,
      bytes,
      rtp,
      payload: bytes.subarray(rtp.payloadOffset, rtp.payloadOffset + rtp.payloadBytes),
    });
    return bytes.length;
  }

  sendRtcp(from: Arena, offset: number, length: number): boolean {
    if (this.isBroken) return false;
    this.rtcp.push(Buffer.from(from.bytes.subarray(offset, offset + length)));
    return true;
  }

  report(): LinkReport {
    return {
      path: this.path,
      family: 4,
      consentAgeMs: 0,
      dtlsCipher: 'none',
      srtpProfile: 'none',
      packetsIn: 0,
      bytesIn: 0,
      packetsOut: this.rtp.length,
      bytesOut: 0,
    };
  }

  restart(): boolean {
    this.restarts++;
    return true;
  }

  impair(order: ImpairOrder): void {
    this.impaired.push(order);
  }

  close(): void {
    this.state = 'closed';
  }

  connect(): this {
    this.state = 'connected';
    this.path = 'udp';
    this.#observer.onConnected(this.#world.now);
    return this;
  }

  disconnect(): void {
    this.state = 'disconnected';
    this.#observer.onDisconnected(this.#world.now);
  }

  /** The transport ends by itself. */
  end(): void {
    this.state = 'closed';
    this.#observer.onClosed('ice-timeout', '');
  }

  /** What the participant sends, one packet after another. */
  send(...packets: readonly Uint8Array[]): void {
    for (const bytes of packets) this.sendOne(bytes);
  }

  sendOne(bytes: Uint8Array, now = this.#world.now): void {
    this.#scratch.bytes.set(bytes, 0);
    this.#observer.onRtp(this.#scratch, 0, bytes.length, now);
  }

  sendRtcpPacket(bytes: Uint8Array): void {
    this.#scratch.bytes.set(bytes, 0);
    this.#observer.onRtcp(this.#scratch, 0, bytes.length, this.#world.now);
  }

  /** What was sent to it since the last time. */
  take(): SentPacket[] {
    return this.rtp.splice(0);
  }

  takeRtcp(): Buffer[] {
    return this.rtcp.splice(0);
  }
}

export class RouterWorld {
  now = START;
  readonly events: (SfuEvent | PipeEvent)[] = [];
  readonly sfu: Sfu;
  readonly transports = new Map<number, TestTransport>();
  /** What `open` of a transport is answered with, if it is refused. */
  refusal: string | undefined = undefined;
  readonly #timers = new TimerWheel(START, (error) => {
    throw error;
  });
  #turnEnds = false;

  /** How commands come to the Sfu. */
  send = (command: SfuCommand): void => this.sfu.handle(command, this.now);

  constructor(
    options: { random?: () => number } & Pick<
      SfuOptions,
      'payloadBytesMax' | 'pipeTo' | 'loudest'
    > = {},
  ) {
    const { random = () => 0.5, loudest = 0, ...more } = options;
    this.sfu = new Sfu({
      transports: {
        open: ({ id }, observer) => {
          if (this.refusal !== undefined) return this.refusal;
          const transport = new TestTransport(this, observer);
          this.transports.set(id, transport);
          return transport;
        },
      },
      timers: this.#timers,
      emit: (event) => this.events.push(event),
      atTurnEnd: () => {
        this.#turnEnds = true;
      },
      wallMs: () => 1_700_000_000_000 + this.now,
      random,
      loudest,
      ...more,
    });
  }

  command(command: SfuCommand): void {
    this.send(command);
  }

  /** A participant that is there and connected. */
  join(
    id: number,
    media: MediaSetup,
    slots: Readonly<Record<string, number>> = {},
    room = 'room',
  ): TestTransport {
    return this.enter(id, media, slots, room).connect();
  }

  /** A participant that is there and has yet to connect. */
  enter(
    id: number,
    media: MediaSetup,
    slots: Readonly<Record<string, number>> = {},
    room = 'room',
  ): TestTransport {
    this.command({
      type: 'sfu.open',
      id,
      room,
      ice: ICE,
      fingerprints: [],
      setup: 'passive',
      media,
      slots: bindings(slots),
    });
    return this.transports.get(id)!;
  }

  bind(id: number, slots: Readonly<Record<string, number>>): void {
    this.command({ type: 'sfu.bind', id, slots: bindings(slots) });
  }

  /** The engine's turn ends. */
  turn(now = this.now): void {
    if (!this.#turnEnds) return;
    this.#turnEnds = false;
    this.sfu.onTurnEnd(now);
  }

  /** Time goes by, in steps so small that no timer is late by more than a few milliseconds. */
  advance(ms: number): void {
    this.turn();
    const end = this.now + ms;
    while (this.now < end) {
      this.now = Math.min(end, this.now + 4);
      this.#timers.advance(this.now);
      this.turn();
    }
  }

  /** Events of one kind since the last time; those of other kinds stay. */
  take<Type extends SfuEvent['type']>(type: Type): Extract<SfuEvent, { type: Type }>[] {
    const taken: Extract<SfuEvent, { type: Type }>[] = [];
    const others = this.events.splice(0).filter((event) => {
      if (!isOf(event, type)) return true;
      taken.push(event);
      return false;
    });
    this.events.push(...others);
    return taken;
  }

  close(): void {
    this.sfu.close(this.now);
  }
}

function isOf<Type extends SfuEvent['type']>(
  event: SfuEvent | PipeEvent,
  type: Type,
): event is Extract<SfuEvent, { type: Type }> {
  return event.type === type;
}

function bindings(slots: Readonly<Record<string, number>>): SlotBinding[] {
  return Object.entries(slots).map(([mid, publication]) => ({ mid, publication }));
}
