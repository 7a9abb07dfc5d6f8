// Traces through a real router: each is a publisher whose packets come as they came, and subscribers have payload types
// and extension identifiers of their own.

import type { MediaSetup } from '../../../sfu/control.ts';
import type { AgreedSection } from '../../../sfu/sdp/negotiation.ts';
import type { OfferedCodec } from '../../../sfu/sdp/payload-types.ts';
import type { RouterWorld, SentPacket, TestTransport } from '../sfu-router/router-world.ts';
import { publishes, shows } from '../sfu-router/sections.ts';
import { RTCP, RTP, type Trace, type TracePacket } from './trace.ts';

/** Of a subscriber's identifiers of extensions, which no browser has. */
const SHIFT = 4;
const FIRST_PAYLOAD_TYPE = 100;

/** The sections and publications of a trace, with numbers from `first`. */
export function publisherOf({ sections }: Trace, first: number): MediaSetup {
  // What tells streams apart are packets alone.
  const silent = sections.map((section) => ({ ...section, streams: [] }));
  return publishes(silent, Object.fromEntries(sections.map(({ mid }, i) => [mid, first + i])));
}

/** A subscriber's section for what is published in these. */
export function slotFor(
  sections: readonly AgreedSection[],
  mid: string,
  options: { redundancy?: boolean } = {},
): AgreedSection {
  const { redundancy = true } = options;
  const all = sections.flatMap(({ codecs }) => codecs);
  const codecs = [...new Map(all.map((codec) => [codec.format, codec])).values()];
  const wanted = codecs.filter(({ name }) => redundancy || name !== 'red');
  return shows(mid, sections[0]!.kind, { codecs: wanted.map(renumbered), shift: SHIFT });
}

function renumbered(codec: OfferedCodec, i: number): OfferedCodec {
  const payloadType = FIRST_PAYLOAD_TYPE + 2 * i - SHIFT;
  const rtxPayloadType = codec.rtxPayloadType === undefined ? undefined : payloadType + 1;
  return { ...codec, payloadType, rtxPayloadType };
}

/** A participant that publishes nothing. */
export class Subscriber {
  readonly slots: readonly AgreedSection[];
  readonly transport: TestTransport;

  /** @param publications of each slot the one that it shows */
  constructor(
    world: RouterWorld,
    id: number,
    slots: readonly AgreedSection[],
    publications: readonly number[],
  ) {
    const bindings = Object.fromEntries(slots.map(({ mid }, i) => [mid, publications[i] ?? 0]));
    this.slots = slots;
    this.transport = world.join(id, publishes(slots, {}), bindings);
  }

  /** What a slot has sent so far for the first time. */
  sentIn({ outgoing }: AgreedSection): SentPacket[] {
    return this.transport.rtp.filter(({ rtp }) => rtp.ssrc === outgoing?.ssrc);
  }
}

/** Whoever publishes a trace, with one subscriber who is shown all of it. */
export function shown(
  world: RouterWorld,
  trace: Trace,
  options: { redundancy?: boolean } = {},
): { publisher: TestTransport; subscriber: Subscriber } {
  const publisher = world.join(1, publisherOf(trace, 1));
  const slots = trace.sections.map((section, i) => slotFor([section], String(i), options));
  const subscriber = new Subscriber(
    world,
    2,
    slots,
    slots.map((_slot, i) => i + 1),
  );
  return { publisher, subscriber };
}

export interface Feed {
  readonly transport: TestTransport;
  readonly packets: readonly TracePacket[];
}

/** All there is of a trace in time, what the recording withheld as well. */
export function whole({ packets }: Trace): TracePacket[] {
  return packets.map((packet) => (packet.kind === RTCP ? packet : { ...packet, kind: RTP }));
}

/** What the recording gave to its router. */
export function asItCame({ packets }: Trace): TracePacket[] {
  return packets.filter(({ kind }) => kind === RTP || kind === RTCP);
}

/**
 * Plays them side by side, each packet in a turn of the engine of its own unless others came at the same time: so what
 * is sent at once tells by its time what it was made of. `before` is called when each turn begins.
 */
export function play(
  world: RouterWorld,
  feeds: readonly Feed[],
  before: (us: number) => void = () => undefined,
): void {
  const all = feeds.flatMap(({ transport, packets }) =>
    packets.map((packet) => ({ transport, packet })),
  );
  const start = world.now;
  let turnUs = -1;
  for (const { transport, packet } of all.toSorted((a, b) => a.packet.us - b.packet.us)) {
    if (packet.us > turnUs) {
      world.advance(Math.max(0, start + packet.us / 1000 - world.now));
      turnUs = packet.us;
      before(turnUs);
    }
    if (packet.kind === RTCP) transport.sendRtcpPacket(packet.bytes);
    else transport.sendOne(packet.bytes);
  }
  world.advance(1000);
}
