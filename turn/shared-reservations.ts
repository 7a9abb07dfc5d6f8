// Relays held for a later Allocate with RESERVATION-TOKEN (RFC 8656 s7.2, s18.10), which may come to another worker
// than the one that opened them. Tokens are random and serve once.
// Called by: the TURN state. Allocates: little, since it is control plane.

import { randomBytes } from 'node:crypto';
import { RESERVATION_LIFETIME_MS } from './limits.ts';
import type { SharedKey, SharedKeys } from './shared-key.ts';
import type { SharedLock } from './shared-lock.ts';
import type { SharedPorts } from './shared-ports.ts';
import type { SharedQuota } from './shared-quota.ts';
import { SharedTable } from './shared-table.ts';

export const RESERVATION_TOKEN_BYTES = 8;

/** Words of a reservation. The token stands there as its keyed hash, whose lower half is the hash in the table. */
const TOKEN_HIGH = 0;
/** The number of the worker that opened the relay, + 1; 0 in a slot that is not in use. */
const OWNER = 1;
const ACCOUNT = 2;
const HOST = 3;
const PORT = 4;
const SOCKET = 5;
/** Whether any thread may adopt the socket, or only the one that opened it. */
const MOVES = 6;
const RESERVATION_WORDS = 7;

/** A socket that is bound to a relay port and parked, with that port. */
export interface ParkedRelay {
  readonly socket: number;
  /** The number of the relay address. */
  readonly host: number;
  readonly port: number;
}

export interface SharedReservationsMemory {
  readonly records: SharedArrayBuffer;
  /** Monotonic milliseconds, by slot. */
  readonly expiry: SharedArrayBuffer;
}

/** What reservations stand on. */
export interface ReservationGround {
  readonly lock: SharedLock;
  readonly keys: SharedKeys;
  readonly ports: SharedPorts;
  readonly quota: SharedQuota;
}

export class SharedReservations {
  readonly #ground: ReservationGround;
  readonly #table: SharedTable;
  readonly #words: Int32Array;
  readonly #expiry: Float64Array;
  readonly #self: number;

  constructor(
    memory: SharedReservationsMemory,
    capacity: number,
    ground: ReservationGround,
    self: number,
  ) {
    this.#ground = ground;
    this.#table = new SharedTable(memory.records, capacity, RESERVATION_WORDS);
    this.#words = this.#table.words;
    this.#expiry = new Float64Array(memory.expiry);
    this.#self = self;
  }

  static memory(capacity: number): SharedReservationsMemory {
    return {
      records: SharedTable.memory(capacity, RESERVATION_WORDS),
      expiry: new SharedArrayBuffer(8 * capacity),
    };
  }

  /**
   * Holds a relay of this worker, for which the account gives one of its units; returns the 8-byte token for it.
   * @param moves whether any thread may adopt its socket
   */
  hold(relay: ParkedRelay, account: number, moves: boolean, now: number): Uint8Array {
    const { lock, keys, quota } = this.#ground;
    const token = Uint8Array.from(randomBytes(RESERVATION_TOKEN_BYTES));
    const key = keys.of(token);
    lock.hold(() => {
      const slot = this.#table.add(key.low);
      if (slot < 0) throw new Error('more reservations than units');
      const at = this.#table.at(slot);
      this.#words[at + TOKEN_HIGH] = key.high;
      this.#words[at + ACCOUNT] = account;
      this.#words[at + HOST] = relay.host;
      this.#words[at + PORT] = relay.port;
      this.#words[at + SOCKET] = relay.socket;
      this.#words[at + MOVES] = moves ? 1 : 0;
      this.#expiry[slot] = now + RESERVATION_LIFETIME_MS;
      this.#words[at + OWNER] = this.#self + 1;
      quota.reserve(account);
    });
    return token;
  }

