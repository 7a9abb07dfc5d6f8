// What all TURN servers of the process have in common, whichever threads they run in: relay ports, quotas,
// reservations, the cap on unauthenticated replies, the secrets of nonces and tickets. A single server uses the same.
// Called by: TurnServer, and the main thread, which makes the memory and frees what a dead worker held.

import { randomBytes } from 'node:crypto';
import { SharedKeys } from './shared-key.ts';
import { SharedLock } from './shared-lock.ts';
import { type PortRange, SharedPorts, type SharedPortsMemory } from './shared-ports.ts';
import { type Holdings, SharedQuota, type SharedQuotaMemory } from './shared-quota.ts';
import { SharedReservations, type SharedReservationsMemory } from './shared-reservations.ts';
import { UnauthenticatedCap, type UnauthenticatedCapMemory } from './unauthenticated-cap.ts';

const SECRET_BYTES = 32;

export interface CommonsOptions {
  /** How many relay addresses there are. */
  readonly hosts: number;
  readonly ports: PortRange;
  /** Allocations and reservations at the same time. */
  readonly quotaTotal: number;
  /** Replies to unauthenticated requests a second and source network; 0 = no cap. */
  readonly unauthorizedPerSecond: number;
  /** How many workers there may be at the same time. */
  readonly workers: number;
}

/** A structured clone of it has the same memory in every thread. */
export interface CommonsMemory {
  readonly options: CommonsOptions;
  readonly nonceSecret: Uint8Array;
  readonly keySecret: Uint8Array;
  readonly ticketSecret: Uint8Array;
  readonly lock: SharedArrayBuffer;
  readonly ports: SharedPortsMemory;
  readonly quota: SharedQuotaMemory;
  readonly reservations: SharedReservationsMemory;
  readonly cap: UnauthenticatedCapMemory;
}

export class Commons {
  /** The number of this worker, and how many there may be. */
  readonly self: number;
  readonly workers: number;
  readonly nonceSecret: Uint8Array;
  readonly ticketSecret: Uint8Array;
  readonly keys: SharedKeys;
  readonly ports: SharedPorts;
  readonly quota: SharedQuota;
  readonly reservations: SharedReservations;
  readonly cap: UnauthenticatedCap;
  readonly #lock: SharedLock;

  /** @param self below `workers` for a worker; `workers` for the main thread, which only looks on and reclaims */
  constructor(memory: CommonsMemory, self: number) {
    const { options } = memory;
    this.self = self;
    this.workers = options.workers;
    this.nonceSecret = memory.nonceSecret;
    this.ticketSecret = memory.ticketSecret;
    this.keys = new SharedKeys(memory.keySecret);
    this.#lock = new SharedLock(memory.lock, self);
    this.ports = new SharedPorts(memory.ports, options.ports, options.workers, self);
    this.quota = new SharedQuota(memory.quota, options.quotaTotal, this.#lock, self);
    const ground = { lock: this.#lock, keys: this.keys, ports: this.ports, quota: this.quota };
    const capacity = reservationsMax(options);
    this.reservations = new SharedReservations(memory.reservations, capacity, ground, self);
    this.cap = new UnauthenticatedCap(memory.cap);
  }

  static memory(options: CommonsOptions): CommonsMemory {
    return {
      options,
      nonceSecret: Uint8Array.from(randomBytes(SECRET_BYTES)),
      keySecret: Uint8Array.from(randomBytes(SECRET_BYTES)),
      ticketSecret: Uint8Array.from(randomBytes(SECRET_BYTES)),
      lock: SharedLock.memory(),
      ports: SharedPorts.memory(options.hosts, options.ports, options.workers),
      quota: SharedQuota.memory(options.quotaTotal, options.workers),
      reservations: SharedReservations.memory(reservationsMax(options)),
      cap: UnauthenticatedCap.memory(options.unauthorizedPerSecond),
    };
  }

  /** What all workers hold together. */
  stats(): Holdings {
    return this.quota.all;
  }

  /**
   * For the main thread, once the thread of a worker has ended: gives back what it held. False, with nothing done, when
   * another thread keeps the lock: one that has died as well, if it is not only slow. Try again.
   * @param closeSockets closes what the worker had open and tells which; called once, when nobody can adopt one of them
   * any more and before its ports are free for others
   */
  reclaim(worker: number, closeSockets: () => readonly number[]): boolean {
    if (!this.#lock.seize(worker)) return false;
    let closed: readonly number[] | undefined;
    const close = (): readonly number[] => (closed ??= closeSockets());
    try {
      this.quota.reclaim(worker, this.reservations.reclaim(worker, close));
    } finally {
      this.#lock.release();
    }
    close();
    this.ports.reclaim(worker);
    return true;
  }
}

/** Each has a unit of the quota, and the odd port of a pair. */
function reservationsMax({ hosts, ports, quotaTotal }: CommonsOptions): number {
  return Math.min(quotaTotal, hosts * Math.ceil((ports.last - ports.first + 1) / 2));
}
