// The timer wheel against a list of deadlines that is searched from end to end.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timer, TimerWheel } from '../../../shared/net/timer-wheel.ts';
import { bytesPerTurn } from '../../support/turn/heap.ts';

const TICK_MS = 4;
const FIRED_MAX = 4096;
const MOVED_MAX = 16_384;
const ERA_MS = 2 ** 32;
const LEVELS = 7;
const NEVER_ASKED = 1e12;

const DAY = 86_400_000;
const TIMERS = 12;

/** From now to the next slot, to what DTLS, consent and allocations wait for, to times nobody asks for. */
const span = fc.oneof(
  fc.integer({ min: -50, max: 0 }),
  fc.integer({ min: 0, max: 200 }),
  fc.double({ min: 0, max: 300, noNaN: true }),
  fc.integer({ min: 0, max: 10_000 }),
  fc.integer({ min: 0, max: DAY }),
  fc.integer({ min: 0, max: 60 * DAY }),
  fc.integer({ min: 0, max: 3000 * DAY }),
);
const start = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -300, max: 300 }).map((ms) => ERA_MS + ms),
  fc.integer({ min: -300, max: 0 }).map((ms) => 31 * ERA_MS + ms),
  fc.double({ min: 0, max: 1e11, noNaN: true }),
);
const whichTimer = fc.nat({ max: TIMERS - 1 });
const change = fc.record({ timer: whichTimer, cancel: fc.boolean(), after: span });
const step = fc.oneof(
  { weight: 4, arbitrary: change },
  { weight: 2, arbitrary: span.map((ms) => ({ advance: Math.max(0, ms) })) },
  { weight: 1, arbitrary: span.map((ms) => ({ wait: Math.max(0, ms) })) },
);

