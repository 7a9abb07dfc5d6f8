// How many allocations and reservations each user has, over all workers (RFC 8656 s7.2 step 10): never more than the
// quota, whatever the threads do at the same time. One account for each user and worker, so that what a worker held
// can be given back when it dies.
// Called by: the TURN state and the shared reservations. Allocates: little, since it is control plane.

import type { SharedKey } from './shared-key.ts';
import type { SharedLock } from './shared-lock.ts';
import { SharedTable } from './shared-table.ts';

/** What `take` answers instead of an account. */
export const QUOTA_USER_REACHED = -1;
export const QUOTA_TOTAL_REACHED = -2;

/** Words of an account; the lower half of the user's key is its hash in the table. */
const KEY_HIGH = 0;
const WORKER = 1;
/** Allocations, and reservations whose ports are still to open. Written by this worker alone. */
const ALLOCATED = 2;
/** Reservations that it made and that nobody has taken up: what the records of the reservations say. */
const RESERVED = 3;
const ACCOUNT_WORDS = 4;

/** Words of the totals, and of each worker behind them. */
const TOTAL = 0;
const USERS = 1;
const TOTAL_WORDS = 2;
const WORKER_ALLOCATED = 0;
const WORKER_RESERVED = 1;
const WORKER_ACCOUNTS = 2;
const WORKER_WORDS = 3;

export interface SharedQuotaMemory {
  readonly accounts: SharedArrayBuffer;
  readonly totals: SharedArrayBuffer;
}

export interface Holdings {
  readonly allocations: number;
  readonly reservations: number;
  readonly users: number;
}

export class SharedQuota {
  readonly #lock: SharedLock;
  readonly #table: SharedTable;
  readonly #words: Int32Array;
  readonly #totals: Int32Array;
  readonly #total: number;
  readonly #self: number;

  constructor(memory: SharedQuotaMemory, total: number, lock: SharedLock, self: number) {
    this.#lock = lock;
    this.#table = new SharedTable(memory.accounts, total, ACCOUNT_WORDS);
    this.#words = this.#table.words;
    this.#totals = new Int32Array(memory.totals);
    this.#total = total;
    this.#self = self;
  }

  /** An account holds one unit at least, so there are never more of them than units. */
  static memory(total: number, workers: number): SharedQuotaMemory {
    return {
      accounts: SharedTable.memory(total, ACCOUNT_WORDS),
      totals: new SharedArrayBuffer(4 * (TOTAL_WORDS + workers * WORKER_WORDS)),
    };
  }

  /**
   * Takes that many units at once, or none: returns the account that holds them, QUOTA_USER_REACHED or
   * QUOTA_TOTAL_REACHED.
   */
  take(user: SharedKey, units: number, perUser: number): number {
    return this.#lock.hold(() => {
      if (this.#heldBy(user) + units > perUser) return QUOTA_USER_REACHED;
      if (this.#totals[TOTAL]! + units > this.#total) return QUOTA_TOTAL_REACHED;
      const account = this.#open(user);
      this.#change(account, units, 0);
      return account;
    });
  }

  /** Gives units back; each is given back once. */
  give(account: number, units: number): void {
    this.#lock.hold(() => this.#change(account, -units, 0));
  }

