// Fifty come within a second, to a camera of three encodings: each begins with a key frame and has a picture at once,
// and the publisher is asked for few.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { RIDS, SimulcastCamera, TestLink } from '../../support/sfu-router/adapted.ts';
import { readFrame } from '../../support/sfu-router/decoder.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';
import { publishes, sends, shows } from '../../support/sfu-router/sections.ts';

const SSRC = 0x9000_0000;
const JOINS = 50;
const EVERY_MS = 20;
/** From an answer to the first packet: checks of ICE, a handshake. */
const CONNECTING_MS = 60;

let world: RouterWorld;

beforeEach(() => {
  world = new RouterWorld();
});

afterEach(() => {
  world.close();
});

/** The first octet of a frame behind the descriptor of VP8 (RFC 7741 s4.3): even for a key frame. */
function startsKeyFrame(payload: Buffer): boolean {
  return (payload[0]! & 0x10) !== 0 && (payload[4]! & 1) === 0;
}

it.each([
  ['whose network is measured', true],
  ['who follow the best', false],
])('%s have a picture soon, for few key frames', (_, tells) => {
  const camera = new SimulcastCamera(
    world.join(1, publishes([sends('0', 'video', { rids: RIDS })], { 0: 7 })),
    world.now,
  );
  const links: { link: TestLink; connectedAt: number }[] = [];
  const section = shows('0', 'video', { tells });
  const step = (ms: number): void => {
    for (const end = world.now + ms; world.now < end;) {
      world.advance(4);
      camera.step(world.now);
      for (const { link } of links) link.step(world.now);
      world.turn();
    }
  };
  step(2000);
  const before = [...camera.keyFrames];
  const entered: (() => void)[] = [];
  for (let i = 0; i < JOINS + CONNECTING_MS / EVERY_MS; i++) {
    if (i < JOINS) {
      const transport = world.enter(10 + i, publishes([section], {}), { 0: 7 });
      entered.push(() => {
        links.push({ link: new TestLink(transport.connect(), 4_000_000), connectedAt: world.now });
      });
    }
    entered[i - CONNECTING_MS / EVERY_MS]?.();
    step(EVERY_MS);
  }
  step(1500);
  const asked = camera.keyFrames.map((count, i) => count - before[i]!);
  const waits: number[] = [];
  const packets: number[] = [];
  for (const { link, connectedAt } of links) {
    const media = link.sent.filter(({ rtp }) => rtp.ssrc === SSRC);
    // Not one packet that a decoder could not use.
    expect(startsKeyFrame(media[0]!.payload)).toBe(true);
    const whole = media.findIndex(({ rtp }) => rtp.marker);
    waits.push(media[whole]!.at - connectedAt);
    packets.push(whole + 1);
    // And the best of what its network carries soon.
    expect(readFrame(media.at(-1)!.payload).encoding).toBe(2);
  }
  const median = waits.toSorted((a, b) => a - b)[JOINS / 2]!;
  // oxlint-disable-next-line no-console -- for who looks at it
  console.log(
    `key frames asked of q, h, f: ${asked.join(', ')}; ms to the first frame, median ${Math.round(median)}, ` +
      `most ${Math.round(Math.max(...waits))}; packets to it, most ${Math.max(...packets)}`,
  );
  expect(median).toBeLessThan(100);
  expect(Math.max(...waits)).toBeLessThanOrEqual(600);
  for (const count of asked) expect(count).toBeLessThanOrEqual(5);
});
