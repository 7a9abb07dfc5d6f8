import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../signaling/protocol.ts';
import { Answer, fixture } from '../../support/sdp.ts';
import { Harness } from './harness.ts';
import { anyNumber, containing, matching } from './matchers.ts';
import { assertPlane } from './plane-check.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { joinWith, sections, smallOffer, tracksOf } from './small-offers.ts';

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

describe('a join with an offer', () => {
  test('is answered with the slots bound, and the media worker is told before', async () => {
    const ann = await server.join('ann', { message: joinWith(sections(['audio', 'video'])) });
    expect(ann.joined.room.mode).toBe('sfu');
    expect(ann.joined.server.features).toEqual(['sfu', 'attrs', 'data', 'resume']);
    const { answer } = ann.joined;
    expect(answer).toEqual({
      id: 1,
      sdp: containing('a=ice-lite'),
      tracks: [
        { mid: '0', sid: matching(/^TR_[\w-]{16}$/) },
        { mid: '1', sid: matching(/^TR_/) },
      ],
      bind: [],
      need: { audio: 0, video: 0 },
    });
    const list = sections(['audio'], 1, 1);
    const bob = await server.join('bob', { message: joinWith(list) });
    const [microphone, camera] = answer!.tracks;
    expect(bob.joined.answer).toMatchObject({
      bind: [
        { mid: '1', track: microphone?.sid, participant: ann.sid },
        { mid: '2', track: camera?.sid, participant: ann.sid },
      ],
      need: { audio: 1, video: 1 },
    });
    const [first, second] = plane.current.all('sfu.open');
    expect(plane.current.commands).toEqual([first, second]);
    expect(first?.media.publications).toEqual([
      { publication: anyNumber, mid: '0', muted: false, microphone: true },
      { publication: anyNumber, mid: '1', muted: false },
    ]);
    expect(second).toMatchObject({
      room: bob.joined.room.sid,
      setup: 'passive',
      fingerprints: [containing('sha-256 AB:AB')],
      ice: { remote: { ufrag: 'abcd' } },
      slots: [
        { mid: '1', publication: first?.media.publications[0]?.publication },
        { mid: '2', publication: first?.media.publications[1]?.publication },
      ],
    });
    const { sid } = bob.joined.room;
    expect(plane.asked).toEqual([sid, sid]);
  });

  test('is answered with what the media worker was told, and all candidates', async () => {
    const list = sections(['audio'], 1, 1);
    const { joined } = await server.join('ann', { message: joinWith(list) });
    const answer = new Answer(joined.answer!.sdp);
    const open = plane.current.last('sfu.open');
    for (const mid of ['0', '1', '2']) {
      expect(answer.values(mid, 'ice-ufrag')).toEqual([open.ice.local.ufrag]);
      expect(answer.values(mid, 'ice-pwd')).toEqual([open.ice.local.password]);
      expect(answer.values(mid, 'setup')).toEqual(['passive']);
      expect(answer.values(mid, 'fingerprint')).toEqual([plane.current.fingerprint]);
    }
    expect(answer.values('0', 'candidate')).toHaveLength(2);
    expect(['0', '1', '2'].map((mid) => answer.direction(mid))).toEqual([
      'recvonly',
      'sendonly',
      'sendonly',
    ]);
    const sent = open.media.sections.flatMap(({ outgoing }) => outgoing ?? []);
    expect(answer.values('1', 'ssrc')[0]).toContain(String(sent[0]?.ssrc));
    const numbers = sent.flatMap(({ ssrc, rtxSsrc }) => [ssrc, rtxSsrc]);
    expect(new Set(numbers).size).toBe(4);
  });

  test.each(['chromium-slots', 'firefox-slots'])('of %s gets a slot each', async (name) => {
    const offer = { id: 7, sdp: fixture(name) };
    const { joined } = await server.join('ann', { message: { offer } });
    expect(joined.answer?.bind).toHaveLength(5);
    expect(joined.answer?.id).toBe(7);
    const ssrcs = plane.current
      .last('sfu.open')
      .media.sections.flatMap(({ outgoing }) => [outgoing?.ssrc, outgoing?.rtxSsrc]);
    expect(new Set(ssrcs).size).toBe(10);
  });

  test.each([
    ['chromium-simulcast', ['video']],
    ['firefox-simulcast', ['video']],
  ])('of %s publishes what it names', async (name, kinds) => {
    const sdp = fixture(name);
    const mids = [...sdp.matchAll(/^m=(\w+).*?^a=mid:(\S+)/gms)];
    const tracks = mids
      .filter(([, kind]) => kinds.includes(kind!))
      .map(([, , mid]) => ({ mid, source: 'camera', name: 'front', muted: true }));
    const offer = { id: 1, sdp };
    const { joined, client, sid } = await server.join('ann', { message: { offer, tracks } });
    const expected = [
      {
        sid: joined.answer?.tracks[0]?.sid,
        kind: 'video',
        source: 'camera',
        name: 'front',
        muted: true,
      },
    ];
    expect(joined.self.tracks).toEqual(expected);
    const people = await client.people(({ upd }) => upd.some((one) => one.sid === sid));
    expect(people.upd[0]?.tracks).toEqual(expected);
    expect(plane.current.last('sfu.open').media.publications).toEqual([
      { publication: anyNumber, mid: tracks[0]?.mid, muted: true },
    ]);
  });

  test('takes over the DTLS role that the offer leaves', async () => {
    const sdp = smallOffer(sections([], 1), { setup: 'passive' });
    const { joined } = await server.join('ann', { message: { offer: { id: 1, sdp } } });
    expect(joined.answer?.sdp).toContain('a=setup:active');
    expect(plane.current.last('sfu.open').setup).toBe('active');
  });

  test('may come without one, and is told of slots when there is something to see', async () => {
    const bob = await server.join('bob');
    expect(bob.joined.answer).toBeUndefined();
    await server.join('ann', { message: joinWith(sections(['audio'])) });
    expect(await bob.client.next('need')).toMatchObject({ audio: 2, video: 0 });
    const sdp = smallOffer(sections([], 2));
    const answer = await bob.client.request({ type: 'offer', id: 3, sdp, tracks: [] });
    expect(answer).toMatchObject({ type: 'answer', id: 3, need: { audio: 1, video: 0 } });
  });
});

