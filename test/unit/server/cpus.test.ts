// Which CPUs each thread is given: workers do not stay where the main thread is kept.

import { expect, test } from 'vitest';
import { assignCpus } from '../../../server/media/cpus.ts';

test.each([
  ['', '', [[], []]],
  ['1-2', '', [[1], [2]]],
  ['3', '', [[3], [3]]],
  // Whoever is started by the main thread would be where that is kept.
  [
    '',
    '0',
    [
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ],
  ],
  ['1-2', '0', [[1], [2]]],
])('workerCpus %j and mainCpus %j of 0-3', (workerCpus, mainCpus, expected) => {
  const cpus = assignCpus({ workerCpus, mainCpus }, '0-3');
  expect([cpus.of(0), cpus.of(1)]).toEqual(expected);
});

test.each([
  [{ workerCpus: '0,5', mainCpus: '' }, 'workerCpus: this process may not run on CPU 5'],
  [{ workerCpus: '5', mainCpus: '4' }, 'mainCpus: this process may not run on CPU 4'],
])('%j is refused', (settings, why) => {
  expect(() => assignCpus(settings, '0-3')).toThrow(`${why}; choose from 0-3`);
});
