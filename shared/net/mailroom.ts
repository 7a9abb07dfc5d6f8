// How the media workers of the process hand datagrams to each other in memory, and what rooms that span several of them
// have in common: a ring of each kind for each ordered pair. Whoever sleeps is woken, once; whoever is awake looks by
// itself. Called by: the worker's engine. Allocates: nothing per datagram.

import { DatagramRing } from './datagram-ring.ts';
import { RecordRing } from './record-ring.ts';
import { TransportAddress } from './transport-address.ts';

/** Rings grow with the square of it. */
const WORKERS_MAX = 32;

/** Holds what cameras of a large room send in some 20 ms. Apart from datagrams: neither kind crowds out the other. */
const PIPE_BYTES = 1024 * 1024;

/** An RTP packet with all that goes along. */
const PIPED_BYTES_MAX = 2048;

const AWAKE = 0;
const ASLEEP = 1;

/** A structured clone of it has the same memory in every thread. */
export interface MailroomMemory {
  readonly workers: number;
  /** By sender and receiver; none from a worker to itself. */
  readonly rings: readonly (SharedArrayBuffer | undefined)[];
  /** The same for rooms; empty where none are forwarded. */
  readonly pipes: readonly (SharedArrayBuffer | undefined)[];
  /** By worker: AWAKE or ASLEEP. */
  readonly sleep: SharedArrayBuffer;
}

export interface MailHandler {
  /** Addresses and bytes are only good until the call returns. */
  onMail(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;
}

export interface PipeHandler {
  /** A record that the worker of that number wrote. The bytes are only good until the call returns. */
  onPiped(worker: number, bytes: Uint8Array, offset: number, length: number): void;
}

/** What other threads hand over, as an engine's loop sees it. */
export interface Mail {
  /** Whether the loop may block: nothing waits, and whoever sends from now on writes to its eventfd. */
  rest(): boolean;
  /** @param now monotonic milliseconds */
  deliver(now: number): void;
  /** At the end of a turn: tells those who were sent something. */
  flush(): void;
}

export class Mailroom {
  static readonly WORKERS_MAX: number = WORKERS_MAX;
  static readonly PIPED_BYTES_MAX: number = PIPED_BYTES_MAX;
  readonly #self: number;
  readonly #incoming: readonly DatagramRing[];
  /** By worker; undefined for this one. */
  readonly #outgoing: readonly (DatagramRing | undefined)[];
  /** By worker; undefined for this one, and where rooms are not forwarded. */
  readonly #pipesIn: readonly (RecordRing | undefined)[];
  readonly #pipesOut: readonly (RecordRing | undefined)[];
  readonly #sleep: Int32Array;
  readonly #wake: (worker: number) => void;
  readonly #onFault: (error: unknown) => void;
  /** By worker: 1 when it was written to since the last `flush`. */
  readonly #written: Uint8Array;
  readonly #from = new TransportAddress();
  readonly #to = new TransportAddress();
  /** The ring to begin with in the next `deliver`, and in the next `deliverPiped`. */
  #next = 0;
  #nextPipe = 0;

