import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Answer, fixture } from '../../support/sdp.ts';
import { Harness } from './harness.ts';
import { anyNumber, containing, objectWith } from './matchers.ts';
import { MediaClient } from './media-client.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections, smallOffer } from './small-offers.ts';
import type { SmallSection } from './small-offers.ts';

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

const MORE: readonly SmallSection[] = [
  { mid: 'a', kind: 'audio', direction: 'recvonly' },
  { mid: 'v', kind: 'video', direction: 'recvonly' },
];

function ssrcs(sdp: string, mid: string): string[] {
  return new Answer(sdp).values(mid, 'ssrc');
}

describe('a further offer', () => {
  test('keeps the transport, its slots, their SSRCs and what they show', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio', 'video']));
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    const before = bob.joined.answer!;
    const answer = await bob.offer([...sections([], 1), ...MORE]);
    expect(answer.bind).toEqual([
      { mid: '0', track: ann.track('0'), participant: ann.sid },
      { mid: 'a', track: null, participant: null },
      { mid: 'v', track: ann.track('1'), participant: ann.sid },
    ]);
    expect(ssrcs(answer.sdp, '0')).toEqual(ssrcs(before.sdp, '0'));
    expect(new Answer(answer.sdp).values('0', 'ice-ufrag')).toEqual(
      new Answer(before.sdp).values('0', 'ice-ufrag'),
    );
    const open = plane.current.last('sfu.open');
    expect(plane.current.all('sfu.open')).toHaveLength(2);
    expect(plane.current.all('sfu.change')).toEqual([
      {
        type: 'sfu.change',
        id: open.id,
        media: {
          sections: [objectWith({ mid: '0' }), objectWith({ mid: 'a' }), objectWith({ mid: 'v' })],
          publications: [],
        },
      },
    ]);
    const camera = plane.current.all('sfu.open')[0]?.media.publications[1]?.publication;
    expect(plane.current.last('sfu.bind')).toEqual({
      type: 'sfu.bind',
      id: open.id,
      slots: [{ mid: 'v', publication: camera }],
    });
    // RFC 8829 s5.3.1: the version rises with each answer of a session.
    const origin = /^o=- (\d+) (\d+) /m;
    expect(origin.exec(answer.sdp)?.slice(1)).toEqual([origin.exec(before.sdp)?.[1], '2']);
  });

  test('publishes, keeps and takes back, and the others are told', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1, 1));
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    await bob.until({ '0': ann.track('0') });
    const both: SmallSection[] = [
      ...sections(['audio']),
      { mid: 'c', kind: 'video', direction: 'sendonly' },
    ];
    const answer = await ann.offer(both);
    expect(answer.tracks[0]).toEqual({ mid: '0', sid: ann.track('0') });
    const camera = answer.tracks[1]!.sid;
    await bob.until({ '1': camera });
    const told = await bob.info(ann.sid, ({ tracks }) => tracks.length === 2);
    expect(told.tracks.map(({ sid, source }) => [sid, source])).toEqual([
      [ann.track('0'), 'microphone'],
      [camera, 'camera'],
    ]);
    const { media } = plane.current.last('sfu.change');
    expect(media.publications.map(({ mid }) => mid)).toEqual(['0', 'c']);
    const opened = plane.current.all('sfu.open')[1]!.media.publications[0]!;
    expect(media.publications[0]).toEqual(opened);

    const less = await ann.offer(both, { tracks: [{ mid: 'c', source: 'camera' }] });
    expect(less.tracks).toEqual([{ mid: 'c', sid: camera }]);
    expect(new Answer(less.sdp).direction('0')).toBe('inactive');
    await bob.until({ '0': null, '1': camera });
    expect(plane.current.last('sfu.change').media.publications.map(({ mid }) => mid)).toEqual([
      'c',
    ]);
    const later = await bob.info(ann.sid, ({ v }) => v > told.v);
    expect(later.tracks.map(({ sid }) => sid)).toEqual([camera]);
  });

  test('another source in the same section is another track', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['video']));
    const answer = await ann.offer(sections(['video']), {
      tracks: [{ mid: '0', source: 'screen' }],
    });
    expect(answer.tracks[0]?.sid).not.toBe(ann.track('0'));
  });

  test('that restarts ICE gets other credentials of ours, on the same transport', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio'], 1));
    const answer = await ann.offer(sections(['audio'], 1), { ufrag: 'wxyz' });
    const open = plane.current.last('sfu.open');
    const { id, ice, media } = plane.current.last('sfu.change');
    expect(id).toBe(open.id);
    expect(ice?.remote.ufrag).toBe('wxyz');
    expect(ice?.local).not.toEqual(open.ice.local);
    expect(new Answer(answer.sdp).values('0', 'ice-ufrag')).toEqual([ice?.local.ufrag]);
    expect(media.publications).toEqual(open.media.publications);
    expect(ssrcs(answer.sdp, '1')).toEqual(ssrcs(ann.joined.answer!.sdp, '1'));
    await ann.offer(sections(['audio'], 1), { ufrag: 'wxyz' });
    expect(plane.current.last('sfu.change').ice).toBeUndefined();
  });

  test('with another certificate begins another transport; slots and tracks go on', async () => {
    const bob = await MediaClient.join(server, 'bob', sections(['audio'], 1));
    const ann = await MediaClient.join(server, 'ann', sections(['audio'], 1));
    await bob.until({ '1': ann.track('0') });
    const answer = await ann.offer(sections(['audio'], 1), {
      ufrag: 'wxyz',
      fingerprint: 'CD',
      setup: 'passive',
    });
    expect(answer.sdp).toContain('a=setup:active');
    expect(answer.tracks).toEqual(ann.joined.answer?.tracks);
    expect(answer.bind).toEqual(ann.joined.answer?.bind);
    const [first, old, fresh] = plane.current.all('sfu.open');
    expect(plane.current.last('sfu.close').id).toBe(old!.id);
    expect(fresh!.id).toBeGreaterThan(old!.id);
    expect(fresh!.fingerprints[0]).toContain('CD:CD');
    expect(fresh!.slots).toEqual(old!.slots);
    const [publication] = fresh!.media.publications;
    expect(publication?.publication).not.toBe(old!.media.publications[0]?.publication);
    // Bob's slot shows the same track: the worker hears of the new number, Bob hears nothing.
    expect(plane.current.slots(first!.id)).toEqual({ '1': publication?.publication });
    ann.client.send({ type: 'leave' });
    expect(await bob.client.next('bind')).toMatchObject({ map: [{ mid: '1', track: null }] });
  });

  test('that another certificate alone distinguishes is refused, and nothing has changed', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const reply = await ann.tryOffer(sections(['audio']), { fingerprint: 'CD' });
    expect(reply).toMatchObject({
      reason: 'BAD_SDP',
      message: containing('a=fingerprint changes'),
    });
    expect(plane.current.commands).toHaveLength(1);
    expect(await ann.offer(sections(['audio']))).toMatchObject({
      tracks: ann.joined.answer?.tracks,
    });
  });

  test('with reset begins anew: the same tracks under other mids, the old transport closed', async () => {
    const bob = await MediaClient.join(server, 'bob', sections([], 1, 1));
    const ann = await MediaClient.join(server, 'ann', sections(['audio', 'video']));
    await bob.until({ '0': ann.track('0'), '1': ann.track('1') });
    await ann.client.settle();
    const heard = bob.client.heard.filter(({ type }) => type === 'people').length;
    const anew = sections(['video', 'audio'], 1);
    expect(await ann.tryOffer(anew, { ufrag: 'wxyz' })).toMatchObject({ reason: 'BAD_SDP' });
    const answer = await ann.offer(anew, {
      ufrag: 'wxyz',
      reset: true,
      tracks: [
        { mid: '1', source: 'microphone' },
        { mid: '0', source: 'camera' },
      ],
    });
    expect(answer.tracks).toEqual([
      { mid: '1', sid: ann.track('0') },
      { mid: '0', sid: ann.track('1') },
    ]);
    const [first, old, fresh] = plane.current.all('sfu.open');
    expect(plane.current.last('sfu.close').id).toBe(old!.id);
    const numbers = Object.fromEntries(
      fresh!.media.publications.map(({ mid, publication }) => [mid, publication]),
    );
    expect(plane.current.slots(first!.id)).toEqual({ '0': numbers['1'], '1': numbers['0'] });
    // Before data of a participant comes all news of it.
    await ann.client.request({ type: 'data', payload: '' });
    await bob.client.next('data');
    expect(bob.client.heard.filter(({ type }) => type === 'people')).toHaveLength(heard);
  });

  test('that turns the DTLS roles round is refused', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    expect(await ann.tryOffer(sections(['audio']), { setup: 'passive' })).toMatchObject({
      reason: 'BAD_SDP',
      message: containing('a=setup:passive'),
    });
    expect(await ann.tryOffer(sections(['audio']), { setup: 'active' })).toMatchObject({
      type: 'answer',
    });
  });

  test('sent again under its id gets the same answer, and changes nothing', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const list = [...sections(['audio']), ...MORE];
    const message = { type: 'offer', i: 50, id: 2, sdp: smallOffer(list), tracks: [] };
    ann.client.send(message);
    const answer = await ann.client.reply(50);
    ann.client.send(message);
    expect(await ann.client.reply(50)).toEqual(answer);
    expect(plane.current.all('sfu.change')).toHaveLength(1);
  });

  test.each(['chromium', 'firefox'])('of %s, session by session', async (name) => {
    const offers = [1, 2, 3].map((n) => {
      const text = ['', '-session-1', '-session-2-stopped', '-session-3-restart'][n]!;
      return fixture(`${name}${text}`);
    });
    const { client, joined } = await server.join('ann', {
      message: { offer: { id: 1, sdp: offers[0] } },
    });
    expect(joined.answer?.bind.length).toBeGreaterThan(0);
    for (const [i, sdp] of offers.slice(1).entries()) {
      const reply = await client.request({ type: 'offer', id: i + 2, sdp, tracks: [] });
      expect(reply).toMatchObject({ type: 'answer', id: i + 2 });
    }
    expect(plane.current.all('sfu.open')).toHaveLength(1);
    expect(plane.current.last('sfu.change').ice).toBeDefined();
  });
});

