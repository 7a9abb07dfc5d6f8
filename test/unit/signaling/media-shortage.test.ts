import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { RecordedPlace, RecordedPlane } from './recorded-plane.ts';
import { joinWith, sections } from './small-offers.ts';

const SENDS = sections(['audio']);

let plane: RecordedPlane;
let server: Harness;
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({}, { media: plane });
});
afterEach(async () => server.stop());

const rejoin = async (): Promise<MediaClient> => MediaClient.join(server, 'ann', SENDS);

describe.each([
  ['full', 5000],
  ['down', 2000],
] as const)('where media is %s', (shortage, retryAfterMs) => {
  const refused = { code: 4504, reason: 'MEDIA_UNAVAILABLE', retry: 'later', retryAfterMs };

  test('a join with an offer is refused whole, and nothing is left of it', async () => {
    plane.current.shortage = shortage;
    const client = await server.connect();
    const message = { type: 'join', token: server.token('ann'), ...joinWith(SENDS) };
    expect(await client.request(message)).toMatchObject({ type: 'error', ...refused });
    expect(await client.next('bye')).toMatchObject({ action: 'rejoin', afterMs: retryAfterMs });
    expect(await client.close()).toMatchObject({ code: 4504 });
    expect(plane.current.commands).toEqual([]);
    expect(server.signaling.stats()).toMatchObject({ sessions: 0, rooms: 0 });
  });

  test('who joins without one is in the room, and each of its offers is refused until there is room', async () => {
    plane.current.shortage = shortage;
    const ann = await MediaClient.join(server, 'ann', []);
    for (let n = 0; n < 3; n++) expect(await ann.tryOffer(SENDS)).toMatchObject(refused);
    plane.current.shortage = null;
    expect((await ann.offer(SENDS)).tracks).toHaveLength(1);
    assertPlaced(1);
  });

  test('what is connected already may offer again', async () => {
    const ann = await rejoin();
    plane.current.shortage = shortage;
    await ann.offer(sections(['audio', 'video']));
    expect(plane.current.last('sfu.change').media.publications).toHaveLength(2);
  });
});

test('whose transport is closed for it may have a new one, if the worker is only full', async () => {
  const ann = await rejoin();
  plane.current.shortage = 'full';
  await ann.offer(SENDS, { reset: true });
  const again = await rejoin();
  expect((await ann.client.close()).reason).toBe('DUPLICATE_IDENTITY');
  plane.current.shortage = 'down';
  expect(await again.tryOffer(SENDS, { reset: true })).toMatchObject({
    reason: 'MEDIA_UNAVAILABLE',
  });
  assertPlaced(3);
});

test('a participant stays where it is; who comes is where there is room, and hears of a worker that dies elsewhere nothing', async () => {
  const ann = await rejoin();
  const first = plane.current;
  plane.current = new RecordedPlace();
  first.shortage = 'full';
  const bob = await MediaClient.join(server, 'bob', SENDS);
  await ann.offer(sections(['audio', 'video']));
  expect(first.all('sfu.change')).toHaveLength(1);
  expect(plane.current.all('sfu.open')).toHaveLength(1);
  first.shortage = 'down';
  plane.emit({ type: 'sfu.lost' }, first);
  expect(await ann.client.next('media')).toMatchObject({ state: 'lost', reason: 'worker' });
  await ann.offer(SENDS, { reset: true });
  expect(plane.current.all('sfu.open')).toHaveLength(2);
  // An answer comes behind whatever it was told before.
  await bob.offer(sections(['audio', 'video']));
  expect(bob.client.heard.filter(({ type }) => type === 'media')).toEqual([]);
  expect(plane.current.all('sfu.close')).toEqual([]);
});

function assertPlaced(transports: number): void {
  expect(plane.current.all('sfu.open')).toHaveLength(transports);
}