/** What each timer does to others and itself when it fires; after that, nothing. */
const scripts = fc.array(fc.array(change, { maxLength: 3 }), {
  minLength: TIMERS,
  maxLength: TIMERS,
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** A wheel and, beside it, the slot time that each of its timers is due at; keeps what is wrong. */
class Twin {
  now: number;
  readonly wrong: string[] = [];
  readonly #due = new Map<number, number>();
  readonly #timers: readonly Timer[];
  readonly #wheel: TimerWheel;
  #advancing = false;

  constructor(now: number, onFire: readonly (readonly Change[])[]) {
    this.now = now;
    this.#wheel = new TimerWheel(now, (error) => this.wrong.push(String(error)));
    this.#timers = onFire.map((changes, i) => {
      let fired = false;
      return new Timer((at) => {
        this.#fired(i, at);
        if (!fired) for (const each of changes) this.change(each);
        fired = true;
      });
    });
  }

  change({ timer, cancel, after }: Change): void {
    if (cancel) {
      this.#wheel.cancel(this.#timers[timer]!);
      this.#due.delete(timer);
    } else {
      this.#wheel.schedule(this.#timers[timer]!, this.now + after);
      const soonest = (Math.floor(this.now / TICK_MS) + 1) * TICK_MS;
      const asked = Math.ceil((this.now + after) / TICK_MS) * TICK_MS;
      this.#due.set(timer, Math.max(soonest, asked));
    }
  }

  /** Time passes, and the wheel is only asked. */
  wait(ms: number): void {
    this.now += ms;
    this.check();
  }

  advance(ms: number): void {
    this.wait(ms);
    this.#advancing = true;
    this.#wheel.advance(this.now);
    this.#advancing = false;
    this.#must(this.#earliest() > this.now, 'fires all that is due');
    this.check();
  }

  /** Whether `scheduled` and `nextIn` tell the truth. */
  check(): void {
    const truthful = this.#timers.every(({ scheduled }, i) => scheduled === this.#due.has(i));
    this.#must(truthful, 'knows which are scheduled');
    const wait = this.#wheel.nextIn(this.now, NEVER_ASKED);
    const exact = Math.max(0, Math.min(NEVER_ASKED, Math.ceil(this.#earliest() - this.now)));
    this.#must(wait <= exact, `does not sleep ${wait} of ${exact} ms`);
    this.#must(wait > 0 || exact === 0, 'does not spin');
    this.#must(wait === NEVER_ASKED || this.#due.size > 0, 'sleeps when it has nothing');
    this.#must(this.#wheel.nextIn(this.now, 1) === Math.min(wait, 1), 'sleeps as told');
  }

  #earliest(): number {
    return Math.min(Infinity, ...this.#due.values());
  }

  #fired(timer: number, at: number): void {
    const due = this.#due.get(timer);
    this.#must(this.#advancing && at === this.now, 'fires while it is advanced, with its time');
    this.#must(due !== undefined && due <= this.now, 'fires what is due');
    this.#must(due === this.#earliest(), 'fires in order');
    this.#must(!this.#timers[timer]!.scheduled, 'fires once');
    this.#due.delete(timer);
  }

  #must(holds: boolean, what: string): void {
    if (!holds) this.wrong.push(what);
  }
}

function wheelAt(now: number, faults: unknown[] = []): TimerWheel {
  return new TimerWheel(now, (error) => faults.push(error));
}

describe('any sequence of calls', () => {
  it('fires what is due in order, never early, and knows how long it may sleep', () => {
    fc.assert(
      fc.property(start, scripts, fc.array(step, { maxLength: 60 }), (now, onFire, steps) => {
        const twin = new Twin(now, onFire);
        for (const each of steps) {
          if ('advance' in each) twin.advance(each.advance);
          else if ('wait' in each) twin.wait(each.wait);
          else twin.change(each);
        }
        expect(twin.wrong).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('never sleeps over a timer, nor wakes in vain more than once a level', () => {
    fc.assert(
      fc.property(start, span, (from, after) => {
        let now = from;
        let firedAt = Number.NaN;
        const wheel = wheelAt(now);
        const timer = new Timer((at) => (firedAt = at));
        const at = now + Math.max(0, after);
        wheel.schedule(timer, at);
        let wakes = 0;
        for (; timer.scheduled && wakes < 100; wakes++) {
          const wait = wheel.nextIn(now, NEVER_ASKED);
          expect(wait).toBeGreaterThan(0);
          now += wait;
          wheel.advance(now);
        }
        expect(firedAt).toBeGreaterThanOrEqual(at);
        // A slot, and one for what is rounded up; a time that has passed means the next slot.
        expect(firedAt).toBeLessThan(Math.max(at, from + 1) + 2 * TICK_MS);
        expect(wakes).toBeLessThanOrEqual(LEVELS + Math.ceil(after / (31 * ERA_MS)));
      }),
      { numRuns: 2000 },
    );
  });

  it('puts a near timer where it need not be handed down, also after nothing was due for long', () => {
    const wheel = wheelAt(0);
    const timer = new Timer(() => undefined);
    for (let day = 1; day < 100; day++) {
      // Where a slot of the level above begins, 32 ticks long.
      const now = Math.ceil((day * DAY) / 128) * 128;
      wheel.advance(now);
      wheel.schedule(timer, now + 50);
      expect([timer.slot, wheel.nextIn(now, 1000)]).toEqual([13, 52]);
      wheel.cancel(timer);
    }
  });

  it('stands still when its clock goes back', () => {
    const wheel = wheelAt(0);
    const fired: number[] = [];
    wheel.advance(1000);
    wheel.schedule(new Timer((now) => fired.push(now)), 1010);
    wheel.advance(100);
    wheel.schedule(new Timer((now) => fired.push(now)), 200);
    for (const now of [300, 1003, 1004, 1005, 1011, 1012]) wheel.advance(now);
    expect(fired).toEqual([1004, 1012]);
  });

  it('never fires what is due at no time at all', () => {
    const wheel = wheelAt(0);
    const fired: number[] = [];
    const timers = [Infinity, Number.NaN, 2 ** 60].map((at, i) => {
      const timer = new Timer(() => fired.push(i));
      wheel.schedule(timer, at);
      return timer;
    });
    for (let year = 1; year < 1000; year++) wheel.advance(year * 365 * DAY);
    expect(fired).toEqual([]);
    for (const timer of timers) wheel.cancel(timer);
    expect(wheel.nextIn(1000 * 365 * DAY, NEVER_ASKED)).toBe(NEVER_ASKED);
  });
});

describe('a callback', () => {
  it('that asks for now is called again in the next slot, not at once', () => {
    const wheel = wheelAt(0);
    let calls = 0;
    const timer = new Timer((now) => {
      calls++;
      wheel.schedule(timer, now);
    });
    wheel.schedule(timer, 0);
    wheel.advance(3_600_000);
    expect([calls, wheel.nextIn(3_600_000, 1000)]).toEqual([1, TICK_MS]);
    wheel.advance(3_600_000 + TICK_MS);
    expect(calls).toBe(2);
  });

  it('cancels and moves others of its own slot', () => {
    const wheel = wheelAt(0);
    const fired: string[] = [];
    const cancelled = new Timer(() => fired.push('cancelled'));
    const moved = new Timer((now) => fired.push(`moved ${now}`));
    const first = new Timer(() => {
      fired.push('first');
      wheel.cancel(cancelled);
      wheel.schedule(moved, 500);
    });
    for (const timer of [first, cancelled, moved]) wheel.schedule(timer, 100);
    wheel.advance(100);
    wheel.advance(500);
    expect(fired).toEqual(['first', 'moved 500']);
  });

  it('that throws is reported and holds nobody up', () => {
    const faults: unknown[] = [];
    const wheel = wheelAt(0, faults);
    const fired: number[] = [];
    for (let i = 0; i < 6; i++) {
      const timer = new Timer(() => {
        fired.push(i);
        if (i % 2 === 0) throw new Error(`fault ${i}`);
      });
      wheel.schedule(timer, 100 + i * 30);
    }
    wheel.advance(1000);
    expect(fired).toEqual([0, 1, 2, 3, 4, 5]);
    expect(faults.map(String)).toEqual(['Error: fault 0', 'Error: fault 2', 'Error: fault 4']);
    expect(wheel.nextIn(1000, 77)).toBe(77);
  });
});

describe('many timers', () => {
  const COUNT = 100_000;

  it('due at once are fired so many a call, and none is forgotten', () => {
    const wheel = wheelAt(0);
    let fired = 0;
    for (let i = 0; i < 2 * FIRED_MAX + 1; i++) {
      wheel.schedule(new Timer(() => fired++), 100 + (i % 20));
    }
    const counts: number[] = [];
    for (let call = 0; call < 4; call++) {
      wheel.advance(200);
      counts.push(fired, wheel.nextIn(200, 50));
    }
    const all = 2 * FIRED_MAX + 1;
    expect(counts).toEqual([FIRED_MAX, 0, 2 * FIRED_MAX, 0, all, 50, all, 50]);
  });

  it('of one far slot are brought nearer so many a call, whoever comes and goes meanwhile', () => {
    const wheel = wheelAt(0);
    const fired = new Set<number>();
    const timers = Array.from({ length: COUNT }, (_, i) => new Timer(() => fired.add(i)));
    for (const [i, timer] of timers.entries()) wheel.schedule(timer, 600_000 + (i % 4));
    const at = 600_008;
    let movedMost = 0;
    const counted = <T>(work: () => T): T => {
      const before = timers.map(({ slot }) => slot);
      const result = work();
      const moved = timers.filter(({ slot }, i) => slot !== before[i] && slot >= 0).length;
      movedMost = Math.max(movedMost, moved);
      return result;
    };
    let calls = 0;
    for (; counted(() => wheel.nextIn(at, 1000)) === 0 && calls < 1000; calls++) {
      counted(() => wheel.advance(at));
      wheel.cancel(timers[COUNT - 1 - calls]!);
      wheel.schedule(new Timer(() => fired.add(-1)), at);
    }
    expect(movedMost).toBe(MOVED_MAX);
    // Fired are all but those that were cancelled before their turn came, and the new ones are not due yet.
    expect(calls).toBeLessThan(1000);
    expect(
      timers.filter((timer, i) => timer.scheduled || (i < COUNT - calls && !fired.has(i))),
    ).toEqual([]);
    expect(fired.has(-1)).toBe(false);
    wheel.advance(at + TICK_MS);
    expect(fired.has(-1)).toBe(true);
  });

  it('far away cost a walk over time only what they are', () => {
    const wheel = wheelAt(0);
    let fired = 0;
    for (let i = 0; i < COUNT; i++) {
      wheel.schedule(new Timer(() => fired++), 600_000 + i * 97);
    }
    // Asked as often as a loop under load asks: a search among the timers would take minutes.
    let spins = 0;
    for (let now = 0; now < 500_000; now++) {
      wheel.advance(now);
      if (wheel.nextIn(now, 1000) === 0) spins++;
    }
    expect(spins).toBe(0);
    expect(fired).toBe(0);
  });
});

describe('allocation', () => {
  it('is none: scheduled, moved, cancelled, fired, asked', () => {
    const wheel = wheelAt(0);
    let fired = 0;
    const timers = Array.from({ length: 64 }, () => new Timer(() => fired++));
    let now = 0;
    const run = (turns: number): void => {
      for (let i = 0; i < turns; i++) {
        const timer = timers[i & 63]!;
        wheel.schedule(timer, now + 5000);
        wheel.schedule(timer, now + ((i * 7919) % 400));
        if (i % 5 === 0) wheel.cancel(timer);
        if (wheel.nextIn(now, 1000) < 0) throw new Error('negative');
        if ((i & 31) !== 31) continue;
        now += 100;
        // A number with a fraction is on the heap itself; a callback gets that same one.
        wheel.advance(now + 0.25);
      }
    };
    expect(bytesPerTurn(run, 300_000)).toBeLessThan(8);
    expect(fired).toBeGreaterThan(100_000);
  });
});
