// Timers of the portable engine: run from the event loop, whenever they are scheduled, and none of them holds it open.
// Those of the Linux engine stand in linux-engine.test.ts.

import { expect, it } from 'vitest';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import { Timer } from '../../../shared/net/timer-wheel.ts';

function engineWith(faults: unknown[]): PortableEngine {
  return new PortableEngine({
    now: () => performance.now(),
    onFault: (error) => faults.push(error),
  });
}

it('fires them in order, an earlier one that is scheduled later too, and a fault costs no other', async () => {
  const faults: unknown[] = [];
  const { timers } = engineWith(faults);
  const fired: string[] = [];
  const start = performance.now();
  await new Promise<void>((resolve) => {
    const early: string[] = [];
    const at = (name: string, ms: number, then: () => void): void => {
      const timer = new Timer((now) => {
        if (now < start + ms) early.push(name);
        fired.push(name);
        then();
      });
      timers.schedule(timer, start + ms);
    };
    at('last', 90, () => {
      fired.push(...early);
      resolve();
    });
    at('faulty', 30, () => {
      throw new Error('of a core');
    });
    at('first', 10, () => at('from a callback', 60, () => undefined));
    const cancelled = new Timer(() => fired.push('cancelled'));
    timers.schedule(cancelled, start + 20);
    timers.cancel(cancelled);
  });
  expect(fired).toEqual(['first', 'faulty', 'from a callback', 'last']);
  expect(faults.map(String)).toEqual(['Error: of a core']);
});

it('keeps no process alive for a timer', () => {
  const before = process.getActiveResourcesInfo();
  engineWith([]).timers.schedule(new Timer(() => undefined), performance.now() + 3_600_000);
  expect(process.getActiveResourcesInfo()).toEqual(before);
});
