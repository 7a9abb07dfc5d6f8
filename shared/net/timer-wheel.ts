// A hierarchical timing wheel, run by an engine's loop so that protocol cores have timers. It has no clock of its own.
// Called by: the engines' loops; a core sees it as `Timers`. Allocates: nothing once it is made.

/** The granularity: what a timer may be late. A power of two, so that its multiples are exact. */
const TICK_MS = 4;
/** Slots a level, one bit each in a word that tells which are occupied. */
const SLOT_BITS = 5;
const SLOTS = 1 << SLOT_BITS;
/** What all levels but the last tell apart, an era of 49.7 days. The last has one slot for each of 32 eras. */
const ERA_TICKS = 2 ** 30;
const ERA_LEVEL = 30 / SLOT_BITS;
const LEVELS = ERA_LEVEL + 1;
/** Callbacks a call of `advance`: what is due beyond that must not keep the loop from its packets. */
const FIRED_MAX = 4096;
/** Timers that one call may bring nearer, about a millisecond's worth. */
const MOVED_MAX = 16_384;
/** Deadlines beyond this, and what is no number, are as good as never. */
const NEVER_MS = 2 ** 52;
/** The slot of a timer that is not scheduled. */
const NOWHERE = -1;

/** What a protocol core sees of a wheel. Both calls are O(1). */
export interface Timers {
  /**
   * Has the timer fire once, at `at` (monotonic milliseconds) or a few milliseconds later, never earlier; a time that
   * has passed means the next slot. A timer that is scheduled already is moved.
   */
  schedule(timer: Timer, at: number): void;
  /** Does nothing to a timer that is not scheduled. */
  cancel(timer: Timer): void;
}

/** One timer, made once by its owner and scheduled as often as it likes, with one wheel at a time. */
export class Timer {
  /** It is no longer scheduled when it is called, and may schedule and cancel any timer, itself too. */
  readonly onTimer: (now: number) => void;
  /** The rest belongs to the wheel: its neighbours in the list of its slot, that slot, and its tick in its era. */
  prev: Timer = this;
  next: Timer = this;
  slot = NOWHERE;
  era = 0;
  tick = 0;

  /** @param onTimer gets the time that the wheel was advanced to */
  constructor(onTimer: (now: number) => void) {
    this.onTimer = onTimer;
  }

  get scheduled(): boolean {
    return this.slot !== NOWHERE;
  }
}

/**
 * A timer's level is that of the highest digit (base 32) in which its tick differs from the wheel's, and its slot is that
 * digit: so whatever is on a lower level is due earlier, and a slot's timers are handed down when time comes to it.
 */
export class TimerWheel implements Timers {
  /** The lists of all slots, each a ring that begins and ends at an anchor. */
  readonly #anchors: readonly Timer[];
  readonly #occupied = new Int32Array(LEVELS);
  readonly #onFault: (error: unknown) => void;
  /** The wheel's own time, which stops at every slot that it empties. */
  #era = 0;
  #tick = 0;
  /** The latest tick that it was told of. */
  #reached = 0;
  /** The slot that is being handed down; its timers may be as early as those on the lowest level. */
  #sinking = NOWHERE;
  /** How many timers the current call may still bring nearer. */
  #moves = 0;

  /** @param now monotonic milliseconds, as everywhere here */
  constructor(now: number, onFault: (error: unknown) => void) {
    this.#onFault = onFault;
    this.#anchors = Array.from({ length: LEVELS * SLOTS }, () => new Timer(neverFires));
    this.#reached = Math.floor(now / TICK_MS);
    this.#moveTo(this.#reached);
  }

  get empty(): boolean {
    return this.#occupied.every((slots) => slots === 0);
  }

