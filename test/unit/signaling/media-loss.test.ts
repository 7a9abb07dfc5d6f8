import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';
import { containing } from './matchers.ts';
import { MediaClient } from './media-client.ts';
import { RecordedPlace, RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

let plane: RecordedPlane;
let server: Harness;
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({}, { media: plane });
});
afterEach(async () => server.stop());

function closed(id: number, reason = 'ice-timeout'): void {
  plane.emit({ type: 'sfu.state', id, state: 'closed', path: '', reason });
}

/** The WebSocket of one is lost; resolves when the server knows. */
async function lose({ client }: MediaClient): Promise<void> {
  client.ws.terminate();
  await expect.poll(() => server.signaling.stats().away).toBe(1);
}

describe('a transport that the media worker has closed', () => {
  test('is offered anew with reset; the others keep what their slots show', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    const ann = await MediaClient.join(server, 'ann', sections(['audio'], 1));
    await bob.until({ '0': ann.track('0') });
    const [bobOpen, annOpen] = plane.current.all('sfu.open');
    plane.emit({
      type: 'sfu.state',
      id: annOpen!.id,
      state: 'disconnected',
      path: 'udp',
      reason: '',
    });
    closed(annOpen!.id);
    expect(await ann.client.next('media')).toMatchObject({ state: 'lost', reason: 'ice-timeout' });
    expect(await ann.tryOffer(sections(['audio'], 1))).toMatchObject({
      reason: 'BAD_MESSAGE',
      message: containing('reset'),
    });
    const answer = await ann.offer(sections(['audio'], 1), { reset: true });
    expect(answer.tracks).toEqual([{ mid: '0', sid: ann.track('0') }]);
    const fresh = plane.current.last('sfu.open');
    expect(plane.current.slots(bobOpen!.id)).toEqual({
      '0': fresh.media.publications[0]?.publication,
    });
    expect(plane.current.all('sfu.close')).toEqual([]);
    expect(server.signaling.stats().media).toMatchObject({ lost: 1, transports: 2 });
  });

  test('said twice, or of one that is gone, changes nothing', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const { id } = plane.current.last('sfu.open');
    closed(id);
    closed(id);
    closed(4711);
    await ann.client.next('media');
    await ann.offer(sections(['audio']), { reset: true });
    closed(id);
    await ann.client.settle();
    expect(ann.client.heard.filter(({ type }) => type === 'media')).toEqual([]);
  });

  test('a mute in between counts', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    closed(plane.current.last('sfu.open').id);
    await ann.client.next('media');
    const reply = await ann.client.request({ type: 'mute', track: ann.track('0'), muted: true });
    expect(reply).toMatchObject({ type: 'ok' });
    await ann.offer(sections(['audio']), { reset: true });
    expect(plane.current.last('sfu.open').media.publications[0]?.muted).toBe(true);
  });

  test('what nobody can see makes room for what can be seen', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    await bob.until({ '0': ann.track('0') });
    const eve = await MediaClient.join(server, 'eve', sections(['audio']));
    closed(plane.current.all('sfu.open')[1]!.id);
    await bob.until({ '0': eve.track('0') });
    expect(plane.current.slots(plane.current.all('sfu.open')[0]!.id)).toEqual({
      '0': plane.current.all('sfu.open')[2]!.media.publications[0]!.publication,
    });
  });
});

describe('a media worker that is gone', () => {
  test('takes all transports that were there, and rooms go to another place', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio'], 1));
    const bob = await MediaClient.join(server, 'bob', sections(['audio'], 1));
    const lost = plane.current;
    plane.current = new RecordedPlace();
    const eve = await MediaClient.join(server, 'eve', sections(['audio'], 1), {
      grants: { room: 'other' },
    });
    plane.emit({ type: 'sfu.lost' }, lost);
    for (const one of [ann, bob]) {
      expect(await one.client.next('media')).toMatchObject({ state: 'lost', reason: 'worker' });
    }
    await ann.offer(sections(['audio'], 1), { reset: true });
    await bob.offer(sections(['audio'], 1), { reset: true });
    expect(bob.slots.get('1')).toBe(ann.track('0'));
    expect(plane.current.all('sfu.open').map(({ room }) => room)).toEqual([
      eve.joined.room.sid,
      ann.joined.room.sid,
      ann.joined.room.sid,
    ]);
    expect(lost.all('sfu.close')).toEqual([]);
    await eve.client.settle();
    expect(eve.client.heard.filter(({ type }) => type === 'media')).toEqual([]);
    // One place a transport.
    expect(plane.asked).toHaveLength(5);
  });
});

