import { expect, it } from 'vitest';
import { run } from '../../../bench/dtls.ts';

it('bench/dtls runs small, and its figures are numbers', () => {
  const { handshakes, serverUs, clientUs, perSecond } = run(true);
  expect(handshakes).toBe(10);
  for (const figure of [serverUs, clientUs, perSecond]) expect(figure).toBeGreaterThan(0);
});
