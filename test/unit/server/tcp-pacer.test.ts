// Streams that wait for a limit that is not enough for all of them come to it in turn.

import { expect, test } from 'vitest';
import { type Paced, TcpPacer } from '../../../server/media/tcp-pacer.ts';
import { until } from '../../support/stream-host.ts';

test('who got something stands behind those that got nothing', async () => {
  const pacer = new TcpPacer();
  const went: string[] = [];
  let tries = 0;
  // One piece for each round over all three.
  const stream = (name: string, pieces: number): Paced => {
    let left = pieces;
    return {
      get isWaiting() {
        return left > 0;
      },
      proceed: () => {
        const isGranted = tries++ % 3 === 0;
        if (isGranted) {
          went.push(name);
          left--;
        }
        return isGranted;
      },
    };
  };
  for (const name of ['a', 'b', 'c']) pacer.add(stream(name, 3));
  await until(() => went.length >= 6);
  expect(went.slice(0, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
});