  /** What waits for a dead worker of the same number is dropped. @param wake wakes a worker that sleeps */
  constructor(
    memory: MailroomMemory,
    self: number,
    wake: (worker: number) => void,
    onFault: (error: unknown) => void,
  ) {
    const { workers, rings, pipes } = memory;
    const ring = (from: number, to: number): DatagramRing | undefined => {
      const shared = rings[from * workers + to];
      return shared === undefined ? undefined : new DatagramRing(shared);
    };
    const pipe = (from: number, to: number): RecordRing | undefined => {
      const shared = pipes[from * workers + to];
      return shared === undefined ? undefined : new RecordRing(shared, PIPED_BYTES_MAX);
    };
    const all = Array.from({ length: workers }, (_, worker) => worker);
    this.#self = self;
    this.#incoming = all.map((worker) => ring(worker, self)).filter((one) => one !== undefined);
    this.#outgoing = all.map((worker) => ring(self, worker));
    this.#pipesIn = all.map((worker) => pipe(worker, self));
    this.#pipesOut = all.map((worker) => pipe(self, worker));
    this.#sleep = new Int32Array(memory.sleep);
    this.#wake = wake;
    this.#onFault = onFault;
    this.#written = new Uint8Array(workers);
    for (const incoming of this.#incoming) incoming.clear();
    for (const incoming of this.#pipesIn) incoming?.clear();
    Atomics.store(this.#sleep, self, AWAKE);
  }

  /** @param forwards whether there are rooms that may span workers */
  static memory(workers: number, forwards = false): MailroomMemory {
    if (!(Number.isInteger(workers) && workers >= 1 && workers <= WORKERS_MAX))
      throw new RangeError(`${workers} workers`);
    const pairs = (make: () => SharedArrayBuffer): (SharedArrayBuffer | undefined)[] =>
      Array.from({ length: workers * workers }, (_, i) =>
        i % workers === Math.floor(i / workers) ? undefined : make(),
      );
    return {
      workers,
      rings: pairs(() => DatagramRing.memory()),
      pipes: forwards ? pairs(() => RecordRing.memoryOf(PIPE_BYTES)) : [],
      sleep: new SharedArrayBuffer(4 * workers),
    };
  }

  /** Puts a datagram into the ring to another worker; false when that is full. `flush` lets it know. */
  send(
    worker: number,
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    const sent = this.#outgoing[worker]?.push(from, to, bytes, offset, length) === true;
    if (sent) this.#written[worker] = 1;
    return sent;
  }

  /** What is claimed there goes to that worker with the next `flush`, all at once. Undefined where there is none. */
  pipeTo(worker: number): RecordRing | undefined {
    return this.#pipesOut[worker];
  }

  /** Wakes those that were written to and sleep. */
  flush(): void {
    for (let worker = 0; worker < this.#written.length; worker++) {
      const isPiped = this.#pipesOut[worker]?.publish() === true;
      if (this.#written[worker] === 0 && !isPiped) continue;
      this.#written[worker] = 0;
      // Both sides write their own word and then read the other's, so one of them sees that there is mail.
      if (Atomics.compareExchange(this.#sleep, worker, ASLEEP, AWAKE) === ASLEEP) {
        this.#wake(worker);
      }
    }
  }

  /** Before the thread blocks: true when it may, since nothing waits and whoever sends from now on wakes it. */
  rest(): boolean {
    Atomics.store(this.#sleep, this.#self, ASLEEP);
    if (!this.#waits()) return true;
    Atomics.store(this.#sleep, this.#self, AWAKE);
    return false;
  }

  /** Hands over what has come, at most that many, from each sender in turn; returns how many. */
  deliver(handler: MailHandler, most: number): number {
    Atomics.store(this.#sleep, this.#self, AWAKE);
    const rings = this.#incoming;
    let delivered = 0;
    for (let idle = 0; idle < rings.length && delivered < most;) {
      const ring = rings[this.#next]!;
      this.#next = this.#next + 1 === rings.length ? 0 : this.#next + 1;
      const length = ring.peek(this.#from, this.#to);
      if (length < 0) {
        idle++;
        continue;
      }
      idle = 0;
      delivered++;
      try {
        handler.onMail(this.#from, this.#to, ring.bytes, ring.at, length);
      } catch (error) {
        this.#onFault(error);
      }
      ring.release();
    }
    return delivered;
  }

  /** Hands over what other workers have piped, at most that many; what one of them sent in a turn stays together. */
  deliverPiped(handler: PipeHandler, most: number): void {
    const rings = this.#pipesIn;
    let delivered = 0;
    for (let n = 0; n < rings.length && delivered < most; n++) {
      const worker = this.#nextPipe;
      this.#nextPipe = worker + 1 === rings.length ? 0 : worker + 1;
      const ring = rings[worker];
      if (ring === undefined) continue;
      while (delivered < most) {
        const length = ring.next();
        if (length < 0) break;
        delivered++;
        try {
          handler.onPiped(worker, ring.bytes, ring.at, length);
        } catch (error) {
          this.#onFault(error);
        }
        ring.release();
      }
    }
  }

  #waits(): boolean {
    for (let i = 0; i < this.#incoming.length; i++) if (!this.#incoming[i]!.empty) return true;
    for (let i = 0; i < this.#pipesIn.length; i++)
      if (this.#pipesIn[i]?.empty === false) return true;
    return false;
  }
}
