import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Answer } from '../../support/sdp.ts';
import { Harness } from './harness.ts';
import { containing } from './matchers.ts';
import { MediaClient } from './media-client.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

let plane: RecordedPlane;
let server: Harness;
let admin: MediaClient;
let ann: MediaClient;
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({}, { media: plane });
  admin = await MediaClient.join(server, 'admin', sections(['audio'], 1, 1), {
    grants: { roomAdmin: true },
  });
  ann = await MediaClient.join(server, 'ann', sections(['audio', 'video'], 1));
  await admin.until({ '1': ann.track('0'), '2': ann.track('1') });
});
afterEach(async () => {
  await server.stop();
  assertPlane(plane.current.commands);
});

type Fields = Record<string, unknown>;

const mod = (fields: Fields): Promise<unknown> =>
  admin.client.request({ type: 'mod', to: ann.sid, ...fields });
const opened = (nth: number) => plane.current.all('sfu.open')[nth]!;

describe('kick', () => {
  test('says why, closes media, tells the room, and the token is no good any more', async () => {
    expect(await mod({ op: 'kick', reason: 'too loud' })).toMatchObject({ type: 'ok' });
    expect(await ann.client.next('bye')).toMatchObject({
      code: 4440,
      reason: 'KICKED',
      message: 'too loud',
      action: 'stop',
    });
    expect((await ann.client.close()).code).toBe(4440);
    expect(plane.current.last('sfu.close').id).toBe(opened(1).id);
    await admin.until({ '1': null, '2': null });
    const { gone } = await admin.client.people((message) => message.gone.length > 0);
    expect(gone).toEqual([{ sid: ann.sid, reason: 'KICKED' }]);
    const { reply } = await server.resume(ann.joined, 0);
    expect(reply).toMatchObject({ reason: 'SESSION_GONE' });
  });

  test('revokes the token that was used, and no other of the identity', async () => {
    const client = await server.connect();
    const token = server.token('eve');
    const joined = await client.request({ type: 'join', token });
    const to = joined.type === 'joined' ? joined.self.sid : '';
    await mod({ op: 'kick', to });
    await client.close();
    const again = await server.connect();
    expect(await again.request({ type: 'join', token })).toMatchObject({ reason: 'TOKEN_INVALID' });
    await server.join('eve');
  });
});

describe('mute', () => {
  test('of one track, or of all; the owner may unmute', async () => {
    await mod({ op: 'mute', track: ann.track('0') });
    const [audio, video] = opened(1).media.publications;
    expect(plane.current.all('sfu.mute')).toEqual([
      { type: 'sfu.mute', publication: audio!.publication, muted: true },
    ]);
    const info = await admin.info(ann.sid, ({ tracks }) => tracks[0]?.muted === true);
    expect(info.tracks[1]?.muted).toBe(false);
    await mod({ op: 'mute' });
    expect(plane.current.last('sfu.mute').publication).toBe(video!.publication);
    await ann.client.request({ type: 'mute', track: ann.track('0'), muted: false });
    await admin.info(ann.sid, ({ tracks, v }) => v > info.v && tracks[0]?.muted === false);
  });

  test('of a track of another one is refused', async () => {
    expect(await mod({ op: 'mute', track: admin.track('0') })).toMatchObject({
      reason: 'NOT_FOUND',
    });
  });
});

