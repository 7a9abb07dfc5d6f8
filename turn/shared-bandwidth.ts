// How many bytes a second may be relayed, both ways together: of one user, and of all, over all workers. Each is a
// virtual clock in shared memory. A user who leaves keeps his clock until room is needed, so that a new allocation is
// no way around it.
// Called by: TurnState, for each relayed packet and each allocation's life and death; TcpMeter, for pieces of streams.
// Allocates: nothing per packet.

import type { SharedKey, SharedKeys } from './shared-key.ts';
import type { SharedLock } from './shared-lock.ts';
import { CLOCK_WORDS, secondOf, SharedRate, TICKS_PER_SECOND, tickOf } from './shared-rate.ts';
import { SharedTable } from './shared-table.ts';

/**
 * More than the largest datagram counts for: every one can pass, however low the limit. At the lowest that may be
 * configured, 10,000 bytes a second, a virtual clock is ahead by less than 7 s.
 */
const BURST_BYTES_MIN = 65_536;

/** Words of a user; the lower half of the key is the hash in the table. */
const KEY_HIGH = 0;
const CLOCK = 1;
/** How many allocations the user has, one word for each worker. */
const ALLOCATIONS = CLOCK + CLOCK_WORDS;

/** Bytes a second; 0 = no limit. */
export interface SharedBandwidthLimits {
  readonly perUser: number;
  readonly total: number;
}

export interface SharedBandwidthMemory {
  readonly limits: SharedBandwidthLimits;
  readonly users: SharedArrayBuffer;
  readonly total: SharedArrayBuffer;
}

/** What may go at once where so many bytes a second may go: those of a second. */
export function burstBytes(perSecond: number): number {
  return Math.max(perSecond, BURST_BYTES_MIN);
}

export class SharedBandwidth {
  /** Whether there is a limit. */
  readonly limited: boolean;
  readonly #perUser: number;
  readonly #perTotal: number;
  readonly #lock: SharedLock;
  readonly #keys: SharedKeys;
  readonly #table: SharedTable;
  readonly #workers: number;
  readonly #self: number;
  readonly #users: SharedRate;
  readonly #total: SharedRate;

  /** @param allocations how many there may be at the same time */
  constructor(
    memory: SharedBandwidthMemory,
    allocations: number,
    workers: number,
    ground: { readonly lock: SharedLock; readonly keys: SharedKeys },
    self: number,
  ) {
    const { perUser, total } = memory.limits;
    this.limited = perUser > 0 || total > 0;
    this.#perUser = ticksPerByte(perUser);
    this.#perTotal = ticksPerByte(total);
    this.#lock = ground.lock;
    this.#keys = ground.keys;
    this.#table = new SharedTable(memory.users, capacity(allocations, perUser), words(workers));
    this.#workers = workers;
    this.#self = self;
    this.#users = new SharedRate(this.#table.words, this.#perUser * burstBytes(perUser));
    this.#total = new SharedRate(new Int32Array(memory.total), this.#perTotal * burstBytes(total));
  }

  static memory(
    limits: SharedBandwidthLimits,
    allocations: number,
    workers: number,
  ): SharedBandwidthMemory {
    return {
      limits,
      users: SharedTable.memory(capacity(allocations, limits.perUser), words(workers)),
      total: new SharedArrayBuffer(4 * CLOCK_WORDS),
    };
  }

  /** One more allocation of that user, at this worker: what `take` and `close` want, -1 where users have no limit. */
  open(name: string): number {
    if (this.#perUser === 0) return -1;
    const user = this.#keys.of(name);
    return this.#lock.hold(() => {
      const slot = this.#find(user) ?? this.#add(user);
      this.#table.words[this.#table.at(slot) + ALLOCATIONS + this.#self]!++;
      return slot;
    });
  }

  /** One allocation less. */
  close(slot: number): void {
    if (slot < 0) return;
    this.#lock.hold(() => this.#table.words[this.#table.at(slot) + ALLOCATIONS + this.#self]!--);
  }

  /** Takes so many bytes of the user's limit and of the total, or none of either. @param now monotonic milliseconds */
  take(slot: number, bytes: number, now: number): boolean {
    const tick = tickOf(now);
    const second = secondOf(now);
    const at = slot < 0 ? -1 : this.#table.at(slot) + CLOCK;
    const cost = Math.max(1, Math.round(bytes * this.#perUser));
    if (at >= 0 && !this.#users.take(at, cost, tick, second)) return false;
    if (this.#perTotal === 0) return true;
    const ofTotal = Math.max(1, Math.round(bytes * this.#perTotal));
    if (this.#total.take(0, ofTotal, tick, second)) return true;
    if (at >= 0) this.#users.giveBack(at, cost);
    return false;
  }

  /** Forgets what a dead worker had, and mends what it was in the middle of. With the lock held. */
  reclaim(worker: number): void {
    const table = this.#table;
    for (let slot = 0; slot < table.end; slot++) {
      table.words[table.at(slot) + ALLOCATIONS + worker] = 0;
    }
    this.#forget();
  }

  #find(user: SharedKey): number | undefined {
    const table = this.#table;
    for (let slot = table.first(user.low); slot >= 0; slot = table.next(slot)) {
      const matches =
        table.hash(slot) === user.low && table.words[table.at(slot) + KEY_HIGH] === user.high;
      if (matches) return slot;
    }
    return undefined;
  }

  #add(user: SharedKey): number {
    const table = this.#table;
    let slot = table.add(user.low);
    if (slot < 0) {
      this.#forget();
      slot = table.add(user.low);
    }
    if (slot < 0) throw new Error('more users than allocations');
    table.words[table.at(slot) + KEY_HIGH] = user.high;
    this.#users.clear(table.at(slot) + CLOCK);
    return slot;
  }

  /** Makes room: whoever has no allocation is forgotten. */
  #forget(): void {
    const table = this.#table;
    table.rebuild((slot) => {
      const at = table.at(slot) + ALLOCATIONS;
      for (let worker = 0; worker < this.#workers; worker++) {
        if (table.words[at + worker] !== 0) return true;
      }
      return false;
    });
  }
}

/** What a byte costs a virtual clock where so many bytes a second may go; 0 where any number may. */
export function ticksPerByte(perSecond: number): number {
  return perSecond === 0 ? 0 : TICKS_PER_SECOND / perSecond;
}

/** Twice as many as can have an allocation, so that there is seldom need to forget. */
function capacity(allocations: number, perUser: number): number {
  return perUser === 0 ? 0 : 2 * allocations;
}

function words(workers: number): number {
  return ALLOCATIONS + workers;
}
