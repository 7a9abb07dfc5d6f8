// Of a stream with layers, what a subscriber misses of a larger picture is not sent again once he is shown, or is about
// to be shown, a smaller one: it would take the place of that in a queue that is full already.

import { afterEach, expect, it } from 'vitest';
import { FRAME_MS, LayeredScene } from '../../support/sfu-router/layered-scene.ts';
import { nackOf } from '../../support/sfu-router/rtcp.ts';

const SSRC = 0xaaaa_0001;

let scene: LayeredScene;

afterEach(() => {
  scene.close();
});

it.each(['vp9-L3T3', 'vp9-L3T3_KEY', 'av1-L3T3', 'av1-L3T3_KEY'] as const)('%s', (structure) => {
  scene = new LayeredScene(structure, SSRC);
  const { world, link, subscriber } = scene;
  /** The number of the last packet that was sent of that layer. */
  const last = (spatial: number): number =>
    link.sent.findLast((packet) => scene.spatialOf(packet) === spatial)!.rtp.sequenceNumber;
  const again = (number: number): number => {
    subscriber.sendRtcpPacket(nackOf(SSRC, number));
    return subscriber.take().filter(({ rtp }) => rtp.ssrc !== SSRC && rtp.payloadBytes > 0).length;
  };

  scene.run(8000);
  expect(again(last(2))).toBe(1);

  scene.answers = false;
  scene.want(0);
  scene.run(3 * FRAME_MS);
  world.advance(200);
  link.step(world.now);
  expect(again(last(2))).toBe(0);

  scene.answers = true;
  scene.run(1500);
  expect(scene.lastSpatial()).toBe(0);
  // The larger picture of before is still known, and would be sent again.
  expect(again(last(2))).toBe(0);
  expect(again(last(0))).toBe(1);
});