describe('a join is refused whole', () => {
  const list = sections(['audio', 'video'], 1, 1);
  const good = smallOffer(list);
  const tracks = tracksOf(list);
  interface Case {
    readonly what: string;
    readonly reason: string;
    readonly message: string;
    readonly sdp?: string;
    readonly tracks?: object[];
    readonly grants?: object;
    readonly noOffer?: boolean;
  }
  const atTracks = 'BAD_MESSAGE';
  const cases: Case[] = [
    { what: 'that is no SDP', sdp: 'v=0', reason: 'BAD_SDP', message: 'Line 1' },
    {
      what: 'without BUNDLE',
      sdp: good.replace(/^a=group.*$/m, 'a=x'),
      reason: 'BAD_SDP',
      message: 'BUNDLE',
    },
    {
      what: 'without a codec',
      sdp: good.replaceAll(/opus|VP8/g, 'X'),
      reason: 'NO_COMMON_CODEC',
      message: 'codec',
    },
    {
      what: 'with a track without a codec',
      sdp: good.replaceAll('VP8', 'X'),
      reason: 'NO_COMMON_CODEC',
      message: 'tracks.1',
    },
    {
      what: 'of too many bytes',
      sdp: `${good}${'ä'.repeat(26_000)}`,
      reason: 'TOO_LARGE',
      message: 'sdp: ',
    },
    {
      what: 'with a mid twice',
      sdp: good.replace('a=mid:1', 'a=mid:0'),
      reason: 'BAD_SDP',
      message: 'a=mid',
    },
    {
      what: 'with a lite agent',
      sdp: good.replace('t=0 0', 't=0 0\r\na=ice-lite'),
      reason: 'BAD_SDP',
      message: 'lite',
    },
    {
      what: 'that may not publish',
      grants: { canPublish: false },
      reason: 'NOT_ALLOWED',
      message: 'canPublish',
    },
    {
      what: 'that may not subscribe',
      grants: { canSubscribe: false },
      reason: 'NOT_ALLOWED',
      message: 'canSubscribe',
    },
    {
      what: 'of who is hidden',
      grants: { hidden: true },
      reason: 'NOT_ALLOWED',
      message: 'hidden',
    },
    {
      what: 'with a track of a slot',
      tracks: [{ mid: '2', source: 'microphone' }],
      reason: atTracks,
      message: 'tracks.0.mid',
    },
    {
      what: 'with a track of nothing',
      tracks: [{ mid: '9', source: 'microphone' }],
      reason: atTracks,
      message: 'tracks.0.mid',
    },
    {
      what: 'with a track twice',
      tracks: [tracks[0]!, tracks[0]!],
      reason: atTracks,
      message: 'tracks.1.mid',
    },
    {
      what: 'with a camera that is audio',
      tracks: [{ mid: '0', source: 'camera' }],
      reason: atTracks,
      message: 'tracks.0.source',
    },
    { what: 'with tracks without an offer', noOffer: true, reason: atTracks, message: 'tracks: ' },
  ];
  test.each(cases)('$what', async (one) => {
    const client = await server.connect();
    const grants = { room: 'r', roomJoin: true, ...one.grants };
    const reply = await client.request({
      type: 'join',
      token: server.token('ann', { grants }),
      offer: one.noOffer === true ? undefined : { id: 1, sdp: one.sdp ?? good },
      tracks: one.tracks ?? tracks,
    });
    expect(reply).toMatchObject({
      type: 'error',
      reason: one.reason,
      message: containing(one.message),
    });
    expect((await client.close()).reason).toBe(one.reason);
    expect(plane.current.commands).toEqual([]);
    expect(server.signaling.stats()).toMatchObject({ sessions: 0, rooms: 0 });
    expect(server.kept.events()).not.toContain('signaling.fault');
  });

  test('more slots than there may be', async () => {
    const many = sections([], LIMITS.slots + 1);
    const client = await server.connect();
    const token = server.token('ann');
    const offer = { id: 1, sdp: smallOffer(many) };
    expect(await client.request({ type: 'join', token, offer })).toMatchObject({
      reason: 'TOO_LARGE',
      message: containing(`at most ${LIMITS.slots} slots`),
    });
  });

  test('and leaves an earlier session of the identity alone', async () => {
    const { client } = await server.join('ann');
    const other = await server.connect();
    const message = { type: 'join', token: server.token('ann'), offer: { id: 1, sdp: 'x' } };
    expect(await other.request(message)).toMatchObject({ reason: 'BAD_SDP' });
    await client.settle();
    expect(client.closed).toBeNull();
  });

  test('an offer with a session to resume comes too early', async () => {
    const { joined } = await server.join('ann');
    const { reply } = await server.resume(joined, 0, joinWith(sections(['audio'])));
    expect(reply).toMatchObject({ reason: 'BAD_MESSAGE', message: containing('offer: ') });
  });
});

