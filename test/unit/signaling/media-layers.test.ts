// What publishers are told of their encodings, and subscribers of what they are sent and why not.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

const RIDS = ['q', 'h', 'f'];
const [camera, slot] = sections(['video'], 0, 1);
const CAMERA = [{ ...camera!, rids: RIDS }];
const ONE_SIZE = [camera!];
const VIEWER = [{ ...slot!, tells: true }];
const CAPABLE = { caps: ['layers'] };
const REST_MS = 100;

let plane: RecordedPlane;
let server: Harness;
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({ restAfterMs: REST_MS }, { media: plane });
});
afterEach(async () => {
  await server.stop();
  assertPlane(plane.current.commands);
});

const wish = async (of: MediaClient, track: string, fields: object): Promise<void> => {
  const tracks = [{ track, ...fields }];
  expect(await of.client.request({ type: 'subscribe', tracks })).toMatchObject({ type: 'ok' });
};

const commanded = (): unknown => plane.current.all('sfu.encodings').at(-1)?.wanted;

/** What a slot was pointed at last. */
const bound = (): unknown => plane.current.all('sfu.bind').at(-1)?.slots.at(-1)?.publication;

describe('layers', () => {
  test('tell a publisher what anybody is to be shown, and the media worker with it', async () => {
    const ann = await MediaClient.join(server, 'ann', CAMERA, CAPABLE);
    const track = ann.track('0');
    const layers = (wanted: object) =>
      expect(ann.client.next('layers')).resolves.toMatchObject({ track, wanted });
    await layers({ q: false, h: false, f: false });
    const bob = await MediaClient.join(server, 'bob', VIEWER);
    await layers({ q: true, h: true, f: true });
    await wish(bob, track, { w: 320, h: 180 });
    await layers({ q: true, h: false, f: false });
    expect(commanded()).toEqual([true, false, false]);
    // A fixed one, and the lowest for who comes next.
    await wish(bob, track, { layer: 2 });
    await layers({ q: true, h: false, f: true });
    await wish(bob, track, { layer: null, w: 0, h: 0 });
    await layers({ q: false, h: false, f: false });
    await wish(bob, track, { w: 640, h: 360 });
    await layers({ q: true, h: true, f: false });
    bob.client.send({ type: 'leave' });
    await layers({ q: false, h: false, f: false });
    expect(commanded()).toEqual([false, false, false]);
  });

  test('name one encoding that has no name', async () => {
    const ann = await MediaClient.join(server, 'ann', ONE_SIZE, CAPABLE);
    expect(await ann.client.next('layers')).toMatchObject({ wanted: { '': false } });
    await MediaClient.join(server, 'bob', VIEWER);
    expect(await ann.client.next('layers')).toMatchObject({ wanted: { '': true } });
  });

  test('are for who can leave encodings out', async () => {
    const ann = await MediaClient.join(server, 'ann', CAMERA);
    const eve = await MediaClient.join(server, 'eve', CAMERA, CAPABLE);
    await eve.client.next('layers');
    await ann.client.settle();
    expect(ann.client.heard.filter(({ type }) => type === 'layers')).toEqual([]);
    expect(plane.current.all('sfu.encodings')).toHaveLength(1);
  });

  test('are all wanted again of another connection', async () => {
    const ann = await MediaClient.join(server, 'ann', CAMERA, CAPABLE);
    await ann.client.next('layers');
    await ann.offer(CAMERA, { reset: true, ufrag: 'wxyz', fingerprint: 'CD' });
    const { publication } = plane.current.last('sfu.open').media.publications[0]!;
    expect(await ann.client.next('layers')).toMatchObject({ wanted: { q: false } });
    expect(plane.current.last('sfu.encodings').publication).toBe(publication);
  });

  test('are told again to who has missed them', async () => {
    await server.stop();
    const pushRing = { messages: 1, bytes: 10_000 };
    server = await Harness.start({ restAfterMs: REST_MS, pushRing }, { media: plane });
    const ann = await MediaClient.join(server, 'ann', CAMERA, CAPABLE);
    await ann.client.next('layers');
    const bob = await MediaClient.join(server, 'bob', []);
    await bob.client.request({ type: 'data', payload: '' });
    await bob.client.request({ type: 'data', payload: '' });
    const { reply } = await server.resume(ann.joined, 0);
    expect(reply).toMatchObject({
      lost: true,
      media: { layers: [{ track: ann.track('0'), wanted: { q: false, h: false, f: false } }] },
    });
  });
});