describe('what leaves', () => {
  test('closes its transport at once, and the slots that showed it are empty', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    ann.client.send({ type: 'leave' });
    await bob.until({ '0': null });
    const [annOpen, bobOpen] = plane.current.all('sfu.open');
    expect(plane.current.all('sfu.close').map(({ id }) => id)).toEqual([annOpen!.id]);
    expect(plane.current.slots(bobOpen!.id)).toEqual({ '0': 0 });
    const gone = await bob.client.people((m) => m.gone.length > 0);
    expect(gone.gone[0]?.sid).toBe(ann.sid);
  });

  test('a takeover closes the transport of the session before', async () => {
    await MediaClient.join(server, 'ann', sections(['audio']));
    await MediaClient.join(server, 'ann', sections(['audio']));
    const types = plane.current.commands.map(({ type }) => type);
    expect(types).toEqual(['sfu.open', 'sfu.close', 'sfu.open']);
  });

  test('the end of a room closes all of it', async () => {
    await MediaClient.join(server, 'ann', sections(['audio']));
    await MediaClient.join(server, 'bob', sections(['audio']));
    server.signaling.rooms.end('r');
    expect(plane.current.all('sfu.close')).toHaveLength(2);
    expect(server.signaling.stats().media?.transports).toBe(0);
  });

  test('a lost WebSocket leaves media alone', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    ann.client.ws.terminate();
    await bob.info(ann.sid, ({ state }) => state === 'away');
    expect(plane.current.all('sfu.close')).toEqual([]);
    expect(bob.slots.get('0')).toBe(ann.track('0'));
  });

  test('a session that is not resumed in time takes its media with it', async () => {
    await server.stop();
    server = await Harness.start({ resumeMs: 60 }, { media: plane });
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    ann.client.ws.terminate();
    await bob.until({ '0': null });
    expect(plane.current.all('sfu.close')).toHaveLength(1);
  });
});

