// The bench of joining still runs, and every figure it prints is a number. How large they are is not for a test.

import { expect, test } from 'vitest';
import { JOIN_KINDS } from '../../bench/join-browser.ts';
import { run } from '../../bench/join.ts';

test('bench/join runs small, on the server and in a browser, directly and through the relay', async () => {
  const { server, browser, browserJoins } = await run(true);
  expect(server.map(({ name }) => name)).toEqual(['one after the other', '50 a second']);
  for (const { join, echo, handler, whole } of server) {
    for (const { p50, p99 } of [join, echo, handler, whole]) {
      expect(p50).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50);
    }
  }
  expect(browser).toMatch(/^Chromium \d+/);
  expect(browserJoins.map(({ path }) => path)).toEqual(['direct', 'relay']);
  for (const { times } of browserJoins) {
    for (const kind of JOIN_KINDS) {
      const { joinedMs, connectedMs, firstFrameMs } = times[kind];
      // Alone there is nothing to join.
      const begun = kind === 'alone' ? 0 : joinedMs;
      expect(begun).toBeGreaterThanOrEqual(0);
      expect(connectedMs).toBeGreaterThan(begun);
      expect(firstFrameMs).toBeGreaterThan(begun);
    }
  }
});
