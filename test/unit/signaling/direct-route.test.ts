// Rooms of mode `auto`: two who are alone are told to exchange media directly, and nobody else is ever brought to.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RoomMode, RouteMessage, ServerMessage } from '../../../signaling/protocol.ts';
import { PUBLISH } from '../../support/whip-offers.ts';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { joinWith, sections } from './small-offers.ts';
import { testClock } from './test-clock.ts';
import type { TestClock } from './test-clock.ts';

const SETTLE_MS = 1000;
const GRACE_MS = 30_000;

let plane: RecordedPlane;
let clock: TestClock;
let server: Harness;
beforeEach(() => {
  plane = new RecordedPlane();
  clock = testClock(Date.now());
});
afterEach(async () => {
  await server.stop();
  assertPlane(plane.current.commands);
});

async function serve(roomMode: RoomMode = 'auto'): Promise<void> {
  // Only the sweep that a test asks for.
  const limits = { sweepMs: 1_000_000, pingTimeoutMs: 10_000_000, authTimeoutMs: 10_000_000 };
  server = await Harness.start(limits, { media: plane, roomMode, clock });
}

interface EnterOptions {
  caps?: string[];
  grants?: object;
}

async function enter(identity: string, options: EnterOptions = {}): Promise<MediaClient> {
  const { caps = ['p2p'], grants } = options;
  const { client, joined } = await server.join(identity, {
    grants: { room: 'r', roomJoin: true, ...grants },
    message: { ...joinWith(sections(grants ? [] : ['audio', 'video'], 1)), caps },
  });
  return new MediaClient(client, joined);
}

/** Time passes, and the server looks. */
function pass(ms: number): void {
  clock.advance(ms);
  server.signaling.rooms.sweep(clock.monotonic());
}

const isRoute = (message: ServerMessage): message is RouteMessage => message.type === 'route';

/** The routes that were pushed since it was asked last. */
async function routes({ client }: MediaClient): Promise<Partial<RouteMessage>[]> {
  await client.settle();
  const found = client.heard.filter(isRoute);
  client.heard.splice(0, client.heard.length, ...client.heard.filter((one) => !isRoute(one)));
  return found.map(({ s: _s, type: _type, ...route }) => route);
}

const signal = (
  from: MediaClient,
  to: MediaClient,
  link?: number,
  rest: object = { candidate: null },
): Promise<unknown> => from.client.request({ type: 'signal', to: to.sid, link, ...rest });

/** With nothing to say from the media worker. */
function stats(): Promise<unknown> {
  const answer = server.signaling.roomStats.room('r');
  const { request } = plane.current.last('sfu.report');
  plane.emit({ type: 'sfu.report', request, transports: [] });
  return answer;
}

const REFUSED = { type: 'error', reason: 'BAD_MESSAGE' };
const OK = { type: 'ok' };

