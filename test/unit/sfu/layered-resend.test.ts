// Of a stream with layers, what a subscriber misses of a larger picture is not sent again once he is shown, or is about
// to be shown, a smaller one: it would take the place of that in a queue that is full already.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { runFor, TestLink } from '../../support/sfu-router/adapted.ts';
import { LayeredEncoder, layeredTag } from '../../support/sfu-router/layered.ts';
import { generator } from '../../support/sfu-router/random.ts';
import { nackOf, readRtcp } from '../../support/sfu-router/rtcp.ts';
import { RouterWorld, type SentPacket } from '../../support/sfu-router/router-world.ts';
import { publishes, sends, shows } from '../../support/sfu-router/sections.ts';

const SSRC = 0xaaaa_0001;
const FRAME_MS = 40;
const PLENTY = 20_000_000;

let world: RouterWorld;

beforeEach(() => {
  world = new RouterWorld();
});
afterEach(() => {
  world.close();
});

it.each(['vp9-L3T3', 'vp9-L3T3_KEY', 'av1-L3T3', 'av1-L3T3_KEY'] as const)('%s', (structure) => {
  const encoder = new LayeredEncoder(structure, 1, generator(1));
  const publisher = world.join(1, publishes([sends('0', 'video')], { 0: 7 }));
  const section = shows('0', 'video', { tells: true, ssrc: SSRC });
  const subscriber = world.join(2, publishes([section], {}), { 0: 7 });
  const link = new TestLink(subscriber, PLENTY);
  let answers = true;
  let nextAt = world.now;
  const run = (ms: number): void => {
    runFor(world, ms, (now) => {
      link.step(now);
      for (const { type } of publisher.takeRtcp().flatMap((bytes) => readRtcp(bytes))) {
        if (type === 'pli') encoder.wantsKey = true;
      }
      if (now < nextAt) return;
      nextAt += FRAME_MS;
      if (!answers) encoder.wantsKey = false;
      for (const bytes of encoder.next()) publisher.sendOne(bytes);
    });
  };
  const spatialOf = ({ rtp, payload }: SentPacket): number | undefined =>
    rtp.ssrc === SSRC ? layeredTag(payload)?.spatial : undefined;
  /** The number of the last packet that was sent of that layer. */
  const last = (spatial: number): number =>
    link.sent.findLast((packet) => spatialOf(packet) === spatial)!.rtp.sequenceNumber;
  const again = (number: number): number => {
    subscriber.sendRtcpPacket(nackOf(SSRC, number));
    return subscriber.take().filter(({ rtp }) => rtp.ssrc !== SSRC && rtp.payloadBytes > 0).length;
  };

  run(8000);
  expect(again(last(2))).toBe(1);

  answers = false;
  world.command({
    type: 'sfu.bind',
    id: 2,
    slots: [{ mid: '0', publication: 7, wanted: 0 }],
  });
  run(3 * FRAME_MS);
  world.advance(200);
  link.step(world.now);
  expect(again(last(2))).toBe(0);

  answers = true;
  run(1500);
  expect(link.sent.map(spatialOf).findLast((spatial) => spatial !== undefined)).toBe(0);
  // The larger picture of before is still known, and would be sent again.
  expect(again(last(2))).toBe(0);
  expect(again(last(0))).toBe(1);
});
