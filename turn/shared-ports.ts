// The relay ports of every relay address: which worker has which, and random choice among the free ones
// (RFC 8656 s7.2, RFC 6056 s3.3.1). One word a port, changed by compare-and-swap alone: no lock, no waiting.
// Called by: the relay pool, and for each datagram between two relays. Allocates: nothing.

/** A draw of n: an integer in [0, n), unpredictable to clients. */
export type RandomInt = (n: number) => number;

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Beside the owner: the relay of an allocation is open there. Without it the port is reserved, or being opened. */
const LIVE = 0x4000;

/** As `LIVE`, where the relay is one for TCP (RFC 6062): no datagrams go there. */
const LIVE_TCP = 0x2000;

const OWNER = 0x1fff;

export class SharedPorts {
  readonly #first: number;
  readonly #count: number;
  readonly #workers: number;
  readonly #self: number;
  /** By relay address and port: 0 = free, else the owner's number + 1, and LIVE or LIVE_TCP. */
  readonly #owners: Int16Array;
  /** By relay address and worker: how many it has. Apart, so that a death cannot leave the sum wrong. */
  readonly #taken: Int32Array;

  constructor(memory: SharedPortsMemory, range: PortRange, workers: number, self: number) {
    this.#first = range.first;
    this.#count = range.last - range.first + 1;
    this.#workers = workers;
    this.#self = self;
    this.#owners = new Int16Array(memory.owners);
    this.#taken = new Int32Array(memory.taken);
  }

  static memory(hosts: number, range: PortRange, workers: number): SharedPortsMemory {
    return {
      owners: new SharedArrayBuffer(2 * hosts * (range.last - range.first + 1)),
      taken: new SharedArrayBuffer(4 * hosts * workers),
    };
  }

  /** How many ports of that relay address nobody has. */
  free(host: number): number {
    let taken = 0;
    for (let worker = 0; worker < this.#workers; worker++) {
      taken += Atomics.load(this.#taken, host * this.#workers + worker);
    }
    return this.#count - taken;
  }

  /** Takes a random free port, even if asked; undefined when there is none. */
  take(host: number, even: boolean, random: RandomInt): number | undefined {
    const start = random(this.#count);
    for (let n = 0; n < this.#count; n++) {
      const i = (start + n) % this.#count;
      if (!(even && this.#isOdd(i)) && this.#claim(host, i)) return this.#first + i;
    }
    return undefined;
  }

  /** Takes a random even port whose successor is free too, and the successor with it; returns the even one. */
  takePair(host: number, random: RandomInt): number | undefined {
    const start = random(this.#count);
    for (let n = 0; n < this.#count; n++) {
      const i = (start + n) % this.#count;
      if (i + 1 >= this.#count || this.#isOdd(i) || !this.#claim(host, i)) continue;
      if (this.#claim(host, i + 1)) return this.#first + i;
      this.release(host, this.#first + i);
    }
    return undefined;
  }

  /** Gives a port of this worker back; does nothing for any other. */
  release(host: number, port: number): void {
    if (this.ownerOf(host, port) !== this.#self) return;
    Atomics.store(this.#owners, this.#index(host, port), 0);
    Atomics.sub(this.#taken, host * this.#workers + this.#self, 1);
  }

  /** A port of this worker has the relay of an allocation from now on, until it is released. */
  setLive(host: number, port: number): void {
    if (this.ownerOf(host, port) !== this.#self) return;
    Atomics.store(this.#owners, this.#index(host, port), (this.#self + 1) | LIVE);
  }

  /** As `setLive`, of a relay for TCP. */
  setLiveTcp(host: number, port: number): void {
    if (this.ownerOf(host, port) !== this.#self) return;
    Atomics.store(this.#owners, this.#index(host, port), (this.#self + 1) | LIVE_TCP);
  }

  /** Moves a reserved port from one worker to another; false when the first has it no more. */
  move(host: number, port: number, from: number, to: number): boolean {
    const i = this.#index(host, port);
    if (Atomics.compareExchange(this.#owners, i, from + 1, to + 1) !== from + 1) return false;
    Atomics.sub(this.#taken, host * this.#workers + from, 1);
    Atomics.add(this.#taken, host * this.#workers + to, 1);
    return true;
  }

  /** The worker that has that port, live or not; -1 when nobody has. */
  ownerOf(host: number, port: number): number {
    const i = this.#index(host, port);
    return i < 0 ? -1 : (Atomics.load(this.#owners, i) & OWNER) - 1;
  }

  /** The worker whose allocation has a relay at that port, or -1. */
  liveOwner(host: number, port: number): number {
    const i = this.#index(host, port);
    const owner = i < 0 ? 0 : Atomics.load(this.#owners, i);
    return (owner & LIVE) === 0 ? -1 : (owner & OWNER) - 1;
  }

  /** Whether an allocation has a relay for TCP at that port, whichever worker's. */
  isLiveTcp(host: number, port: number): boolean {
    const i = this.#index(host, port);
    return i >= 0 && (Atomics.load(this.#owners, i) & LIVE_TCP) !== 0;
  }

  /** Frees every port of a worker that is no more. */
  reclaim(worker: number): void {
    for (let i = 0; i < this.#owners.length; i++) {
      const owner = Atomics.load(this.#owners, i);
      if ((owner & OWNER) === worker + 1) Atomics.compareExchange(this.#owners, i, owner, 0);
    }
    for (let at = worker; at < this.#taken.length; at += this.#workers) {
      Atomics.store(this.#taken, at, 0);
    }
  }

  #claim(host: number, i: number): boolean {
    const at = host * this.#count + i;
    if (Atomics.load(this.#owners, at) !== 0) return false;
    if (Atomics.compareExchange(this.#owners, at, 0, this.#self + 1) !== 0) return false;
    Atomics.add(this.#taken, host * this.#workers + this.#self, 1);
    return true;
  }

  /** -1 for a port outside the range. */
  #index(host: number, port: number): number {
    const i = port - this.#first;
    return i < 0 || i >= this.#count ? -1 : host * this.#count + i;
  }

  #isOdd(i: number): boolean {
    return ((this.#first + i) & 1) === 1;
  }
}

export interface SharedPortsMemory {
  readonly owners: SharedArrayBuffer;
  readonly taken: SharedArrayBuffer;
}