  schedule(timer: Timer, at: number): void {
    if (timer.slot !== NOWHERE) this.#unlink(timer);
    const wanted = Math.ceil((at < NEVER_MS ? at : NEVER_MS) / TICK_MS);
    // Not before the next slot: a callback that asks for now would otherwise be called for ever.
    const tick = Math.max(wanted, this.#reached + 1);
    timer.era = Math.floor(tick / ERA_TICKS);
    timer.tick = tick - timer.era * ERA_TICKS;
    this.#link(timer);
  }

  cancel(timer: Timer): void {
    if (timer.slot !== NOWHERE) this.#unlink(timer);
  }

  /**
   * Fires what is due, in the order of the slots. Its work is bounded, also after a jump of the clock: the next call
   * goes on with what is left, and until then `nextIn` is 0. Not to be called by a callback.
   */
  advance(now: number): void {
    const target = Math.floor(now / TICK_MS);
    this.#reached = Math.max(this.#reached, target);
    this.#moves = MOVED_MAX;
    for (let room = FIRED_MAX; this.#settle(target) <= target; room--) {
      if (room === 0 || this.#sinking !== NOWHERE) return;
      const timer = this.#anchors[this.#first(0)]!.next;
      this.#unlink(timer);
      try {
        timer.onTimer(now);
      } catch (error) {
        this.#onFault(error);
      }
    }
    // What is scheduled next starts as low as it can.
    if (target > this.#now()) this.#moveTo(target);
  }

  /**
   * Whole milliseconds that the loop may sleep, at most `most`: 0 only while `advance(now)` would get something done.
   * A timer far away may cost a wake-up or two more on its way here, but is never slept over.
   */
  nextIn(now: number, most: number): number {
    const target = Math.floor(now / TICK_MS);
    this.#reached = Math.max(this.#reached, target);
    this.#moves = MOVED_MAX;
    const wait = Math.ceil(this.#settle(target) * TICK_MS - now);
    return Math.max(0, Math.min(most, wait));
  }

  /**
   * Hands slots down until the earliest one that is occupied is on the lowest level, or later than `target`, or the
   * call has done its share (then `#sinking` tells which is not empty yet).
   * @returns the tick at which that slot begins, Infinity if there is none
   */
  #settle(target: number): number {
    for (;;) {
      if (this.#sinking !== NOWHERE && !this.#sink()) return this.#now();
      let level = 0;
      while (level < LEVELS && this.#occupied[level] === 0) level++;
      if (level === LEVELS) return Infinity;
      const slot = this.#first(level);
      const start = this.#start(level, slot);
      if (level === 0 || start > target) return start;
      this.#moveTo(start);
      this.#sinking = slot;
    }
  }

  /** Hands the timers of `#sinking` down; false if some had to stay. None of them comes back to the same slot. */
  #sink(): boolean {
    const anchor = this.#anchors[this.#sinking]!;
    while (anchor.next !== anchor) {
      if (this.#moves === 0) return false;
      this.#moves--;
      const timer = anchor.next;
      this.#unlink(timer);
      this.#link(timer);
    }
    this.#sinking = NOWHERE;
    return true;
  }

  /** The earliest slot of a level that has one. Only the eras go round; the slots of an era lie before its end. */
  #first(level: number): number {
    const bits = this.#occupied[level]!;
    if (level < ERA_LEVEL) return level * SLOTS + lowestBit(bits);
    const from = this.#era % SLOTS;
    const away = lowestBit((bits >>> from) | (bits << (SLOTS - from)));
    return level * SLOTS + ((from + away) % SLOTS);
  }

  /** The tick at which a slot begins. */
  #start(level: number, slot: number): number {
    const digit = slot % SLOTS;
    if (level === ERA_LEVEL) {
      return (this.#era + ((digit - this.#era) & (SLOTS - 1))) * ERA_TICKS;
    }
    const shift = level * SLOT_BITS;
    const above = this.#tick & -(1 << (shift + SLOT_BITS));
    return this.#era * ERA_TICKS + (above | (digit << shift));
  }

  #now(): number {
    return this.#era * ERA_TICKS + this.#tick;
  }

  #moveTo(tick: number): void {
    this.#era = Math.floor(tick / ERA_TICKS);
    this.#tick = tick - this.#era * ERA_TICKS;
  }

  #link(timer: Timer): void {
    const slot = this.#slotOf(timer);
    const anchor = this.#anchors[slot]!;
    timer.slot = slot;
    timer.next = anchor;
    timer.prev = anchor.prev;
    anchor.prev.next = timer;
    anchor.prev = timer;
    this.#occupied[slot >> SLOT_BITS]! |= 1 << (slot % SLOTS);
  }

  #unlink(timer: Timer): void {
    const { prev, next, slot } = timer;
    prev.next = next;
    next.prev = prev;
    if (prev === next) this.#occupied[slot >> SLOT_BITS]! &= ~(1 << (slot % SLOTS));
    // One that waits to be scheduled again must not keep its old neighbours alive.
    timer.prev = timer;
    timer.next = timer;
    timer.slot = NOWHERE;
  }

  #slotOf(timer: Timer): number {
    if (timer.era !== this.#era) {
      // Beyond the eras that have a slot: the last of them, and from there once more.
      const away = Math.min(timer.era - this.#era, SLOTS - 1);
      return ERA_LEVEL * SLOTS + ((this.#era + away) % SLOTS);
    }
    const highestBit = 31 - Math.clz32(timer.tick ^ this.#tick);
    const level = Math.max(0, Math.floor(highestBit / SLOT_BITS));
    return level * SLOTS + ((timer.tick >> (level * SLOT_BITS)) & (SLOTS - 1));
  }
}

function neverFires(): void {
  throw new TypeError('an anchor is no timer');
}

/** The number of the lowest bit that is set, of a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
