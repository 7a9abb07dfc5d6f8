// What waits to be delivered to one receiver: bounded in count and bytes, in order within a room, with one delivery of
// a room under way at a time, so that one that has to be tried again holds up its own room alone.
// Called by: receiver.ts. No I/O: time and chance are arguments.

export interface QueueLimits {
  /** Deliveries that may wait or be under way; one more, and the oldest that waits is dropped. */
  readonly countMax: number;
  readonly bytesMax: number;
  /** Deliveries under way at the same time. */
  readonly concurrency: number;
  /** After that nobody tries again, milliseconds. */
  readonly ageMaxMs: number;
  /** The first pause before another try; each further one is twice as long, up to the second. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
}

export interface Delivery {
  readonly room: string;
  readonly body: Buffer;
  readonly since: number;
  tries: number;
}

interface Lane {
  readonly room: string;
  readonly waiting: Delivery[];
  underWay: Delivery | null;
  notBefore: number;
}

export class DeliveryQueue {
  readonly #limits: QueueLimits;
  readonly #random: () => number;
  /** In the order in which they came. */
  readonly #all = new Set<Delivery>();
  readonly #lanes = new Map<string, Lane>();
  /** Lanes whose first delivery may go, in the order in which they became so. */
  readonly #ready = new Set<Lane>();
  /** Lanes whose first delivery has to wait for its next try. */
  readonly #resting = new Set<Lane>();
  #bytes = 0;
  #underWay = 0;

  /** @param random 0 to 1, for pauses that do not come all at once */
  constructor(limits: QueueLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Those under way included. */
  get size(): number {
    return this.#all.size;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** How long the oldest has been here; 0 without any. */
  ageMs(now: number): number {
    const [oldest] = this.#all;
    return oldest === undefined ? 0 : now - oldest.since;
  }

  /** When a delivery may go that may not go yet; Infinity when there is none. */
  get dueAt(): number {
    let due = Infinity;
    for (const { notBefore } of this.#resting) due = Math.min(due, notBefore);
    return due;
  }

  /** Returns how many were dropped for it, itself included where it finds no place. */
  add(room: string, body: Buffer, now: number): number {
    const { countMax, bytesMax } = this.#limits;
    if (body.length > bytesMax) return 1;
    let dropped = 0;
    while (this.#all.size >= countMax || this.#bytes + body.length > bytesMax) {
      dropped++;
      if (!this.#dropOldest()) return dropped;
    }
    const delivery: Delivery = { room, body, since: now, tries: 0 };
    this.#all.add(delivery);
    this.#bytes += body.length;
    let lane = this.#lanes.get(room);
    if (lane === undefined) {
      lane = { room, waiting: [], underWay: null, notBefore: -Infinity };
      this.#lanes.set(room, lane);
    }
    lane.waiting.push(delivery);
    this.#place(lane);
    return dropped;
  }

  /** One that is to be tried now, until `done` or `failed`; null when none may. */
  next(now: number): Delivery | null {
    for (const lane of this.#resting) {
      if (now < lane.notBefore) continue;
      this.#resting.delete(lane);
      this.#ready.add(lane);
    }
    if (this.#underWay >= this.#limits.concurrency) return null;
    const [lane] = this.#ready;
    const delivery = lane?.waiting.shift();
    if (lane === undefined || delivery === undefined) return null;
    this.#ready.delete(lane);
    lane.underWay = delivery;
    this.#underWay++;
    delivery.tries++;
    return delivery;
  }

  /** Delivered, or given up: the next one of its room may go. */
  done(delivery: Delivery): void {
    const lane = this.#land(delivery);
    if (lane === undefined) return;
    this.#remove(delivery);
    lane.notBefore = -Infinity;
    this.#place(lane);
  }

  /** Returns whether it is to be tried again; it is gone when not. `pauseMs` is the least that the receiver asked for. */
  failed(delivery: Delivery, now: number, pauseMs = 0): boolean {
    const { retryMs, retryMaxMs, ageMaxMs } = this.#limits;
    const backOff = Math.min(retryMs * 2 ** (delivery.tries - 1), retryMaxMs);
    const pause = Math.max(Math.min(pauseMs, retryMaxMs), backOff * (0.5 + this.#random() / 2));
    if (now + pause - delivery.since > ageMaxMs) {
      this.done(delivery);
      return false;
    }
    const lane = this.#land(delivery);
    if (lane === undefined) return false;
    lane.waiting.unshift(delivery);
    lane.notBefore = now + pause;
    this.#place(lane);
    return true;
  }

  /** Drops all that is here; returns how many. What is under way may still be said to be done, without effect. */
  clear(): number {
    const count = this.#all.size;
    for (const collection of [this.#all, this.#lanes, this.#ready, this.#resting]) {
      collection.clear();
    }
    this.#bytes = 0;
    this.#underWay = 0;
    return count;
  }

  /** Undefined for one that was cleared. */
  #land(delivery: Delivery): Lane | undefined {
    const lane = this.#lanes.get(delivery.room);
    if (lane?.underWay !== delivery) return undefined;
    lane.underWay = null;
    this.#underWay--;
    return lane;
  }

  #place(lane: Lane): void {
    if (lane.underWay !== null) return;
    this.#ready.delete(lane);
    this.#resting.delete(lane);
    if (lane.waiting.length === 0) this.#lanes.delete(lane.room);
    else if (lane.notBefore === -Infinity) this.#ready.add(lane);
    else this.#resting.add(lane);
  }

  #dropOldest(): boolean {
    for (const delivery of this.#all) {
      const lane = this.#lanes.get(delivery.room);
      if (lane === undefined || lane.underWay === delivery) continue;
      // Within a room they stand in the order of all.
      lane.waiting.shift();
      this.#remove(delivery);
      lane.notBefore = -Infinity;
      this.#place(lane);
      return true;
    }
    return false;
  }

  #remove(delivery: Delivery): void {
    if (this.#all.delete(delivery)) this.#bytes -= delivery.body.length;
  }
}
