// What a participant with fewer slots than there are tracks is shown, in real Chromium: the real signaling, and media
// workers that only write down what they are told. No packet of media flows here.

import { describe, expect, test } from 'vitest';
import { recordedMedia } from '../support/recorded-media.ts';
import type { SdkPage } from '../support/sdk-page.ts';

const world = recordedMedia();

const shown = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(() =>
    [...window.room.participants.values()].flatMap(({ name, publications }) =>
      publications.some(({ source, track }) => source === 'camera' && track) ? [name] : [],
    ),
  );

const speak = (publication: number): void =>
  world.plane.emit({
    type: 'sfu.speakers',
    room: world.plane.current.last('sfu.open').room,
    speakers: [{ publication, level: 0.8, active: true }],
  });

const hears = (page: SdkPage, name: string): Promise<void> =>
  expect
    .poll(() => page.page.evaluate(() => window.room.activeSpeakers.map((one) => one.name)))
    .toEqual([name]);

/** Ann has one for a picture; everybody else has a camera. */
async function crowd(): Promise<[SdkPage, Map<string, number>]> {
  const publications = new Map<string, number>();
  for (const name of ['bob', 'cleo', 'dora']) {
    await world.enter(name);
    publications.set(name, world.publicationAt('0'));
  }
  const ann = await world.enter('ann', { media: false, want: { audio: 2, video: 1 } });
  await expect.poll(() => shown(ann)).toHaveLength(1);
  return [ann, publications];
}

describe('slots that run out', () => {
  test('show who speaks, with the same track and without an offer', async () => {
    const [ann, publications] = await crowd();
    const tracks = async (): Promise<string[]> =>
      ann.page.evaluate(() =>
        [...window.room.participants.values()].flatMap(({ stream }) =>
          stream.getVideoTracks().map(({ id }) => id),
        ),
      );
    const [before] = await tracks();
    for (const [name, publication] of [...publications].toReversed()) {
      speak(publication);
      await expect.poll(() => shown(ann)).toEqual([name]);
      await hears(ann, name);
    }
    expect(await tracks()).toEqual([before]);
    expect(await ann.sent()).toEqual(['join']);
    expect(await ann.descriptions()).toEqual(['offer']);
  });

  test('show who is pinned, whoever speaks, and never who is not wanted', async () => {
    const [ann, publications] = await crowd();
    const wish = (name: string, wanted: { on?: boolean; pin?: boolean }): Promise<void> =>
      ann.page.evaluate(
        async ([who, what]) => {
          const found = [...window.room.participants.values()].find((one) => one.name === who);
          const cameras = found?.publications.filter(({ source }) => source === 'camera') ?? [];
          await window.room.subscribe(cameras, what);
        },
        [name, wanted] as const,
      );
    await wish('cleo', { pin: true });
    await expect.poll(() => shown(ann)).toEqual(['cleo']);
    speak(publications.get('dora') ?? 0);
    await hears(ann, 'dora');
    expect(await shown(ann)).toEqual(['cleo']);
    await wish('cleo', { pin: false, on: false });
    await expect.poll(() => shown(ann)).toEqual(['dora']);
    speak(publications.get('cleo') ?? 0);
    await hears(ann, 'cleo');
    expect(await shown(ann)).toEqual(['dora']);
  });
});
