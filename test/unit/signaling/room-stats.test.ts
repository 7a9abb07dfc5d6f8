// What rooms tell of their media over HTTP: who may ask, what media workers are asked, and what comes of no answer.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GatewayProblem } from '../../../gateway/problem.ts';
import { accessProblem } from '../../../gateway/access.ts';
import { noAudit } from '../../../server/audit/audit.ts';
import { judgeOf } from '../../../server/callers.ts';
import { KeyRing } from '../../../shared/keys/key-ring.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { roomsApiOf } from '../../../server/room-api.ts';
import { roomOwnerOf } from '../../../server/room-owner.ts';
import { placesOf } from '../../../server/room-places.ts';
import type { IncomingReport, OutgoingReport, TransportReport } from '../../../sfu/control.ts';
import type { MintOptions } from '../../../signaling/index.ts';
import type { ParticipantStats, RoomStatsAnswer } from '../../../signaling/room-stats.ts';
import { PARTICIPANTS_MAX } from '../../../signaling/room-stats.ts';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

const LINK: TransportReport['link'] = {
  path: 'udp',
  family: 4,
  consentAgeMs: 10,
  dtlsCipher: 'ECDHE',
  srtpProfile: 'AEAD_AES_128_GCM',
  packetsIn: 1,
  bytesIn: 2,
  packetsOut: 3,
  bytesOut: 4,
};

const INCOMING: IncomingReport = {
  mid: '0',
  publication: 0,
  ssrc: 1,
  rtxSsrc: null,
  rid: null,
  codec: 'opus',
  selected: true,
  packets: 10,
  bytes: 100,
  lost: 0,
  jitterMs: 1,
  nacks: 0,
  recovered: 0,
  keyFrameRequests: 0,
  frames: 0,
  keyFrames: 0,
  bitrateBps: 800,
};

const OUTGOING: OutgoingReport = {
  mid: '0',
  publication: 0,
  ssrc: 2,
  rtxSsrc: null,
  codec: '',
  waits: 'unbound',
  layer: null,
  reason: null,
  redundancy: null,
  packets: 0,
  bytes: 0,
  lost: 0,
  fractionLost: 0,
  jitterMs: 0,
  nacks: 0,
  resent: 0,
  keyFrameRequests: 0,
  bitrateBps: 0,
};

let plane: RecordedPlane;
let server: Harness;
let ring: KeyRing;
beforeEach(async () => {
  plane = new RecordedPlane();
  server = await Harness.start({}, { media: plane });
  ring = await KeyRing.open({ keys: {}, clock: systemClock, log: silentLogger });
});
afterEach(async () => {
  vi.useRealTimers();
  await server.stop();
});

const admin = (grants: Partial<MintOptions['grants']> = {}): string =>
  server.token('admin', { grants: { room: 'r', roomAdmin: true, ...grants } });

/** As the route does it: who asks is found out first, and whether the room is theirs. */
async function tell(participant?: string, token = admin(), room = 'r'): Promise<object> {
  const { tokens } = server.signaling;
  const verdict = judgeOf(tokens, ring).judge(token);
  if (verdict instanceof Error) throw verdict;
  const problem = accessProblem('room-admin', verdict.caller, room);
  if (problem) throw problem;
  const places = placesOf(undefined);
  const rooms = roomOwnerOf(server.signaling, places);
  const api = roomsApiOf(rooms, places, server.signaling, noAudit);
  return participant === undefined ? api.roomStats(room) : api.participantStats(room, participant);
}

async function refused(told: Promise<object>): Promise<[number, string]> {
  const error: unknown = await told.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GatewayProblem) return [error.status, error.code];
  throw new Error('it was not refused', { cause: error });
}

/** The media worker answers the newest question. */
function answer(
  streams: (id: number) => Partial<Pick<TransportReport, 'incoming' | 'outgoing'>> = () => ({}),
): void {
  const { request, ids } = plane.current.last('sfu.report');
  plane.emit({
    type: 'sfu.report',
    request,
    transports: ids.map((id) => {
      const quiet = {
        id,
        state: 'connected',
        link: LINK,
        rttMs: null,
        availableBps: null,
        incoming: [],
        outgoing: [],
      };
      return Object.assign(quiet, { state: 'connected' as const }, streams(id));
    }),
  });
}

