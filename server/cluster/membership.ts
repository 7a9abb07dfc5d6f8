// This node's place among the others: its lease, renewed in beats; what may be claimed; and what follows when the lease
// runs out, since others may have our rooms then. Nothing is served until Redis has said what is still ours.
// Called by: cluster.ts. Owns no timer: `tick` comes from outside.

import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { NodeLease } from './node-lease.ts';
import type { ClusterStore, Want } from './store.ts';

/**
 * After Redis was away everybody gets so long to come back before its rooms are taken over, a lease at least: links try
 * again every two seconds.
 */
const PATIENCE_MS_MIN = 4000;

export interface MembershipOptions {
  readonly store: ClusterStore;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** What this node says of itself. */
  readonly describe: () => string;
  readonly rooms: () => [room: string, epoch: number][];
  /** Another node has it. */
  readonly onLost: (room: string) => void;
  readonly onFreeze: () => void;
  readonly onThaw: () => void;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #lease: NodeLease;
  #isServing = false;
  /** Since then others have been able to say that they live. */
  #patientSince = Infinity;
  #isAdmitting = true;
  #isOver = false;
  /** Redis may have forgotten what it told us: every room has to be confirmed. */
  #isDoubtful = true;
  #isBeating = false;
  /** Redis's clock minus ours, milliseconds. */
  #timeOffset = 0;
  #losses = 0;
  #frozenAt: number;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#lease = new NodeLease(options.leaseMs);
    this.#frozenAt = options.clock.monotonic();
  }

  /** How often the lease has run out. */
  get losses(): number {
    return this.#losses;
  }

  /** What may be claimed now. */
  get want(): Want {
    if (!this.#isAdmitting || this.#isOver) return 'find';
    const patienceMs = Math.max(PATIENCE_MS_MIN, this.#options.leaseMs);
    return this.#options.clock.monotonic() - this.#patientSince < patienceMs ? 'free' : 'any';
  }

  get redisTime(): number {
    return this.#options.clock.monotonic() + this.#timeOffset;
  }

  /** For how long nothing has been served; 0 while it is. */
  frozenMs(now: number): number {
    return this.#isServing ? 0 : now - this.#frozenAt;
  }

  /** False: others may have what is ours. Finds out itself, so that no message comes before the timer that would. */
  serves(): boolean {
    if (!this.#isServing) return false;
    if (this.#lease.holds(this.#options.clock.monotonic())) return true;
    this.#losses++;
    const rooms = this.#options.rooms().length;
    this.#options.log.warn('cluster.lease.lost', { node: this.#options.store.node, rooms });
    this.#stop();
    this.#options.onFreeze();
    return false;
  }

  /** Whether rooms may be made here. */
  admit(on: boolean): void {
    this.#isAdmitting = on;
  }

  /** Redis may be another one than before. */
  doubt(): void {
    this.#isDoubtful = true;
    this.#patientSince = this.#options.clock.monotonic();
  }

  /** For good; nothing is renewed any more. */
  end(): void {
    this.#isOver = true;
    this.#stop();
  }

  /** Renews the lease; one at a time. False when Redis could not be asked. */
  async beat(): Promise<boolean> {
    if (this.#isBeating || this.#isOver) return true;
    this.#isBeating = true;
    try {
      await this.#renew();
      return true;
    } catch (error) {
      // The link says when Redis goes away and comes back. The lease runs out if it does not.
      this.#options.log.debug('cluster.beat_failed', { err: error });
      return false;
    } finally {
      this.#isBeating = false;
    }
  }

  async #renew(): Promise<void> {
    const { store, clock, describe } = this.#options;
    const askedAt = clock.monotonic();
    if (!this.#isDoubtful && this.#isServing) {
      const at = await store.renew(describe());
      if (at > 0) return this.#renewed(askedAt, at);
    }
    return this.#join();
  }

  async #join(): Promise<void> {
    const { store, clock, describe, rooms, onLost } = this.#options;
    const askedAt = clock.monotonic();
    this.#isDoubtful = false;
    try {
      const { at, lost } = await store.join(describe(), rooms());
      if (this.#isOver) return;
      for (const room of lost) onLost(room);
      this.#renewed(askedAt, at);
      if (!this.#isServing && this.#lease.holds(clock.monotonic())) this.#thaw();
    } catch (error) {
      this.#isDoubtful = true;
      throw error;
    }
  }

  #renewed(askedAt: number, redisAt: number): void {
    this.#timeOffset = redisAt - (askedAt + this.#options.clock.monotonic()) / 2;
    this.#lease.renewed(askedAt);
  }

  #stop(): void {
    this.#isServing = false;
    this.#frozenAt = this.#options.clock.monotonic();
    this.#lease.end();
  }

  #thaw(): void {
    const { store, log, rooms, onThaw, clock } = this.#options;
    this.#isServing = true;
    this.#patientSince = clock.monotonic();
    log.info('cluster.lease', { node: store.node, rooms: rooms().length });
    onThaw();
  }
}
