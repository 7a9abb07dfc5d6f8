// The selective forwarding unit of a worker: rooms, and in them participants with their transports. Does what the
// answering thread says, in whatever order it comes, and tells it what happens. Sans-I/O. Called by: the media
// worker. Allocates: nothing per packet.

import { Arena } from '../shared/native/arena.ts';
import type { Timers } from '../shared/net/timer-wheel.ts';
import type {
  IceSetup,
  ImpairOrder,
  LinkReport,
  PipeCommand,
  PipeEvent,
  SfuCommand,
  SfuEvent,
  SfuPath,
  SfuTransportState,
  TransportReport,
} from './control.ts';
import { type PipeTo, Pipes } from './pipe/pipes.ts';
import { RouterCounters } from './router/counters.ts';
import { ROUTER_DROP_REASONS, type RouterDropReason } from './router/drop-reason.ts';
import { ParticipantMedia } from './router/participant-media.ts';
import { PayloadPool } from './router/payload-pool.ts';
import { HERE, type Publication } from './router/publication.ts';
import { RoomRouter } from './router/room-router.ts';
import { RoomSummaries, type RoomSummary } from './router/room-summary.ts';
import type { PacketSender, RouterHost } from './router/router-host.ts';
import { availableOf, incomingReports, outgoingReports, rttOf } from './router/stream-report.ts';
import type { MediaObserver, TransportSetup } from './transport/media-transport.ts';

/** One datagram of RTCP, or one payload. */
const SCRATCH_BYTES = 2048;

/** A participant's transport; MediaTransport is one. */
export interface SfuTransport extends PacketSender {
  readonly state: SfuTransportState;
  readonly path: SfuPath | '';
  report(now: number): LinkReport;
  restart(ice: IceSetup, now: number): boolean;
  impair(order: ImpairOrder, now: number): void;
  close(): void;
}

/** Whoever makes transports; MediaServer is one. */
export interface TransportMaker {
  /** The transport, or why there is none. */
  open(setup: TransportSetup, observer: MediaObserver, now: number): SfuTransport | string;
}

export interface SfuOptions {
  readonly transports: TransportMaker;
  readonly timers: Timers;
  emit(event: SfuEvent | PipeEvent): void;
  /** Has `onTurnEnd` called when the engine's turn ends. */
  atTurnEnd(): void;
  /** Unix time in milliseconds, for sender reports. */
  wallMs(): number;
  /** Uniform from 0 to 1. */
  random(): number;
  /** Of memory for packets that may be sent again. */
  readonly payloadBytesMax?: number;
  /** Left out where there are no other workers. */
  readonly pipeTo?: PipeTo;
  /** Of the microphones of a room only so many are forwarded, the loudest; 0, or nothing, for all. */
  readonly loudest?: number;
}

export interface SfuStats {
  readonly rooms: number;
  readonly transports: Readonly<Record<SfuTransportState, number>>;
  readonly publications: number;
  readonly slots: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly nacksIn: number;
  readonly nacksOut: number;
  readonly retransmissions: number;
  readonly keyFrameRequestsIn: number;
  readonly keyFrameRequestsOut: number;
  /** Packets of microphones that were not forwarded because others are louder. */
  readonly quietPackets: number;
  /** Packets that were given redundancy here. */
  readonly redundantPackets: number;
  /** Memory of packets that may be sent again. */
  readonly payloadBytes: number;
  /** Publications that other workers are sent, once for each of these. */
  readonly pipes: number;
  readonly pipedPacketsOut: number;
  readonly pipedPacketsIn: number;
  /** What other workers have missed because their rings were full. */
  readonly pipeDropped: number;
  /** By reason. */
  readonly drops: Readonly<Partial<Record<RouterDropReason, number>>>;
}

export class Sfu {
  readonly #options: SfuOptions;
  readonly #host: RouterHost;
  readonly #pool: PayloadPool;
  readonly #counters = new RouterCounters();
  readonly #scratch = new Arena(SCRATCH_BYTES);
  readonly #publications = new Map<number, Publication>();
  readonly #rooms = new Map<string, RoomRouter>();
  readonly #seats = new Map<number, Seat>();
  readonly #pipes: Pipes;
  /** Rooms with packets for the end of this turn. */
  #pendingCount = 0;
  readonly #pending: RoomRouter[] = [];
  /** Of the last call that told it. */
  #now = 0;
  #closed = false;