describe('two, three, two', () => {
  let ann: MediaClient;
  let bob: MediaClient;
  beforeEach(async () => {
    await serve();
    ann = await enter('ann');
    bob = await enter('bob');
  });

  test('who comes is told the way, and answered as in a room of mode sfu', () => {
    expect(ann.joined).toMatchObject({
      room: { mode: 'auto' },
      route: { via: 'sfu' },
      server: { features: ['sfu', 'p2p', 'attrs', 'data', 'resume'] },
    });
    expect(ann.joined.answer).toBeDefined();
    expect(bob.joined.route).toEqual({ via: 'sfu' });
  });

  test('who stays alone for a while goes directly, at once back when a third comes, and again', async () => {
    pass(SETTLE_MS - 1);
    expect([await routes(ann), await routes(bob)]).toEqual([[], []]);
    pass(1);
    expect(await routes(ann)).toEqual([{ via: 'p2p', link: 1, with: bob.sid }]);
    expect(await routes(bob)).toEqual([{ via: 'p2p', link: 1, with: ann.sid }]);
    pass(SETTLE_MS);
    expect(await routes(ann)).toEqual([]);
    const cleo = await enter('cleo');
    expect(cleo.joined.route).toEqual({ via: 'sfu' });
    expect([await routes(ann), await routes(bob)]).toEqual([[{ via: 'sfu' }], [{ via: 'sfu' }]]);
    cleo.client.send({ type: 'leave' });
    await ann.client.people(({ gone }) => gone.length > 0);
    pass(SETTLE_MS);
    expect(await routes(ann)).toEqual([{ via: 'p2p', link: 2, with: bob.sid }]);
  });

  test('signals pass between the two alone, of this link alone, and a little longer than it', async () => {
    expect(await signal(ann, bob, 1)).toMatchObject(REFUSED);
    pass(SETTLE_MS);
    expect(await signal(ann, bob, 1, { shows: ['TR_1'] })).toMatchObject(OK);
    expect(await bob.client.next('signal')).toMatchObject({
      from: ann.sid,
      link: 1,
      shows: ['TR_1'],
    });
    expect(await signal(ann, bob)).toMatchObject(REFUSED);
    expect(await signal(ann, bob, 2)).toMatchObject(REFUSED);
    const cleo = await enter('cleo');
    expect(await signal(cleo, ann, 1)).toMatchObject(REFUSED);
    expect(await signal(ann, cleo, 1)).toMatchObject(REFUSED);
    expect(await signal(bob, ann, 1, { shows: [] })).toMatchObject(OK);
    pass(GRACE_MS);
    expect(await signal(bob, ann, 1)).toMatchObject(REFUSED);
  });

  test('whose page was loaded again has lost the connection: both are given another one', async () => {
    pass(SETTLE_MS);
    expect(await routes(ann)).toEqual([{ via: 'p2p', link: 1, with: bob.sid }]);
    ann.client.send({ type: 'leave', backMs: 5000 });
    await ann.client.close();
    const { id, secret } = ann.joined.session;
    const session = { id, secret, lastSeq: 1, anew: true };
    const client = await server.connect();
    const reply = await client.request({ type: 'join', session });
    expect(reply).toMatchObject({ resumed: true, route: { via: 'sfu' } });
    pass(SETTLE_MS);
    const two = [
      { via: 'p2p', link: 1, with: ann.sid },
      { via: 'sfu' },
      { via: 'p2p', link: 2, with: ann.sid },
    ];
    expect(await routes(bob)).toEqual(two);
  });

  test('a session that is resumed is told what it missed, or all of it', async () => {
    const { s } = ann.joined;
    ann.client.ws.terminate();
    await bob.client.people(({ upd }) => upd.some(({ state }) => state === 'away'));
    pass(SETTLE_MS);
    expect(await routes(bob)).toMatchObject([{ via: 'p2p', link: 1 }]);
    const { client, reply } = await server.resume(ann.joined, s);
    expect(reply).toMatchObject({ lost: false, route: { via: 'p2p', link: 1, with: bob.sid } });
    expect(await client.next('route')).toMatchObject({ via: 'p2p', link: 1, with: bob.sid });
  });

  test('who takes the place of another one is another one', async () => {
    pass(SETTLE_MS);
    await Promise.all([routes(ann), routes(bob)]);
    const again = await enter('bob');
    expect(again.joined.route).toEqual({ via: 'sfu' });
    expect(await routes(ann)).toEqual([{ via: 'sfu' }]);
    pass(SETTLE_MS);
    expect(await routes(ann)).toEqual([{ via: 'p2p', link: 2, with: again.sid }]);
  });

  test('the mode can be another one while they are there, but not one without the server', async () => {
    pass(SETTLE_MS);
    await routes(ann);
    const { rooms } = server.signaling;
    const room = rooms.get('r')!;
    expect(rooms.update(room, { mode: 'p2p' })).toMatchObject({
      reason: 'BAD_MESSAGE',
      message: 'mode: a room of mode auto cannot become one of mode p2p',
    });
    expect(rooms.update(room, { mode: 'sfu' })).toBeNull();
    expect(await ann.client.next('room')).toMatchObject({ room: { mode: 'sfu' } });
    expect(await routes(ann)).toEqual([{ via: 'sfu' }]);
    pass(SETTLE_MS);
    expect(rooms.update(room, { mode: 'auto' })).toBeNull();
    pass(SETTLE_MS);
    expect(await routes(ann)).toEqual([{ via: 'p2p', link: 2, with: bob.sid }]);
  });

  test('statistics say the way, and who shows what of it', async () => {
    pass(SETTLE_MS);
    await signal(ann, bob, 1, { shows: ['TR_1', 'TR_2'] });
    expect(await stats()).toMatchObject({
      room: { mode: 'auto', route: 'p2p' },
      participants: [{ direct: 2 }, { direct: 0 }],
    });
    await enter('cleo');
    expect(await stats()).toMatchObject({
      room: { route: 'sfu' },
      participants: [{ direct: 0 }, { direct: 0 }, { direct: 0 }],
    });
  });

  test.for(['mute', 'permit'] as const)(
    'who was told to %s is the server’s to watch',
    async (op) => {
      pass(SETTLE_MS);
      await routes(bob);
      const what = op === 'mute' ? { op } : { op, perm: { canPublish: false } };
      const command = { op: 'moderate', room: 'r', participant: 'ann', what } as const;
      expect(server.signaling.execute(command)).toMatchObject({ identity: 'ann' });
      expect(await routes(bob)).toEqual([{ via: 'sfu' }]);
      pass(SETTLE_MS);
      expect(await routes(bob)).toEqual([]);
    },
  );
});

