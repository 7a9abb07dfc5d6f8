// CPU lists of the configuration and of /proc, read and refused.

import { describe, expect, it } from 'vitest';
import { parseCpuList, readCpuList } from '../../../shared/config/cpu-list.ts';

describe('a list of CPUs', () => {
  it.each([
    ['', []],
    ['0', [0]],
    ['1-3', [1, 2, 3]],
    ['0-1,5,7-7', [0, 1, 5, 7]],
    ['8191', [8191]],
  ])('%j', (text, cpus) => {
    expect(parseCpuList(text)).toEqual(cpus);
  });

  it.each(['a', '-1', '1-', '3-1', '1,,2', '0-8192', '00000', '1 2', '1.5'])('not %j', (text) => {
    expect(readCpuList(text)).toBeTypeOf('string');
    expect(() => parseCpuList(text)).toThrow('expected CPU numbers');
  });
});