describe('a resume', () => {
  test('replays what slots were pointed at meanwhile', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    await bob.client.settle();
    await lose(bob);
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const { client, reply } = await server.resume(bob.joined, 0);
    expect(reply).toMatchObject({ resumed: true, lost: false });
    expect('media' in reply).toBe(false);
    expect(await client.next('bind')).toMatchObject({ map: [{ mid: '0', track: ann.track('0') }] });
  });

  test('that lost pushes says where every slot is', async () => {
    await server.stop();
    server = await Harness.start({ pushRing: { messages: 1, bytes: 10_000 } }, { media: plane });
    const bob = await MediaClient.join(server, 'bob', sections([], 1, 1));
    await lose(bob);
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    await ann.client.request({ type: 'data', payload: '' });
    await ann.client.request({ type: 'data', payload: '' });
    const { reply } = await server.resume(bob.joined, 0);
    expect(reply).toMatchObject({
      resumed: true,
      lost: true,
      media: {
        bind: [
          { mid: '0', track: ann.track('0'), participant: ann.sid },
          { mid: '1', track: null, participant: null },
        ],
        need: { audio: 1, video: 0 },
      },
    });
  });

  test('that lost pushes has no slots where the transport is gone too', async () => {
    await server.stop();
    server = await Harness.start({ pushRing: { messages: 1, bytes: 10_000 } }, { media: plane });
    const bob = await MediaClient.join(server, 'bob', sections([], 1, 1));
    await lose(bob);
    const ann = await MediaClient.join(server, 'ann', []);
    closed(plane.current.last('sfu.open').id);
    await ann.client.request({ type: 'data', payload: '' });
    const { client, reply } = await server.resume(bob.joined, 0);
    expect(reply).toMatchObject({ resumed: true, lost: true });
    expect('media' in reply).toBe(false);
    const again = new MediaClient(client, bob.joined);
    await again.offer(sections([], 1, 1), { reset: true });
  });

  test('may begin anew with another PeerConnection, as the same participant', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    await lose(ann);
    const { client } = await server.resume(ann.joined, 0);
    const again = new MediaClient(client, ann.joined);
    const answer = await again.offer(sections(['audio']), { reset: true, ufrag: 'wxyz' });
    expect(answer.tracks).toEqual(ann.joined.answer?.tracks);
    expect(plane.current.last('sfu.close').id).toBe(plane.current.all('sfu.open')[0]!.id);
  });
});

test('a page that was loaded again has the same tracks, and what it did not want comes again', async () => {
  const ann = await MediaClient.join(server, 'ann', sections(['audio'], 0));
  const bob = await MediaClient.join(server, 'bob', sections(['audio'], 1));
  const audio = bob.track('0');
  const off = { type: 'subscribe', tracks: [{ track: ann.track('0'), on: false }] };
  expect(await bob.client.request(off)).toMatchObject({ type: 'ok' });
  await bob.until({ '1': null });
  bob.client.send({ type: 'leave', backMs: 5000 });
  await bob.client.close();
  const { id, secret } = bob.joined.session;
  const client = await server.connect();
  const session = { id, secret, lastSeq: 1, anew: true };
  const reply = await client.request({ type: 'join', session });
  if (reply.type !== 'joined') throw new Error(JSON.stringify(reply));
  const back = new MediaClient(client, reply);
  const answer = await back.offer(sections(['audio'], 1), { reset: true });
  expect(answer.tracks).toEqual([{ mid: '0', sid: audio }]);
  expect(back.slots.get('1')).toBe(ann.track('0'));
});