describe('who is hidden', () => {
  test('may receive, and nobody hears of it', async () => {
    const ann = await server.join('ann', { message: joinWith(sections(['audio'])) });
    const spy = await server.join('spy', {
      grants: { room: 'r', roomJoin: true, hidden: true },
      message: joinWith(sections([], 1)),
    });
    expect(spy.joined.answer?.bind).toEqual([
      { mid: '0', track: ann.joined.answer?.tracks[0]?.sid, participant: ann.sid },
    ]);
    await ann.client.settle();
    expect(JSON.stringify(ann.client.heard)).not.toContain(spy.sid);
  });
});

describe('modes', () => {
  test('a room of mode sfu refuses signals, and says what to do', async () => {
    const ann = await server.join('ann');
    const bob = await server.join('bob');
    const reply = await ann.client.request({ type: 'signal', to: bob.sid, candidate: null });
    expect(reply).toMatchObject({ reason: 'BAD_MESSAGE', message: containing('mode sfu') });
  });

  test('a room of mode p2p joins without an answer and refuses all else that is for the server', async () => {
    await server.stop();
    server = await Harness.start();
    const list = sections(['audio']);
    const { client, joined } = await server.join('ann', { message: joinWith(list) });
    expect(joined.room.mode).toBe('p2p');
    expect(joined.answer).toBeUndefined();
    expect(joined.self.tracks).toEqual([]);
    for (const message of [
      { type: 'offer', id: 1, sdp: smallOffer(list), tracks: [] },
      { type: 'mute', track: 'TR_x', muted: true },
      { type: 'subscribe', tracks: [{ track: 'TR_x', on: false }] },
    ]) {
      expect(await client.request(message)).toMatchObject({
        reason: 'BAD_MESSAGE',
        message: `${message.type}: this room is of mode p2p; send participants a signal`,
      });
    }
  });
});
