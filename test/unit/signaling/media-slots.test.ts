import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';
import { containing, objectWith } from './matchers.ts';
import { MediaClient } from './media-client.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

let plane: RecordedPlane;
let server: Harness;
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({}, { media: plane });
});
afterEach(async () => {
  await server.stop();
  assertPlane(plane.current.commands);
});

const JOINED: Parameters<typeof MediaClient.join>[2] = sections(['audio', 'video']);

/** The number of what a participant publishes in the section of that mid. */
function publication(nth: number, mid = '0'): number {
  const open = plane.current.all('sfu.open')[nth]!;
  return open.media.publications.find((one) => one.mid === mid)!.publication;
}

/** Of a slot, as the media worker was told last. */
function told(id: number, mid: string): unknown {
  const slots = plane.current.all('sfu.bind').flatMap((one) => (one.id === id ? one.slots : []));
  return slots.findLast((slot) => slot.mid === mid);
}

describe('bind', () => {
  test('comes after the news of whom it is about', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1, 1));
    const texts: string[] = [];
    bob.client.ws.on('message', (data: Buffer) => texts.push(data.toString()));
    const ann = await MediaClient.join(server, 'ann', JOINED);
    await bob.until({ '0': ann.track('0'), '1': ann.track('1') });
    const eve = await MediaClient.join(server, 'eve', JOINED);
    ann.client.send({ type: 'leave' });
    await bob.until({ '0': eve.track('0') });
    for (const { sid } of [ann, eve]) {
      const types = texts
        .filter((text) => text.includes(sid))
        .map((text): unknown => JSON.parse(text));
      expect(types[0]).toMatchObject({ type: 'people' });
      expect(types).toContainEqual(objectWith({ type: 'bind' }));
    }
    expect(plane.current.slots(plane.current.all('sfu.open')[0]!.id)).toEqual({
      '0': publication(2),
      '1': publication(2, '1'),
    });
  });

  test('who speaks takes the slot of who is silent, and the room hears who speaks', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 0, 1));
    const ann = await MediaClient.join(server, 'ann', JOINED);
    const eve = await MediaClient.join(server, 'eve', JOINED);
    await bob.until({ '0': ann.track('1') });
    const { sid: room } = bob.joined.room;
    plane.emit({
      type: 'sfu.speakers',
      room,
      speakers: [
        { publication: publication(2), level: 0.734_56, active: true },
        { publication: publication(1), level: 0.1, active: false },
        { publication: 999, level: 0.1, active: true },
      ],
    });
    await bob.until({ '0': eve.track('1') });
    const speakers = [
      { sid: eve.sid, level: 0.73, active: true },
      { sid: ann.sid, level: 0.1, active: false },
    ];
    expect(await bob.client.next('speakers')).toEqual({ type: 'speakers', speakers });
    const late = await MediaClient.join(server, 'late', []);
    expect(await late.client.next('speakers')).toEqual({ type: 'speakers', speakers });
    eve.client.send({ type: 'leave' });
    expect(await bob.client.next('speakers')).toEqual({
      type: 'speakers',
      speakers: speakers.slice(1),
    });
    await bob.until({ '0': ann.track('1') });
  });

  test('of another room nothing is heard', async () => {
    const ann = await MediaClient.join(server, 'ann', JOINED);
    const bob = await MediaClient.join(server, 'bob', sections([], 1), {
      grants: { room: 'other' },
    });
    expect(bob.joined.answer?.bind[0]?.track).toBeNull();
    expect(bob.joined.answer?.need).toEqual({ audio: 0, video: 0 });
    const reply = await bob.client.request({
      type: 'subscribe',
      tracks: [{ track: ann.track('0'), pin: true }],
    });
    expect(reply).toMatchObject({ reason: 'NOT_FOUND' });
    plane.emit({ type: 'sfu.speakers', room: 'RM_none', speakers: [] });
  });
});

