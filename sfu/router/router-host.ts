// What all rooms of a worker share: memory, counters, and whoever has the clock and the transports.
// Implemented by Sfu. Allocates: when it is made.

import type { Timers } from '../../shared/net/timer-wheel.ts';
import type { Arena } from '../../shared/native/arena.ts';
import type { PipeEvent, SfuEvent } from '../control.ts';
import type { RtpWriter } from '../rtp/rtp-writer.ts';
import type { RouterCounters } from './counters.ts';
import type { PayloadPool } from './payload-pool.ts';
import type { Publication } from './publication.ts';
import type { RoomRouter } from './room-router.ts';

/** One participant's transport, as the router sees it; MediaTransport is one. */
export interface PacketSender {
  /** Returns the bytes of the packet that was sent; 0 where none was. */
  sendRtp(
    header: RtpWriter,
    from: Arena,
    payloadOffset: number,
    payloadBytes: number,
    now: number,
  ): number;
  sendRtcp(from: Arena, offset: number, length: number, now: number): boolean;
}

export interface RouterHost {
  readonly pool: PayloadPool;
  readonly counters: RouterCounters;
  /** Of all rooms, by number. */
  readonly publications: Map<number, Publication>;
  readonly timers: Timers;
  /** Of the microphones of a room only so many are forwarded, the loudest; 0 for all. */
  readonly loudest: number;
  /** Of RTCP that is being written, and of payloads that are made here. */
  readonly scratch: Arena;
  /** Unix time, for sender reports. */
  wallMs(): number;
  /** Uniform from 0 to 1. */
  random(): number;
  emit(event: SfuEvent | PipeEvent): void;
  /** Has `flush` of the room called when the engine's turn ends. */
  atTurnEnd(room: RoomRouter): void;
}