  constructor(options: SfuOptions) {
    const { timers } = options;
    this.#options = options;
    this.#pool = new PayloadPool(options.payloadBytesMax);
    this.#host = {
      pool: this.#pool,
      counters: this.#counters,
      publications: this.#publications,
      timers,
      loudest: options.loudest ?? 0,
      scratch: this.#scratch,
      wallMs: () => options.wallMs(),
      random: () => options.random(),
      emit: (event) => {
        if (!this.#closed) options.emit(event);
      },
      atTurnEnd: (room) => {
        if (this.#pendingCount === 0) options.atTurnEnd();
        this.#pending[this.#pendingCount++] = room;
      },
    };
    const rooms = {
      open: (sid: string) => this.#room(sid),
      find: (sid: string) => this.#rooms.get(sid),
      leave: (room: RoomRouter) => this.#closeEmpty(room),
    };
    this.#pipes = new Pipes(this.#host, rooms, options.pipeTo ?? (() => undefined));
  }

  /** A record that the worker of that number wrote into its ring to this one. */
  onPiped(worker: number, bytes: Uint8Array, offset: number, length: number, now: number): void {
    if (!this.#closed) this.#pipes.receive(worker, bytes, offset, length, now);
  }

  /** What names something that is gone, or not there yet, changes nothing. */
  handle(command: SfuCommand | PipeCommand, now: number): void {
    if (this.#closed) return;
    this.#now = now;
    switch (command.type) {
      case 'sfu.open':
        this.#open(command, now);
        break;
      case 'sfu.change':
        this.#change(command, now);
        break;
      case 'sfu.bind':
        this.#seats.get(command.id)?.participant.bind(command.slots, now);
        break;
      case 'sfu.mute':
        this.#publications.get(command.publication)?.setMuted(command.muted, now);
        break;
      case 'sfu.impair':
        this.#seats.get(command.id)?.transport?.impair(command, now);
        break;
      case 'sfu.encodings':
        this.#publications.get(command.publication)?.resting.tell(command.wanted, now);
        break;
      case 'sfu.close':
        this.#end(this.#seats.get(command.id));
        break;
      case 'sfu.report':
        this.#report(command.request, command.ids, now);
        break;
      case 'sfu.mirror':
      case 'sfu.unmirror':
      case 'sfu.pipe':
      case 'sfu.heard':
      case 'sfu.severed':
        this.#pipes.handle(command, now);
    }
  }

  /** Forwards what came in this turn. */
  onTurnEnd(now: number): void {
    this.#now = now;
    const count = this.#pendingCount;
    this.#pendingCount = 0;
    for (let i = 0; i < count; i++) this.#pending[i]!.endTurn(now);
  }

  stats(): SfuStats {
    const counters = this.#counters;
    const transports = { new: 0, connecting: 0, connected: 0, disconnected: 0, closed: 0 };
    let slots = 0;
    let publications = 0;
    let pipes = 0;
    for (const { home, pipes: open } of this.#publications.values()) {
      if (home === HERE) publications++;
      pipes += open.length;
    }
    for (const { transport, participant } of this.#seats.values()) {
      if (transport !== undefined) transports[transport.state]++;
      slots += participant.slots.length;
    }
    return {
      rooms: this.#rooms.size,
      transports,
      publications,
      slots,
      packetsIn: counters.packetsIn,
      bytesIn: counters.bytesIn,
      packetsOut: counters.packetsOut,
      bytesOut: counters.bytesOut,
      nacksIn: counters.nacksIn,
      nacksOut: counters.nacksOut,
      retransmissions: counters.resent,
      keyFrameRequestsIn: counters.keyFrameRequestsIn,
      keyFrameRequestsOut: counters.keyFrameRequestsOut,
      quietPackets: counters.quietPackets,
      redundantPackets: counters.redundantPackets,
      payloadBytes: this.#pool.bytes,
      pipes,
      pipedPacketsOut: counters.pipedOut,
      pipedPacketsIn: counters.pipedIn,
      pipeDropped: counters.pipeDropped,
      drops: Object.fromEntries(
        ROUTER_DROP_REASONS.map((reason, i) => [reason, counters.drops[i] ?? 0]),
      ),
    };
  }

  /** Of all rooms, each with those of its participants who are in trouble. */
  summaries(): RoomSummary[] {
    const summaries = new RoomSummaries();
    for (const seat of this.#seats.values()) summaries.add(seat);
    return summaries.list();
  }

  /** Closes all transports, without a word to the sink, and frees what was kept. Idempotent. */
  close(now: number): void {
    if (this.#closed) return;
    this.#now = now;
    this.#closed = true;
    for (const seat of this.#seats.values()) this.#end(seat);
    this.#pipes.close(now);
    this.#pool.close();
    this.#scratch.free();
  }

  #open(command: CommandOf<'sfu.open'>, now: number): void {
    const { id, room: sid, ice, fingerprints, setup, media, slots } = command;
    if (this.#seats.has(id)) return;
    const seat = new Seat(new ParticipantMedia(this.#room(sid), id), this.#onState);
    const transport = this.#options.transports.open({ id, ice, fingerprints, setup }, seat, now);
    this.#seats.set(id, seat);
    if (typeof transport === 'string') {
      this.#onState(seat, 'closed', transport);
      return;
    }
    seat.transport = transport;
    seat.participant.attach(transport);
    seat.participant.describe(media, now);
    seat.participant.bind(slots, now);
  }

  #change({ id, media, ice }: CommandOf<'sfu.change'>, now: number): void {
    const seat = this.#seats.get(id);
    if (seat === undefined) return;
    // The peer goes by the new credentials alone.
    if (ice !== undefined && seat.transport?.restart(ice, now) !== true) {
      this.#onState(seat, 'closed', 'ice-in-use');
      return;
    }
    seat.participant.describe(media, now);
  }

  #report(request: number, ids: readonly number[], now: number): void {
    const transports = ids.flatMap((id): TransportReport[] => {
      const { transport, participant } = this.#seats.get(id) ?? {};
      if (transport === undefined || participant === undefined) return [];
      return [
        {
          id,
          state: transport.state,
          link: transport.report(now),
          rttMs: rttOf(participant),
          availableBps: availableOf(participant),
          incoming: incomingReports(participant),
          outgoing: outgoingReports(participant),
        },
      ];
    });
    this.#options.emit({ type: 'sfu.report', request, transports });
  }

  readonly #onState = (seat: Seat, state: SfuTransportState, reason: string): void => {
    const { id } = seat.participant;
    const path = seat.transport?.path ?? '';
    if (state === 'closed') this.#end(seat);
    this.#options.emit({ type: 'sfu.state', id, state, path, reason });
  };

  /** The transport says nothing of it. */
  #end(seat: Seat | undefined): void {
    if (seat === undefined || !this.#seats.delete(seat.participant.id)) return;
    const { participant, transport } = seat;
    const { room } = participant;
    participant.close(this.#now);
    transport?.close();
    this.#closeEmpty(room);
  }

  #room(sid: string): RoomRouter {
    const room = this.#rooms.get(sid) ?? new RoomRouter(this.#host, sid);
    this.#rooms.set(sid, room);
    return room;
  }

  #closeEmpty(room: RoomRouter): void {
    if (!room.isEmpty) return;
    room.close();
    this.#rooms.delete(room.sid);
  }
}

type CommandOf<Type extends SfuCommand['type']> = Extract<SfuCommand, { type: Type }>;

type OnState = (seat: Seat, state: SfuTransportState, reason: string) => void;

/** A participant and its transport. */
class Seat implements MediaObserver {
  readonly participant: ParticipantMedia;
  transport: SfuTransport | undefined = undefined;
  readonly #onState: OnState;

  constructor(participant: ParticipantMedia, onState: OnState) {
    this.participant = participant;
    this.#onState = onState;
  }

  onConnected(now: number): void {
    this.participant.onConnected(now);
    this.#onState(this, 'connected', '');
  }

  onDisconnected(): void {
    this.participant.onDisconnected();
    this.#onState(this, 'disconnected', '');
  }

  onClosed(reason: string): void {
    this.#onState(this, 'closed', reason);
  }

  onRtp(arena: Arena, offset: number, length: number, now: number): void {
    this.participant.onRtp(arena, offset, length, now);
  }

  onRtcp(arena: Arena, offset: number, length: number, now: number): void {
    this.participant.onRtcp(arena, offset, length, now);
  }
}