describe('permit', () => {
  test('without canPublish all that is published ends at once, and no offer brings it back', async () => {
    expect(await mod({ op: 'permit', perm: { canPublish: false } })).toMatchObject({ type: 'ok' });
    expect(plane.current.last('sfu.change')).toMatchObject({
      id: opened(1).id,
      media: { publications: [] },
    });
    await admin.until({ '1': null, '2': null });
    const info = await ann.info(ann.sid, ({ perm }) => !perm.canPublish);
    expect(info.tracks).toEqual([]);
    expect(await ann.tryOffer(sections(['audio', 'video'], 1))).toMatchObject({
      reason: 'NOT_ALLOWED',
    });
    // The sections that were agreed on may stay in an offer; they are answered as inactive.
    const answer = new Answer(
      (await ann.offer(sections(['audio', 'video'], 1), { tracks: [] })).sdp,
    );
    expect(answer.direction('0')).toBe('inactive');
    expect(answer.direction('2')).toBe('sendonly');
    const more = [
      ...sections(['audio', 'video'], 1),
      { mid: 'x', kind: 'audio', direction: 'sendonly' } as const,
    ];
    expect(await ann.tryOffer(more, { tracks: [] })).toMatchObject({
      reason: 'NOT_ALLOWED',
      message: containing('canPublish'),
    });
    await mod({ op: 'permit', perm: { canPublish: true } });
    const back = await ann.offer(sections(['audio', 'video'], 1));
    await admin.until({ '1': back.tracks[0]!.sid });
  });

  test('without canSubscribe no slot shows anything, until it may again', async () => {
    expect(ann.slots.get('2')).toBe(admin.track('0'));
    await mod({ op: 'permit', perm: { canSubscribe: false } });
    expect(plane.current.slots(opened(1).id)).toEqual({ '2': 0 });
    await ann.until({ '2': null });
    const answer = await ann.offer(sections(['audio', 'video'], 1));
    expect(answer.bind).toEqual([{ mid: '2', track: null, participant: null }]);
    expect(answer.need).toEqual({ audio: 0, video: 0 });
    await mod({ op: 'permit', perm: { canSubscribe: true } });
    await ann.until({ '2': admin.track('0') });
  });

  test('without canPublishData nothing is sent', async () => {
    await mod({ op: 'permit', perm: { canPublishData: false } });
    expect(await ann.client.request({ type: 'data', payload: '' })).toMatchObject({
      reason: 'NOT_ALLOWED',
    });
  });

  test('that changes nothing tells nobody', async () => {
    const { v } = ann.joined.self;
    expect(await mod({ op: 'permit', perm: { canPublish: true } })).toMatchObject({ type: 'ok' });
    await ann.client.request({ type: 'attrs', attrs: { a: 'b' } });
    expect((await admin.info(ann.sid, ({ attrs }) => attrs['a'] === 'b')).v).toBe(v + 1);
  });
});

describe('is refused', () => {
  test('without roomAdmin, whatever it is', async () => {
    for (const op of ['kick', 'mute', 'permit']) {
      const reply = await ann.client.request({ type: 'mod', op, to: admin.sid, perm: {} });
      expect(reply).toMatchObject({ reason: 'NOT_ALLOWED', message: containing('roomAdmin') });
    }
    await admin.client.settle();
    expect(admin.client.closed).toBeNull();
  });

  test.each<[string, Fields, string]>([
    ['for oneself', { op: 'permit', to: 'self', perm: { canPublish: false } }, 'BAD_MESSAGE'],
    ['for nobody', { op: 'kick', to: 'PA_x' }, 'NOT_FOUND'],
    ['without the permissions', { op: 'permit' }, 'BAD_MESSAGE'],
    ['with one that nobody can give', { op: 'permit', perm: { roomAdmin: true } }, 'ok'],
    ['with an op that there is none of', { op: 'ban' }, 'BAD_MESSAGE'],
  ])('%s', async (_, fields, result) => {
    const reply = await mod({ ...fields, ...(fields['to'] === 'self' ? { to: admin.sid } : {}) });
    expect(reply).toMatchObject(result === 'ok' ? { type: 'ok' } : { reason: result });
    await ann.client.settle();
    expect(ann.client.closed).toBeNull();
    expect(server.signaling.rooms.get('r')?.visible(ann.sid)?.participant.perm.roomAdmin).toBe(
      false,
    );
  });

  test('for who is hidden, as for nobody', async () => {
    const { joined } = await server.join('spy', {
      grants: { room: 'r', roomJoin: true, hidden: true },
    });
    expect(await mod({ op: 'kick', to: joined.self.sid })).toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('in a room of mode p2p only what is about media', async () => {
    await server.stop();
    server = await Harness.start();
    const { client } = await server.join('admin', {
      grants: { room: 'r', roomJoin: true, roomAdmin: true },
    });
    const { sid, client: other } = await server.join('eve');
    const ask = (fields: Fields): Promise<unknown> =>
      client.request({ type: 'mod', to: sid, ...fields });
    expect(await ask({ op: 'mute' })).toMatchObject({ reason: 'BAD_MESSAGE' });
    expect(await ask({ op: 'permit', perm: { canPublishData: false } })).toMatchObject({
      type: 'ok',
    });
    expect(await other.request({ type: 'data', payload: '' })).toMatchObject({
      reason: 'NOT_ALLOWED',
    });
    expect(await ask({ op: 'kick' })).toMatchObject({ type: 'ok' });
    expect((await other.close()).reason).toBe('KICKED');
  });
});