describe('subs', () => {
  test.each([
    ['one size', ONE_SIZE],
    ['three', CAMERA],
  ])('name what holds a picture of %s back on this side', async (_, published) => {
    const bob = await MediaClient.join(server, 'bob', VIEWER);
    const ann = await MediaClient.join(server, 'ann', published);
    const track = ann.track('0');
    await bob.until({ '1': track });
    const { publication } = plane.current.last('sfu.open').media.publications[0]!;
    const said = (state: string, layer: number, reason: string) =>
      expect(bob.client.next('subs')).resolves.toMatchObject({
        subs: [{ track, state, layer, reason }],
      });
    await wish(bob, track, { w: 0, h: 0 });
    await said('paused', -1, 'hidden');
    // The track keeps its slot.
    expect(bound()).toBe(0);
    expect(bob.slots.get('1')).toBe(track);
    await ann.client.request({ type: 'mute', track, muted: true });
    await said('paused', -1, 'muted');
    await wish(bob, track, { w: 300, h: 200 });
    await expect.poll(bound).toBe(publication);
    await ann.client.request({ type: 'mute', track, muted: false });
    if (published === CAMERA) {
      // What is chosen among several is the media worker's to say.
      const { id } = plane.current.all('sfu.open')[0]!;
      const layer = { mid: '1', publication, layer: 1, reason: 'bandwidth' } as const;
      plane.emit({ type: 'sfu.layers', id, slots: [layer, layer] });
      await said('live', 1, 'bandwidth');
    } else await said('live', 0, 'best');
  });

  test('name a publisher whose network is away', async () => {
    const bob = await MediaClient.join(server, 'bob', VIEWER);
    const ann = await MediaClient.join(server, 'ann', ONE_SIZE);
    const track = ann.track('0');
    await bob.until({ '1': track });
    const { id } = plane.current.last('sfu.open');
    const state = { type: 'sfu.state', id, path: 'udp', reason: '' } as const;
    plane.emit({ ...state, state: 'disconnected' });
    expect(await bob.client.next('subs')).toMatchObject({
      subs: [{ track, state: 'paused', reason: 'publisher' }],
    });
    plane.emit({ ...state, state: 'connected' });
    expect(await bob.client.next('subs')).toMatchObject({ subs: [{ track, state: 'live' }] });
  });

  test('name the permission, and what holds for who has missed it', async () => {
    const lead = await MediaClient.join(server, 'lead', [], {
      grants: { room: 'r', roomJoin: true, roomAdmin: true },
    });
    const bob = await MediaClient.join(server, 'bob', VIEWER);
    const ann = await MediaClient.join(server, 'ann', CAMERA);
    const track = ann.track('0');
    await bob.until({ '1': track });
    const perm = { canSubscribe: false };
    await lead.client.request({ type: 'mod', op: 'permit', to: bob.sid, perm });
    expect(await bob.client.next('subs')).toMatchObject({
      subs: [{ track, state: 'paused', reason: 'permission' }],
    });
    await lead.client.request({
      type: 'mod',
      op: 'permit',
      to: bob.sid,
      perm: { canSubscribe: true },
    });
    await bob.until({ '1': track });
    await ann.client.request({ type: 'mute', track, muted: true });
    expect(await bob.client.next('subs')).toMatchObject({ subs: [{ reason: 'muted' }] });
  });
});
