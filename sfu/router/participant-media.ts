// One participant's media: what it publishes, what it is sent, and its feedback both ways. Observes its transport.
// Called by: Sfu, RoomRouter. Allocates: for each description; nothing per packet.

import type { Arena } from '../../shared/native/arena.ts';
import { Timer } from '../../shared/net/timer-wheel.ts';
import type { MediaSetup, SlotBinding } from '../control.ts';
import { LAYERS_MAX } from '../bandwidth/allocator.ts';
import { ArrivalLog } from '../feedback/arrival-log.ts';
import type { SenderInfo } from '../rtp/rtcp-reports.ts';
import { RTP_OK, RtpReader } from '../rtp/rtp-reader.ts';
import { unwrapRtx } from '../rtp/rtx.ts';
import { DROP_PAYLOAD_TYPE, DROP_RTP_MALFORMED, DROP_UNKNOWN_SSRC } from './drop-reason.ts';
import { IncomingStreams } from './incoming-streams.ts';
import { OutgoingPath } from './outgoing-path.ts';
import { HERE, type Publication } from './publication.ts';
import { publish } from './publish.ts';
import type { RoomRouter } from './room-router.ts';
import type { PacketSender } from './router-host.ts';
import { receiveRtcp } from './rtcp-input.ts';
import { RtcpOutput } from './rtcp-output.ts';
import { SenderClock } from './sender-clock.ts';
import { IncomingSection, OutgoingSection } from './sections.ts';
import { Slot } from './slot.ts';
import { VideoShares } from './video-shares.ts';

const reader = new RtpReader();

export class ParticipantMedia {
  readonly id: number;
  readonly room: RoomRouter;
  readonly path: OutgoingPath;
  readonly clock = new SenderClock();
  readonly home = HERE;
  publications: readonly Publication[] = [];
  slots: readonly Slot[] = [];
  readonly #streams = new IncomingStreams();
  readonly #slotsBySsrc = new Map<number, Slot>();
  readonly #arrivals = new ArrivalLog();
  readonly #rtcp: RtcpOutput;
  readonly #shares: VideoShares;
  readonly #timer: Timer;
  /** When the timer fires; Infinity while it is not scheduled. */
  #wakeAt = Number.POSITIVE_INFINITY;
  /** The identifier of transport-wide sequence numbers; 0 where they are not to be answered. */
  #transportCcId = 0;
  #closed = false;

  constructor(room: RoomRouter, id: number) {
    this.id = id;
    this.room = room;
    this.path = new OutgoingPath(room.host);
    this.#rtcp = new RtcpOutput(this.path);
    this.#timer = new Timer((now) => this.handleTimeout(now));
    this.#shares = new VideoShares(this.path, id);
    this.path.touch = (now) => this.#shares.touch(now);
    this.path.reportAlong = (now) => this.#reportAlong(now);
    room.participants.add(this);
  }

  /** Packets are sent by it from now on, when it is connected. */
  attach(sender: PacketSender): void {
    this.path.sender = sender;
  }

  onConnected(now: number): void {
    this.path.isUp = true;
    this.path.isNew = false;
    this.path.reports.start(now);
    // Whatever was measured may be of another way.
    this.path.estimator?.reroute();
    for (const slot of this.slots) slot.resume(now);
    this.path.touch(now);
    this.wake();
  }

  onDisconnected(): void {
    this.path.isUp = false;
    for (const slot of this.slots) slot.pause();
  }

  /** A later description replaces an earlier one whole. Slots keep what they show, by their section. */
  describe({ sections, publications }: MediaSetup, now: number): void {
    if (this.#closed) return;
    this.room.flush(now);
    const incoming = sections.flatMap((section) => {
      const receives = section.direction === 'recvonly' || section.direction === 'sendrecv';
      return receives ? [new IncomingSection(section)] : [];
    });
    this.publications = publish(this.room, this, incoming, publications, now);
    this.#streams.set(incoming, this.publications);
    this.#transportCcId = incoming.find((one) => one.transportCcId > 0)?.transportCcId ?? 0;
    this.#describeSlots(
      sections.flatMap((section) =>
        section.outgoing === undefined
          ? []
          : [{ section: new OutgoingSection(section), outgoing: section.outgoing }],
      ),
      now,
    );
    this.#rtcp.reducedSize = sections.length > 0 && sections.every(({ rtcpRsize }) => rtcpRsize);
    this.#rtcp.reportAs(this.slots[0]);
  }

  /** Points slots at publications of the room, those that there will be included. */
  bind(bindings: readonly SlotBinding[], now: number): void {
    this.room.flush(now);
    for (const binding of bindings) {
      const { mid, publication, wanted = LAYERS_MAX - 1, fixed = false, priority = 0 } = binding;
      const slot = this.slots.find(({ section }) => section.mid === mid);
      if (slot === undefined) continue;
      slot.wanted = publication;
      slot.claim.wanted = wanted;
      slot.claim.fixed = fixed;
      slot.claim.priority = priority;
      slot.bind(this.room.find(publication), now);
      slot.pin(binding.pinned === true);
    }
    this.path.touch(now);
  }

