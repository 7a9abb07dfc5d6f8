// SSRCs of what we send: random (RFC 3550 s8.1), and none that is there already.
// Called by: NegotiatedTransport.

import { randomFillSync } from 'node:crypto';

const word = new Uint32Array(1);

/** @param taken of both sides, which share one space (RFC 3550 s8); the new one is added. Never 0. */
export function newSsrc(taken: Set<number>, random: () => number = random32): number {
  let ssrc = random();
  while (ssrc === 0 || taken.has(ssrc)) ssrc = random();
  taken.add(ssrc);
  return ssrc;
}

function random32(): number {
  randomFillSync(word);
  return word[0]!;
}
