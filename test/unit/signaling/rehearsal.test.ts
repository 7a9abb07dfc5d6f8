// Joins that nobody makes: they do what real ones do, and leave nothing behind.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseOffer } from '../../../sfu/sdp/offer.ts';
import { Refusal } from '../../../sfu/sdp/refusal.ts';
import { Rehearsal } from '../../../signaling/rehearsal.ts';
import { REHEARSAL_OFFER } from '../../../signaling/rehearsal-offer.ts';
import { signalingLimits } from '../../../signaling/limits.ts';
import { Rooms } from '../../../signaling/rooms.ts';
import { JoinRates } from '../../../signaling/join-rates.ts';
import { Counters } from '../../../signaling/service.ts';
import type { Service } from '../../../signaling/service.ts';
import { Sessions } from '../../../signaling/sessions.ts';
import { Switchboard } from '../../../signaling/media/switchboard.ts';
import { TokenVerifier } from '../../../signaling/tokens.ts';
import { Harness, SECRET } from './harness.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { keptLog } from './test-clock.ts';

/** What a server has, and a count of what joins ask of it. */
function realService(media: boolean): { service: Service; identities: string[] } {
  const clock = { monotonic: () => 0, wall: () => 1_700_000_000_000 };
  const { log } = keptLog();
  const limits = signalingLimits();
  const switchboard = media ? new Switchboard(new RecordedPlane(), log) : null;
  const identities: string[] = [];
  const service: Service = {
    clock,
    log,
    limits,
    rooms: new Rooms(clock, log, limits, switchboard),
    sessions: new Sessions(clock, log, limits),
    joinRates: new JoinRates(clock, limits.joins),
    tokens: new TokenVerifier({ app: SECRET }, { clock }),
    switchboard,
    counters: new Counters(),
    router: null,
    node: 'node-1',
    admits: true,
    version: '9.9.9',
    iceServers: (identity) => {
      identities.push(identity);
      return { servers: [], expiresAt: 0 };
    },
  };
  return { service, identities };
}

test('the offer has all that a first offer of the SDK has', () => {
  const offer = parseOffer(REHEARSAL_OFFER.offer.sdp);
  if (offer instanceof Refusal) throw new Error(offer.message);
  const sections = offer.sections.map((one) => one.accepted && `${one.kind} ${one.direction}`);
  expect(sections).toEqual([
    'audio sendonly',
    'video sendonly',
    'audio recvonly',
    'audio recvonly',
    ...Array<string>(4).fill('video recvonly'),
  ]);
});

describe.each([true, false])('a rehearsal (with an SFU: %s)', (media) => {
  test('joins, room after room, and is refused nothing', () => {
    const { service, identities } = realService(media);
    const refused: string[] = [];
    const rehearsal = new Rehearsal(service, (frame) => refused.push(frame));
    for (let n = 0; n < 10; n++) rehearsal.join();
    rehearsal.end();
    expect(refused).toEqual([]);
    expect(identities).toHaveLength(10);
    const { rooms, sessions, counters, switchboard } = service;
    expect([rooms.size, sessions.size, counters.joins, counters.messages]).toEqual([0, 0, 0, 0]);
    expect(switchboard?.counters.offers ?? 0).toBe(0);
  });

  test('says what it is refused', () => {
    const { service } = realService(media);
    const refused: string[] = [];
    const limits = signalingLimits({ maxSessions: 1 });
    const rehearsal = new Rehearsal({ ...service, limits }, (frame) => refused.push(frame));
    rehearsal.join();
    expect(refused).toEqual([]);
    rehearsal.join();
    expect(refused).toHaveLength(1);
    rehearsal.end();
  });
});

describe('a server', () => {
  let plane: RecordedPlane;
  let server: Harness;
  beforeEach(async () => {
    plane = new RecordedPlane();
    server = await Harness.start({}, { media: plane });
  });
  afterEach(async () => server.stop());

  test('shows nothing of it', async () => {
    const before = server.signaling.stats();
    await server.signaling.rehearse();
    expect(server.signaling.stats()).toEqual(before);
    expect(server.kept.text()).toBe('');
    expect([plane.asked, plane.current.commands]).toEqual([[], []]);
  });

  test('lets real ones in meanwhile, and ends it when it closes', async () => {
    const rehearsed = server.signaling.rehearse();
    const ann = await server.join('ann');
    expect(ann.joined.participants).toEqual([]);
    const closed = server.signaling.close();
    await rehearsed;
    await closed;
    expect(server.kept.events()).not.toContain('signaling.rehearsal_failed');
  });
});