  /** A decrypted packet, good until the call returns. */
  onRtp(arena: Arena, offset: number, length: number, now: number): void {
    const { counters } = this.path.host;
    counters.packetsIn++;
    counters.bytesIn += length;
    if (reader.read(arena.bytes, offset, length) !== RTP_OK) {
      return counters.drop(DROP_RTP_MALFORMED);
    }
    this.#noteArrival(length, now);
    const streams = this.#streams;
    if (!streams.find(reader, now)) return counters.drop(streams.reason);
    const publication = streams.publication!;
    const stream = publication.encodings[streams.encoding];
    if (stream === undefined) return counters.drop(DROP_UNKNOWN_SSRC);
    if (streams.isRtx) {
      const payloadType = publication.section.repairedBy(reader.payloadType);
      if (payloadType < 0) return counters.drop(DROP_PAYLOAD_TYPE);
      const at = unwrapRtx(reader, stream.ssrc, payloadType);
      // A probe: padding, and no packet.
      if (at < 0 || reader.read(arena.bytes, at, offset + length - at) !== RTP_OK) return;
    }
    publication.receive(stream, arena, reader, streams.isRtx, now);
  }

  /** A decrypted RTCP datagram, good until the call returns. */
  onRtcp(arena: Arena, offset: number, length: number, now: number): void {
    receiveRtcp(this, arena.bytes, offset, length, now);
  }

  /** Feedback has told of what arrives. */
  onEstimate(now: number): void {
    this.#shares.onEstimate(now);
  }

  /** A sender report of what the participant sends with that SSRC; those of retransmissions say nothing of use. */
  onSenderReport(ssrc: number, info: SenderInfo, now: number): void {
    for (let i = 0; i < this.publications.length; i++) {
      const publication = this.publications[i]!;
      for (let j = 0; j < publication.encodings.length; j++) {
        const stream = publication.encodings[j];
        if (stream?.ssrc !== (ssrc | 0)) continue;
        stream.reported(info, now);
        publication.reported(stream);
        return;
      }
    }
  }

  slotOf(ssrc: number): Slot | undefined {
    return this.#slotsBySsrc.get(ssrc | 0);
  }

  rtxSsrcOf(publication: Publication, encoding: number): number | null {
    return this.#streams.rtxSsrcOf(publication, encoding);
  }

  /** The participant needs a key frame in what it is sent with that SSRC. */
  requestKeyFrame(ssrc: number, now: number): void {
    this.path.host.counters.keyFrameRequestsIn++;
    this.slotOf(ssrc)?.requestKeyFrame(now);
  }

  /** Something may be due sooner than before. */
  wake(): void {
    this.#wakeBy(this.nextDeadline);
  }

  /** When `handleTimeout` has something to do; Infinity while it has not. */
  get nextDeadline(): number {
    let at = Math.min(this.#arrivals.nextDeadline, this.path.reports.nextDeadline);
    for (const { encodings } of this.publications) {
      for (const stream of encodings) {
        if (stream === undefined) continue;
        at = Math.min(at, stream.nacks.nextDeadline, stream.keyFrames.nextDeadline);
      }
    }
    return at;
  }

  handleTimeout(now: number): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#rtcp.sendFeedback(this.publications, this.#arrivals, now);
    if (this.path.reports.due(now)) this.#report(now);
    this.wake();
  }

  /** Idempotent. Whoever was shown something of it is shown nothing then. */
  close(now: number): void {
    if (this.#closed) return;
    this.describe({ sections: [], publications: [] }, now);
    this.#closed = true;
    this.path.isUp = false;
    this.path.sender = undefined;
    this.path.host.timers.cancel(this.#timer);
    this.#shares.close();
    this.path.pacer.close();
    this.room.participants.delete(this);
  }

  #describeSlots(
    described: readonly { section: OutgoingSection; outgoing: Slot['outgoing'] }[],
    now: number,
  ): void {
    this.path.describe(described.some(({ section }) => section.tells));
    const slots = described.map(({ section, outgoing }) => {
      const before = this.slots.find(
        (one) => one.section.mid === section.mid && one.outgoing.ssrc === outgoing.ssrc,
      );
      if (before?.section.kind !== section.kind) return new Slot(this.path, section, outgoing);
      before.describe(section);
      return before;
    });
    for (const slot of this.slots) if (!slots.includes(slot)) slot.bind(undefined, now);
    this.slots = slots;
    this.#shares.slots = slots;
    this.#slotsBySsrc.clear();
    for (const slot of slots) this.#slotsBySsrc.set(slot.outgoing.ssrc | 0, slot);
  }

  /** Reports that are nearly due, next to the media that has just been sent: nobody has to be woken for them. */
  #reportAlong(now: number): void {
    if (!this.path.reports.goesAlong(now)) return;
    this.#report(now);
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.wake();
  }

  #report(now: number): void {
    this.#rtcp.sendReports(this.publications, this.slots, now);
    this.#measure(now);
  }

  #measure(now: number): void {
    for (const { encodings } of this.publications) {
      for (const stream of encodings) {
        stream?.bitrate.look(stream.statistics.bytes, now);
        stream?.history.forget(now);
      }
    }
    for (const { output, statistics } of this.slots) output.bitrate.look(statistics.octets, now);
  }

  #noteArrival(length: number, now: number): void {
    const sequenceNumber = reader.extensionU16(this.#transportCcId);
    if (sequenceNumber < 0) return;
    const arrivals = this.#arrivals;
    arrivals.received(sequenceNumber, length, now);
    if (arrivals.nextDeadline < this.#wakeAt) this.wake();
  }

  #wakeBy(at: number): void {
    if (this.#closed || at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.path.host.timers.schedule(this.#timer, at);
  }
}