describe('a microphone', () => {
  test('that is pinned is forwarded however quiet it is, for as long as it is pinned', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    const ann = await MediaClient.join(server, 'ann', JOINED);
    await bob.until({ '0': ann.track('0') });
    const { id } = plane.current.all('sfu.open')[0]!;
    const slot = { mid: '0', publication: publication(1) };
    expect(told(id, '0')).toEqual(slot);
    for (const [pin, expected] of [
      [true, { ...slot, pinned: true }],
      [false, slot],
    ] as const) {
      await bob.client.request({ type: 'subscribe', tracks: [{ track: ann.track('0'), pin }] });
      await expect.poll(() => told(id, '0')).toEqual(expected);
    }
  });

  test('that is let through is pointed at in the same tick, in the slot of who was longest', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    const ann = await MediaClient.join(server, 'ann', JOINED);
    await MediaClient.join(server, 'eve', JOINED);
    await bob.until({ '0': ann.track('0') });
    const { sid: room } = bob.joined.room;
    const { id } = plane.current.all('sfu.open')[0]!;
    const [ofAnn, ofEve] = [publication(1), publication(2)];
    for (const publications of [[ofAnn], [ofEve, ofAnn, 999], [ofAnn, ofEve]]) {
      plane.emit({ type: 'sfu.heard', room, publications });
      expect(told(id, '0')).toEqual({ mid: '0', publication: publications[0] });
    }
    plane.emit({ type: 'sfu.heard', room: 'RM_none', publications: [ofEve] });
  });
});

describe('a camera in several sizes', () => {
  const [microphone, camera] = sections(['audio', 'video']);
  const CAMERA = [microphone!, { ...camera!, rids: ['q', 'h', 'f'] }];
  test('is sent as large as it is shown, and whose matters more first', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 0, 1));
    const ann = await MediaClient.join(server, 'ann', CAMERA);
    await bob.until({ '0': ann.track('1') });
    const { id } = plane.current.all('sfu.open')[0]!;
    const slot = { mid: '0', publication: publication(1, '1') };
    expect(told(id, '0')).toEqual({ ...slot, wanted: 2, priority: 1 });
    const wish = async (fields: object): Promise<void> => {
      const tracks = [{ track: ann.track('1'), ...fields }];
      expect(await bob.client.request({ type: 'subscribe', tracks })).toMatchObject({ type: 'ok' });
    };
    for (const [fields, wanted, priority] of [
      [{ w: 320, h: 180 }, 0, 1],
      [{ w: 640, h: 360 }, 1, 1],
      [{ w: 1920, h: 1080 }, 2, 1],
      [{ w: 1, h: 1, pin: true }, 0, 4],
      [{ priority: 5 }, 0, 15],
    ] as const) {
      await wish(fields);
      await expect.poll(() => told(id, '0')).toEqual({ ...slot, wanted, priority });
    }
  });

  test('is told of when the network carries less, by the name that the client knows', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 0, 1));
    const ann = await MediaClient.join(server, 'ann', CAMERA);
    await bob.until({ '0': ann.track('1') });
    const { id } = plane.current.all('sfu.open')[0]!;
    const layer = { mid: '0', publication: publication(1, '1'), reason: 'bandwidth' } as const;
    plane.emit({ type: 'sfu.layers', id, slots: [{ ...layer, layer: 0 }] });
    plane.emit({ type: 'sfu.layers', id, slots: [{ ...layer, publication: 999, layer: 1 }] });
    plane.emit({ type: 'sfu.layers', id, slots: [{ ...layer, layer: -1 }] });
    const pushed = { track: ann.track('1'), reason: 'bandwidth' };
    expect(await bob.client.next('subs')).toMatchObject({
      subs: [{ ...pushed, state: 'live', layer: 0 }],
    });
    expect(await bob.client.next('subs')).toMatchObject({
      subs: [{ ...pushed, state: 'paused', layer: -1 }],
    });
  });
});

describe('subscribe', () => {
  test('a pin takes the slot, and gives it back to nobody but a better one', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 0, 1));
    const ann = await MediaClient.join(server, 'ann', JOINED);
    const eve = await MediaClient.join(server, 'eve', JOINED);
    await bob.until({ '0': ann.track('1') });
    const wish = async (track: string, fields: object): Promise<void> => {
      const reply = await bob.client.request({ type: 'subscribe', tracks: [{ track, ...fields }] });
      expect(reply).toMatchObject({ type: 'ok' });
    };
    await wish(eve.track('1'), { pin: true });
    await bob.until({ '0': eve.track('1') });
    await wish(eve.track('1'), { pin: false });
    await wish(eve.track('1'), { on: false });
    await bob.until({ '0': ann.track('1') });
    await wish(ann.track('1'), { on: false });
    await bob.until({ '0': null });
    await wish(eve.track('1'), { on: true });
    await bob.until({ '0': eve.track('1') });
  });

  test('all or nothing, and for tracks of others alone', async () => {
    const ann = await MediaClient.join(server, 'ann', JOINED);
    const bob = await MediaClient.join(server, 'bob', sections(['audio'], 1));
    for (const track of ['TR_x', bob.track('0')]) {
      const tracks = [{ track: ann.track('0'), on: false }, { track }];
      expect(await bob.client.request({ type: 'subscribe', tracks })).toMatchObject({
        reason: 'NOT_FOUND',
        message: containing(track),
      });
    }
    await ann.client.request({ type: 'mute', track: ann.track('0'), muted: true });
    await bob.info(ann.sid, ({ tracks }) => tracks[0]?.muted === true);
    expect(bob.slots.get('1')).toBe(ann.track('0'));
  });

  test('needs the grant', async () => {
    const ann = await MediaClient.join(server, 'ann', JOINED);
    const bob = await MediaClient.join(server, 'bob', [], { grants: { canSubscribe: false } });
    const tracks = [{ track: ann.track('0'), on: true }];
    expect(await bob.client.request({ type: 'subscribe', tracks })).toMatchObject({
      reason: 'NOT_ALLOWED',
    });
  });
});