  /**
   * Hands over the relay behind a token to this worker: `adopt` gets it while nobody else can, so that there is no
   * moment at which its socket belongs to a worker that forgot it. Returns the account that holds its unit from now on,
   * or -1 for a token that is unknown, over or somebody else's.
   * @param moves whether this thread may adopt sockets of others
   */
  take(
    token: Uint8Array,
    user: SharedKey,
    moves: boolean,
    now: number,
    adopt: (relay: ParkedRelay) => void,
  ): number {
    const { lock, keys, ports, quota } = this.#ground;
    const key = keys.of(token);
    return lock.hold(() => {
      const slot = this.#find(key);
      if (slot < 0 || now >= this.#expiry[slot]!) return -1;
      const at = this.#table.at(slot);
      const owner = this.#words[at + OWNER]! - 1;
      const account = this.#words[at + ACCOUNT]!;
      if (!quota.isOf(account, user)) return -1;
      if (owner !== this.#self && !(moves && this.#words[at + MOVES] === 1)) return -1;
      const relay = this.#relay(slot);
      // In this order `reclaim` can tell how far a thread that dies in here has come.
      if (!ports.move(relay.host, relay.port, owner, this.#self)) return -1;
      adopt(relay);
      this.#remove(slot);
      return quota.takeUp(account, user);
    });
  }

  /** Takes out what this worker made and is over; its sockets and ports are the caller's to free. */
  expire(now: number): ParkedRelay[] {
    const { lock, quota } = this.#ground;
    if (quota.own.reservations === 0) return [];
    return lock.hold(() => {
      const over: ParkedRelay[] = [];
      for (let slot = 0; slot < this.#table.end; slot++) {
        const at = this.#table.at(slot);
        if (this.#words[at + OWNER] !== this.#self + 1 || now < this.#expiry[slot]!) continue;
        over.push(this.#relay(slot));
        this.#remove(slot);
        quota.unreserve(this.#words[at + ACCOUNT]!);
      }
      return over;
    });
  }

  /**
   * Forgets those of a dead worker; returns the accounts of all others. With the lock held.
   * @param closed tells the sockets that the dead worker had; called only if it died while it took one up
   */
  reclaim(worker: number, closed: () => readonly number[]): number[] {
    const accounts: number[] = [];
    this.#table.rebuild((slot) => {
      const at = this.#table.at(slot);
      const owner = this.#words[at + OWNER]! - 1;
      if (owner >= 0 && owner !== worker && this.#stays(slot, worker, closed)) {
        accounts.push(this.#words[at + ACCOUNT]!);
        return true;
      }
      this.#words[at + OWNER] = 0;
      return false;
    });
    return accounts;
  }

  /** Whether the reservation still stands: a worker that died taking it up had its port, but not yet its socket. */
  #stays(slot: number, dead: number, closed: () => readonly number[]): boolean {
    const { ports } = this.#ground;
    const { socket, host, port } = this.#relay(slot);
    if (ports.ownerOf(host, port) !== dead) return true;
    if (closed().includes(socket)) return false;
    return ports.move(host, port, dead, this.#words[this.#table.at(slot) + OWNER]! - 1);
  }

  #find({ high, low }: SharedKey): number {
    let slot = this.#table.first(low);
    while (slot >= 0 && !this.#hasKey(slot, high, low)) slot = this.#table.next(slot);
    return slot;
  }

  #hasKey(slot: number, high: number, low: number): boolean {
    return (
      this.#table.hash(slot) === low && this.#words[this.#table.at(slot) + TOKEN_HIGH] === high
    );
  }

  #relay(slot: number): ParkedRelay {
    const at = this.#table.at(slot);
    return {
      socket: this.#words[at + SOCKET]!,
      host: this.#words[at + HOST]!,
      port: this.#words[at + PORT]!,
    };
  }

  #remove(slot: number): void {
    this.#words[this.#table.at(slot) + OWNER] = 0;
    this.#table.remove(slot);
  }
}