describe('mute', () => {
  test('reaches the media worker and everybody', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const bob = await MediaClient.join(server, 'bob', sections([], 1));
    const before = ann.joined.self.v;
    for (const muted of [true, false]) {
      const reply = await ann.client.request({ type: 'mute', track: ann.track('0'), muted });
      expect(reply).toMatchObject({ type: 'ok' });
      await bob.info(ann.sid, ({ tracks, v }) => v > before && tracks[0]?.muted === muted);
    }
    const { publication } = plane.current.all('sfu.open')[0]!.media.publications[0]!;
    expect(plane.current.all('sfu.mute')).toEqual([
      { type: 'sfu.mute', publication, muted: true },
      { type: 'sfu.mute', publication, muted: false },
    ]);
    const others = await bob.client.request({ type: 'mute', track: ann.track('0'), muted: true });
    expect(others).toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('survives an offer that does not speak of it', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    await ann.client.request({ type: 'mute', track: ann.track('0'), muted: true });
    await ann.offer([...sections(['audio']), ...MORE]);
    expect(plane.current.last('sfu.change').media.publications).toEqual([
      { publication: anyNumber, mid: '0', muted: true, microphone: true },
    ]);
  });
});

describe('hostile', () => {
  test('a flood of offers is read no faster than it may be', async () => {
    await server.stop();
    server = await Harness.start({ offers: { perSecond: 0.001, burst: 3 } }, { media: plane });
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    for (let n = 0; n < 3; n++) await ann.offer(sections(['audio']));
    expect(await ann.tryOffer(sections(['audio']))).toMatchObject({
      reason: 'RATE_LIMITED',
      message: 'offer: offers come too fast',
      retryAfterMs: anyNumber,
    });
    expect(server.signaling.stats().media).toMatchObject({ offers: 4, answers: 4 });
  });

  test('an offer of too many lines or sections is refused by its size', async () => {
    const ann = await MediaClient.join(server, 'ann', []);
    const many = `${smallOffer(sections(['audio']))}${'m=audio 9 RTP/AVP 0\r\n'.repeat(300)}`;
    const reply = await ann.client.request({ type: 'offer', id: 1, sdp: many, tracks: [] });
    expect(reply).toMatchObject({ reason: 'TOO_LARGE', message: containing('m= sections') });
  });

  test('an SSRC of the client is none of ours', async () => {
    // All that is left to collide with is what was chosen before, so the same offer is read many times.
    const ann = await MediaClient.join(server, 'ann', sections([], 8, 8));
    await ann.offer([...sections([], 8, 8), ...MORE]);
    const { media } = plane.current.last('sfu.change');
    const numbers = media.sections.flatMap(({ outgoing }) => [outgoing!.ssrc, outgoing!.rtxSsrc]);
    expect(new Set(numbers).size).toBe(36);
  });

  test('a mid that would be lines of its own is refused by the schema', async () => {
    const ann = await MediaClient.join(server, 'ann', []);
    const tracks = [{ mid: '0\r\na=x', source: 'microphone' }];
    const sdp = smallOffer(sections(['audio']));
    expect(await ann.client.request({ type: 'offer', id: 1, sdp, tracks })).toMatchObject({
      reason: 'BAD_MESSAGE',
      message: containing('tracks.0.mid'),
    });
  });

  test('more tracks than there may be', async () => {
    const list = sections(Array<'audio'>(17).fill('audio'));
    const ann = await MediaClient.join(server, 'ann', []);
    expect(await ann.tryOffer(list)).toMatchObject({ type: 'error' });
    expect(plane.current.commands).toEqual([]);
  });
});