describe('of a participant', () => {
  test('are its transport, its tracks with their streams, and its slots with what they show', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio'], 1));
    const bob = await MediaClient.join(server, 'bob', sections([], 2));
    await bob.until({ '0': ann.track('0') });
    const [opened] = plane.current.all('sfu.open');
    const [{ publication } = { publication: 0 }] = opened!.media.publications;

    const toldAnn = tell('ann');
    expect(plane.current.last('sfu.report').ids).toEqual([opened!.id]);
    answer(() => ({ incoming: [{ ...INCOMING, publication }] }));
    const stats = (await toldAnn) as ParticipantStats;
    expect(stats.participant).toMatchObject({ sid: ann.sid, identity: 'ann', state: 'active' });
    expect(stats.transport).toEqual({
      state: 'connected',
      rttMs: null,
      availableBps: null,
      worker: 0,
      remoteCandidate: 'prflx',
      ...LINK,
    });
    const { mid: _, publication: __, ...stream } = INCOMING;
    expect(stats.tracks).toMatchObject([
      { sid: ann.track('0'), kind: 'audio', muted: false, mid: '0', streams: [stream] },
    ]);

    // By its sid as well.
    const toldBob = tell(bob.sid);
    answer(() => ({
      outgoing: [
        { ...OUTGOING, publication, waits: null },
        { ...OUTGOING, mid: '1' },
      ],
    }));
    expect(((await toldBob) as ParticipantStats).subscriptions).toMatchObject([
      { mid: '0', track: ann.track('0'), participant: ann.sid, waits: null },
      { mid: '1', track: null, participant: null, waits: 'unbound' },
    ]);
  });

  test('are without a transport where there is no media, and no worker is asked', async () => {
    await server.join('ann');
    expect(await tell('ann')).toMatchObject({ transport: null, tracks: [], subscriptions: [] });
    expect(plane.current.all('sfu.report')).toEqual([]);
  });

  test('are without a transport where the worker has none any more', async () => {
    const ann = await MediaClient.join(server, 'ann', sections(['audio']));
    const told = tell('ann');
    plane.emit({
      type: 'sfu.report',
      request: plane.current.last('sfu.report').request,
      transports: [],
    });
    expect(await told).toMatchObject({
      transport: null,
      tracks: [{ sid: ann.track('0'), streams: [] }],
    });
  });

  test('are asked for once, however many want them at the same time', async () => {
    await MediaClient.join(server, 'ann', sections(['audio']));
    const told = [tell('ann'), tell('ann'), tell('ann')];
    answer();
    const [first, ...others] = await Promise.all(told);
    for (const other of others) expect(other).toEqual(first);
    expect(plane.current.all('sfu.report')).toHaveLength(1);
    const again = tell('ann');
    answer();
    await again;
    expect(plane.current.all('sfu.report')).toHaveLength(2);
  });
});

describe('of a room', () => {
  test('are those of all, and its worker is asked about few at a time', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `p${i}`);
    for (const name of names) await MediaClient.join(server, name, sections(['audio']));
    const told = tell();
    const asked: number[] = [];
    for (let i = 0; i < 2; i++) {
      asked.push(plane.current.last('sfu.report').ids.length);
      answer();
    }
    const { participants, total } = (await told) as RoomStatsAnswer;
    expect(asked).toEqual([8, 2]);
    expect(total).toBe(10);
    expect(participants.map(({ participant }) => participant.identity)).toEqual(names);
    for (const { transport } of participants) expect(transport).not.toBe(null);
  });

  test('are those of a bounded number', async () => {
    server.signaling.rooms.create({ name: 'r', maxParticipants: PARTICIPANTS_MAX + 1 });
    const names = Array.from({ length: PARTICIPANTS_MAX + 1 }, (_, i) => `p${i}`);
    for (const name of names) await server.join(name);
    const { participants, total } = (await tell()) as RoomStatsAnswer;
    expect([total, participants.length]).toEqual([PARTICIPANTS_MAX + 1, PARTICIPANTS_MAX]);
  });
});

describe('there are none', () => {
  test('without roomAdmin for that room', async () => {
    await server.join('ann');
    expect(await refused(tell('ann', 'no token'))).toEqual([401, 'TOKEN_INVALID']);
    expect(await refused(tell('ann', admin({ roomAdmin: false })))).toEqual([403, 'NOT_ALLOWED']);
    expect(await refused(tell('ann', admin({ room: 'other' })))).toEqual([403, 'NOT_ALLOWED']);
  });

  test('of rooms and participants that there are not', async () => {
    await server.join('ann');
    expect(await refused(tell('bob'))).toEqual([404, 'NOT_FOUND']);
    const everywhere = server.token('admin', { grants: { roomAdmin: true } });
    expect(await refused(tell(undefined, everywhere, 'none'))).toEqual([404, 'NOT_FOUND']);
    expect(await tell(undefined, everywhere)).toMatchObject({ total: 1 });
  });

  test('of a room of mode p2p', async () => {
    await server.stop();
    server = await Harness.start();
    await server.join('ann');
    expect(await refused(tell('ann'))).toEqual([409, 'ROOM_P2P']);
    expect(await refused(tell())).toEqual([409, 'ROOM_P2P']);
  });

  test('while the media worker is silent, for a bounded time', async () => {
    await MediaClient.join(server, 'ann', sections(['audio']));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const told = refused(Promise.race([tell('ann'), tell('ann')]));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await told).toEqual([503, 'MEDIA_UNAVAILABLE']);
    // What comes late is for nobody, and the next question is another one.
    answer();
    const again = tell('ann');
    expect(plane.current.all('sfu.report')).toHaveLength(2);
    answer();
    expect(await again).toMatchObject({ transport: { state: 'connected' } });
  });

  test('of what a media worker took with it when it died', async () => {
    await MediaClient.join(server, 'ann', sections(['audio']));
    const told = tell();
    plane.emit({ type: 'sfu.lost' });
    expect(await refused(told)).toEqual([503, 'MEDIA_UNAVAILABLE']);
    expect(await tell('ann')).toMatchObject({ transport: null });
  });
});
