// When the publisher of a stream with layers is asked for a key frame: at once whenever somebody cannot go on without
// one, also where he was shown another that he asked for not long ago.

import { afterEach, expect, it } from 'vitest';
import { FRAME_MS, LayeredScene } from '../../support/sfu-router/layered-scene.ts';

let scene: LayeredScene;

afterEach(() => {
  scene.close();
});

it.each(['vp9-L3T3_KEY', 'av1-L3T3_KEY'] as const)('%s', (structure) => {
  scene = new LayeredScene(structure, 0xaaaa_0001);
  const { world, askedAt } = scene;
  scene.run(8000);
  scene.want(1);
  scene.run(4000);
  expect(scene.lastSpatial()).toBe(1);
  for (const size of [2, 0, 2, 1]) {
    const wantedAt = world.now;
    scene.want(size);
    scene.run(600);
    expect(scene.lastSpatial()).toBe(size);
    const asked = askedAt.filter((at) => at >= wantedAt).map((at) => at - wantedAt);
    expect(asked).toHaveLength(1);
    // The next look at what everybody is shown, and the picture at which it turns out that there is no other way.
    expect(asked[0]).toBeLessThan(200 + 2 * FRAME_MS);
  }
});