test.for<[string, EnterOptions]>([
  ['cannot', { caps: [] }],
  ['is hidden', { grants: { hidden: true } }],
])('with one who %s media goes through the server', async ([, options]) => {
  await serve();
  const ann = await enter('ann');
  await enter('bob', options);
  pass(SETTLE_MS);
  expect(await routes(ann)).toEqual([]);
  await enter('cleo');
  pass(SETTLE_MS);
  expect(await routes(ann)).toEqual([]);
});

test('with one who came by WHIP media goes through the server', async () => {
  await serve();
  const ann = await enter('ann');
  const offer = {
    protocol: 'whip' as const,
    room: 'r',
    bearer: server.token('camera'),
    sdp: PUBLISH,
    identity: undefined,
    name: undefined,
    participant: undefined,
    host: 'h',
  };
  expect(server.signaling.whip!.open(offer)).toHaveProperty('etag');
  pass(SETTLE_MS);
  expect(await routes(ann)).toEqual([]);
});

test('in a room of mode sfu nobody is brought to show addresses', async () => {
  await serve('sfu');
  const ann = await enter('ann');
  const bob = await enter('bob');
  expect(ann.joined).not.toHaveProperty('route');
  pass(SETTLE_MS);
  expect(await signal(ann, bob, 1)).toMatchObject(REFUSED);
});

test('a room of mode p2p is one although the server could forward', async () => {
  await serve('sfu');
  server.signaling.rooms.create({ name: 'r', mode: 'p2p' });
  plane.current.shortage = 'full';
  const ann = await enter('ann');
  const bob = await enter('bob');
  expect(ann.joined).toMatchObject({
    room: { mode: 'p2p' },
    server: { features: ['p2p', 'attrs', 'data', 'resume'] },
  });
  expect(ann.joined.answer).toBeUndefined();
  expect(await signal(ann, bob)).toMatchObject(OK);
});

test('without an SFU other modes are refused by name', async () => {
  server = await Harness.start();
  const { rooms } = server.signaling;
  expect(() => rooms.create({ name: 'a', mode: 'auto' })).toThrow(/^mode: expected p2p/);
  expect(rooms.create({ name: 'a', mode: 'p2p' }).mode).toBe('p2p');
});