  /** What this worker holds. */
  get own(): Holdings {
    const at = TOTAL_WORDS + this.#self * WORKER_WORDS;
    return {
      allocations: Atomics.load(this.#totals, at + WORKER_ALLOCATED),
      reservations: Atomics.load(this.#totals, at + WORKER_RESERVED),
      users: Atomics.load(this.#totals, at + WORKER_ACCOUNTS),
    };
  }

  /** What all workers hold, read without the lock: exact while nothing changes. */
  get all(): Holdings {
    let reservations = 0;
    for (let at = TOTAL_WORDS; at < this.#totals.length; at += WORKER_WORDS) {
      reservations += Atomics.load(this.#totals, at + WORKER_RESERVED);
    }
    return {
      allocations: Atomics.load(this.#totals, TOTAL) - reservations,
      reservations,
      users: Atomics.load(this.#totals, USERS),
    };
  }

  /** A unit of the account goes to a reservation. With the lock held. */
  reserve(account: number): void {
    this.#change(account, -1, 1);
  }

  /** The reservation is over. With the lock held. */
  unreserve(account: number): void {
    this.#change(account, 0, -1);
  }

  /** This worker takes a reservation up: its unit moves to the account that is returned. With the lock held. */
  takeUp(account: number, user: SharedKey): number {
    this.#change(account, 0, -1);
    const own = this.#open(user);
    this.#change(own, 1, 0);
    return own;
  }

  /** Whether the account is one of that user. With the lock held. */
  isOf(account: number, { high, low }: SharedKey): boolean {
    return (
      this.#table.hash(account) === low && this.#words[this.#table.at(account) + KEY_HIGH] === high
    );
  }

  /**
   * Forgets what a dead worker held, and mends what it was in the middle of: all but the allocations of the living is
   * counted anew. With the lock held.
   * @param reserved the account of every reservation there is
   */
  reclaim(worker: number, reserved: readonly number[]): void {
    const table = this.#table;
    this.#totals.fill(0);
    for (let account = 0; account < table.end; account++) {
      const at = table.at(account);
      this.#words[at + RESERVED] = 0;
      if (this.#words[at + WORKER] === worker) this.#words[at + ALLOCATED] = 0;
    }
    for (const account of reserved) this.#words[table.at(account) + RESERVED]!++;
    table.rebuild((account) => this.#holds(account));
    for (let account = 0; account < table.end; account++) {
      if (this.#holds(account)) this.#recount(account);
    }
  }

  #holds(account: number): boolean {
    const at = this.#table.at(account);
    return this.#words[at + ALLOCATED]! + this.#words[at + RESERVED]! > 0;
  }

  #recount(account: number): void {
    const at = this.#table.at(account);
    const worker = TOTAL_WORDS + this.#words[at + WORKER]! * WORKER_WORDS;
    const allocated = this.#words[at + ALLOCATED]!;
    const reserved = this.#words[at + RESERVED]!;
    this.#totals[TOTAL]! += allocated + reserved;
    this.#totals[worker + WORKER_ALLOCATED]! += allocated;
    this.#totals[worker + WORKER_RESERVED]! += reserved;
    this.#totals[worker + WORKER_ACCOUNTS]!++;
    if (this.#isFirstOfUser(account)) this.#totals[USERS]!++;
  }

  #heldBy(user: SharedKey): number {
    let held = 0;
    for (let n = this.#nextOf(user, this.#table.first(user.low)); n >= 0;) {
      const at = this.#table.at(n);
      held += this.#words[at + ALLOCATED]! + this.#words[at + RESERVED]!;
      n = this.#nextOf(user, this.#table.next(n));
    }
    return held;
  }

  /** This worker's account of that user, made if there is none yet. A new one must get a unit at once. */
  #open(user: SharedKey): number {
    for (let n = this.#nextOf(user, this.#table.first(user.low)); n >= 0;) {
      if (this.#words[this.#table.at(n) + WORKER] === this.#self) return n;
      n = this.#nextOf(user, this.#table.next(n));
    }
    const account = this.#table.add(user.low);
    if (account < 0) throw new Error('more accounts than units');
    const at = this.#table.at(account);
    this.#words[at + KEY_HIGH] = user.high;
    this.#words[at + WORKER] = this.#self;
    this.#words[at + ALLOCATED] = 0;
    this.#words[at + RESERVED] = 0;
    this.#totals[TOTAL_WORDS + this.#self * WORKER_WORDS + WORKER_ACCOUNTS]!++;
    if (this.#isOnlyOfUser(account)) this.#totals[USERS]!++;
    return account;
  }

  /** Adds to what an account holds; one that holds nothing any more is closed. */
  #change(account: number, allocated: number, reserved: number): void {
    const at = this.#table.at(account);
    const worker = TOTAL_WORDS + this.#words[at + WORKER]! * WORKER_WORDS;
    this.#words[at + ALLOCATED]! += allocated;
    this.#words[at + RESERVED]! += reserved;
    this.#totals[worker + WORKER_ALLOCATED]! += allocated;
    this.#totals[worker + WORKER_RESERVED]! += reserved;
    this.#totals[TOTAL]! += allocated + reserved;
    if (this.#holds(account)) return;
    this.#totals[worker + WORKER_ACCOUNTS]!--;
    if (this.#isOnlyOfUser(account)) this.#totals[USERS]!--;
    this.#table.remove(account);
  }

  #isOnlyOfUser(account: number): boolean {
    const user = this.#userOf(account);
    return this.#isFirstOfUser(account) && this.#nextOf(user, this.#table.next(account)) < 0;
  }

  #isFirstOfUser(account: number): boolean {
    const user = this.#userOf(account);
    return this.#nextOf(user, this.#table.first(user.low)) === account;
  }

  #userOf(account: number): SharedKey {
    return {
      high: this.#words[this.#table.at(account) + KEY_HIGH]!,
      low: this.#table.hash(account),
    };
  }

  /** From that slot of its chain on, the first account of the user, or -1. */
  #nextOf(user: SharedKey, from: number): number {
    let n = from;
    while (n >= 0 && !this.isOf(n, user)) n = this.#table.next(n);
    return n;
  }
}
