// What everything that handles messages shares: the tables, clock, bounds and counters of one server.
// Called by: conversation.ts, join.ts, handlers.ts; made by signaling-server.ts.

import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import type { Reason } from './codes.ts';
import { Durations } from './durations.ts';
import type { JoinRates } from './join-rates.ts';
import type { SignalingLimits } from './limits.ts';
import type { Switchboard } from './media/switchboard.ts';
import type { IceServer, Simulation } from './protocol.ts';
import type { RoomRouter } from './room-router.ts';
import type { Rooms } from './rooms.ts';
import type { Sessions } from './sessions.ts';
import type { TokenVerifier } from './tokens.ts';

export interface IceConfig {
  servers: IceServer[];
  /** When the credentials end; Unix time, milliseconds. */
  expiresAt: number;
}

export interface Service {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: SignalingLimits;
  readonly rooms: Rooms;
  readonly sessions: Sessions;
  readonly tokens: TokenVerifier;
  readonly joinRates: JoinRates;
  /** Null without an SFU: rooms are of mode `p2p`. */
  readonly switchboard: Switchboard | null;
  readonly counters: Counters;
  /** Null where this is the only node. */
  readonly router: RoomRouter | null;
  /** Name of this server among others, and its version. */
  readonly node: string;
  readonly version: string;
  /** Whether participants may join. Those who are here go on and resume in either case. */
  admits: boolean;
  iceServers(identity: string, requestHost: string): IceConfig;
}

/** Reasons that have not come up are absent. */
export type ReasonCounts = Readonly<Partial<Record<Reason, number>>>;

export type SimulationCounts = Readonly<Partial<Record<Simulation['op'], number>>>;

/** Counted before anything is logged. */
export class Counters {
  messages = 0;
  joins = 0;
  resumes = 0;
  takeovers = 0;
  /** From a join message's arrival to its reply's leaving. */
  readonly joinDurations: Durations = new Durations(1024);
  readonly #simulations = new Map<Simulation['op'], number>();
  readonly #refusals = new Map<Reason, number>();
  readonly #closes = new Map<Reason, number>();

  /** Something was made to go wrong on purpose. */
  simulated(op: Simulation['op']): void {
    this.#simulations.set(op, (this.#simulations.get(op) ?? 0) + 1);
  }

  /** By `op`; those that have not come up are absent. */
  get simulations(): SimulationCounts {
    return Object.fromEntries(this.#simulations);
  }

  /** An `error` message or an upgrade answered with HTTP. */
  refused(reason: Reason): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  /** A WebSocket that this side closed. */
  closed(reason: Reason): void {
    this.#closes.set(reason, (this.#closes.get(reason) ?? 0) + 1);
  }

  byReason(): { refusals: ReasonCounts; closes: ReasonCounts } {
    return {
      refusals: Object.fromEntries(this.#refusals),
      closes: Object.fromEntries(this.#closes),
    };
  }
}