describe('need', () => {
  test('rises in steps, up to what the client wants', async () => {
    const want = { audio: 3, video: 0 };
    const bob = await MediaClient.join(server, 'bob', sections(['audio']), { want });
    await MediaClient.join(server, 'p1', sections(['audio', 'video']));
    expect(await bob.client.next('need')).toMatchObject({ audio: 2, video: 0 });
    await MediaClient.join(server, 'p2', sections(['audio', 'video']));
    await MediaClient.join(server, 'p3', sections(['audio', 'video']));
    expect(await bob.client.next('need')).toMatchObject({ audio: 3, video: 0 });
    await MediaClient.join(server, 'p4', sections(['audio', 'video']));
    const answer = await bob.offer(sections(['audio'], 3), { want: { video: 9 } });
    expect(answer.need).toEqual({ audio: 3, video: 4 });
    expect(bob.client.heard.filter(({ type }) => type === 'need')).toEqual([]);
  });

  test('does not count what is switched off, as long as it is there', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 0, 1));
    const ann = await MediaClient.join(server, 'ann', sections(['video']));
    await bob.until({ '0': ann.track('0') });
    const tracks = [{ track: ann.track('0'), on: false }];
    await bob.client.request({ type: 'subscribe', tracks });
    await bob.until({ '0': null });
    const eve = await MediaClient.join(server, 'eve', sections(['video']));
    await bob.until({ '0': eve.track('0') });
    expect(bob.client.heard.filter(({ type }) => type === 'need')).toEqual([]);
    ann.client.send({ type: 'leave' });
    await MediaClient.join(server, 'joe', sections(['video']));
    expect(await bob.client.next('need')).toMatchObject({ audio: 0, video: 2 });
  });

  test('is not said where there are enough slots, nor to who may not subscribe', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 2, 2));
    const eve = await MediaClient.join(server, 'eve', [], { grants: { canSubscribe: false } });
    const ann = await MediaClient.join(server, 'ann', JOINED);
    await bob.until({ '0': ann.track('0') });
    await eve.info(ann.sid);
    for (const { client } of [bob, eve]) {
      await client.settle();
      expect(client.heard.filter(({ type }) => type === 'need')).toEqual([]);
    }
  });
});

describe('a room of many', () => {
  test('200 join: every slot shows somebody, and nobody is told of changes one by one', async () => {
    await server.stop();
    server = await Harness.start(
      {
        maxParticipantsPerRoom: 300,
        maxConnectionsPerAddress: { unauthenticated: 300, total: 300 },
      },
      { media: plane },
    );
    const list = sections(['audio', 'video'], 3, 9);
    const clients: MediaClient[] = [];
    const started = performance.now();
    for (let n = 0; n < 199; n++) clients.push(await MediaClient.join(server, `p${n}`, list));
    const before = performance.now();
    const last = await MediaClient.join(server, 'last', list);
    const after = performance.now();
    process.stdout.write(
      `200 joined in ${(after - started).toFixed(0)} ms, the last in ${(after - before).toFixed(1)} ms; ` +
        `${JSON.stringify(server.signaling.stats().joinDurations)}\n`,
    );
    expect(last.joined.participants).toHaveLength(199);
    expect([...last.slots.values()].filter((track) => track === null)).toEqual([]);
    const { media } = server.signaling.stats();
    expect(media).toMatchObject({ transports: 200, offers: 200, answers: 200 });
    // Twelve slots each, filled by and by as the first dozen came.
    expect(media!.binds).toBeLessThan(200);
    expect(media!.slotsPointed).toBe(200 * 12);
  });
});
