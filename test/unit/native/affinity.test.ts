import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { pinThread } from '../../../shared/native/affinity.ts';
import { Arena } from '../../../shared/native/arena.ts';
import { libc } from '../../../shared/native/libc.ts';

/** proc(5): the CPUs this thread may run on, as a list of ranges. */
function allowed(): string {
  const status = readFileSync('/proc/thread-self/status', 'latin1');
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)![1]!;
}

const before = allowed();

afterEach(() => {
  const every = new Arena(1024);
  every.bytes.fill(0xff);
  libc().sched_setaffinity(0, 1024, every.base);
  every.free();
});

it('keeps this thread on one CPU', () => {
  const cpus = before.split(',').flatMap((range) => range.split('-').map(Number));
  const seen = cpus.map((cpu) => {
    pinThread(cpu);
    return allowed();
  });
  expect(seen).toEqual(cpus.map(String));
  pinThread(...cpus);
  expect(allowed()).toBe(before);
});

it('takes no CPU of a list where one is none', () => {
  expect(() => pinThread(0, -1)).toThrow('cannot pin a thread to CPU 0,-1: no such CPU');
  expect(allowed()).toBe(before);
});

it.each([-1, 0.5, Number.NaN, 8191, 8192, 2 ** 40])('says that there is no CPU %d', (cpu) => {
  expect(() => pinThread(cpu)).toThrow(`cannot pin a thread to CPU ${cpu}: no such CPU`);
  expect(allowed()).toBe(before);
});
