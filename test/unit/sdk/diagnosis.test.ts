// What room.diagnose() says of readings: nothing where all is well, and each thing that is wrong by its code.

import { expect, test } from 'vitest';
import { diagnose } from '../../../sdk/diagnosis.ts';
import type { DiagnosisReadings } from '../../../sdk/diagnosis.ts';
import { linkStatsOf } from '../../../sdk/link-stats.ts';
import type { LinkStats, TrackToFind } from '../../../sdk/link-stats.ts';

type Entries = Record<string, Record<string, unknown>>;

const CAMERA = { sid: 'TR_1', source: 'camera', direction: 'received', mid: '3', id: 'c' } as const;

/** A report of a connection that is well, at the n-th second. */
function report(n: number, changes: Entries = {}): LinkStats {
  const well: Entries = {
    t: { type: 'transport', selectedCandidatePairId: 'p' },
    p: {
      type: 'candidate-pair',
      localCandidateId: 'l',
      remoteCandidateId: 'r',
      currentRoundTripTime: 0.05,
      availableOutgoingBitrate: 2_000_000,
    },
    l: { type: 'local-candidate', candidateType: 'host', protocol: 'udp' },
    r: { type: 'remote-candidate', candidateType: 'host' },
    in: {
      type: 'inbound-rtp',
      kind: 'video',
      mid: '3',
      packetsReceived: n * 100,
      packetsLost: 0,
      framesDecoded: n * 30,
    },
    out: { type: 'outbound-rtp', kind: 'video', qualityLimitationReason: 'none' },
    remote: { type: 'remote-inbound-rtp', fractionLost: 0 },
    mic: {
      type: 'media-source',
      trackIdentifier: 'm',
      totalAudioEnergy: n,
      totalSamplesDuration: n,
    },
    cam: { type: 'media-source', trackIdentifier: 'v', frames: n * 30 },
  };
  for (const [id, change] of Object.entries(changes)) well[id] = { ...well[id], ...change };
  const wanted: TrackToFind[] = [CAMERA];
  return linkStatsOf(new Map(Object.entries(well)), wanted);
}

const WELL: DiagnosisReadings = {
  secure: true,
  state: 'connected',
  clockOffsetMs: 20,
  canPublish: true,
  canSubscribe: true,
  links: new Map([['PA_me', 'connected']]),
  before: new Map([['PA_1', report(1)]]),
  after: new Map([['PA_1', report(2)]]),
  sent: [
    { source: 'microphone', kind: 'audio', id: 'm', enabled: true, ended: false, silenced: false },
    { source: 'camera', kind: 'video', id: 'v', enabled: true, ended: false, silenced: false },
  ],
  pictures: [
    {
      participant: 'PA_1',
      track: 'TR_1',
      source: 'camera',
      muted: false,
      arrives: true,
      quality: null,
    },
  ],
  devices: [
    { source: 'microphone', permission: 'granted', present: true },
    { source: 'camera', permission: null, present: null },
  ],
  stopped: 0,
};

const found = (changes: Partial<DiagnosisReadings>): string[] =>
  diagnose({ ...WELL, ...changes }).map(({ code, severity }) => `${severity} ${code}`);
const measured = (changes: Entries, earlier: Entries = {}): string[] =>
  found({
    before: new Map([['PA_1', report(1, earlier)]]),
    after: new Map([['PA_1', report(2, changes)]]),
  });
const [microphone, camera] = WELL.sent;
const [picture] = WELL.pictures;

test('where all is well there is nothing to find', () => {
  expect(diagnose(WELL)).toEqual([]);
  // A browser that measures nothing is not ill.
  const nothing = new Map([['PA_1', linkStatsOf(new Map(), [])]]);
  expect(found({ before: nothing, after: nothing })).toEqual([]);
});

test('all that the page, the server and the token can have wrong, the worst first', () => {
  const findings = found({
    canPublish: false,
    canSubscribe: false,
    clockOffsetMs: -90_000,
    links: new Map([
      ['PA_me', 'failed'],
      ['PA_1', 'none'],
    ]),
    secure: false,
    state: 'reconnecting',
    stopped: 2,
  });
  expect(findings).toEqual([
    'error PAGE_INSECURE',
    'error SIGNALING_LOST',
    'error MEDIA_NOT_CONNECTED',
    'error PLAYBACK_STOPPED',
    'warning CLOCK_WRONG',
    'info MAY_NOT_PUBLISH',
    'info MAY_NOT_SUBSCRIBE',
  ]);
  expect(found({ state: 'closed' })).toEqual(['error ROOM_CLOSED']);
});

test('the network: relay, TCP, round trip, losses, both ways', () => {
  expect(measured({ l: { candidateType: 'relay', relayProtocol: 'tls' } })).toEqual([
    'warning MEDIA_OVER_TCP',
    'info MEDIA_OVER_RELAY',
  ]);
  expect(measured({ p: { currentRoundTripTime: 0.5 } })).toEqual(['warning ROUND_TRIP_LONG']);
  expect(measured({ p: { currentRoundTripTime: 2 } })).toEqual(['error ROUND_TRIP_LONG']);
  // 5 of 105, and of what was lost before nothing counts.
  expect(measured({ in: { packetsLost: 55 } }, { in: { packetsLost: 50 } })).toEqual([
    'warning LOSS_DOWN',
  ]);
  expect(measured({ in: { packetsLost: 50 } }, { in: { packetsLost: 50 } })).toEqual([]);
  expect(measured({ remote: { fractionLost: 0.2 } })).toEqual(['error LOSS_UP']);
  const narrow = {
    out: { qualityLimitationReason: 'bandwidth' },
    p: { availableOutgoingBitrate: 90_000 },
  };
  expect(measured(narrow)).toEqual(['warning UPLOAD_NARROW', 'warning ENCODER_BANDWIDTH']);
  expect(measured({ out: { qualityLimitationReason: 'cpu' } })).toEqual(['warning ENCODER_CPU']);
});

test('one report for everybody is looked at once', () => {
  const [before, after] = [report(1), report(2, { p: { currentRoundTripTime: 2 } })];
  const sids = ['PA_1', 'PA_2', 'PA_3'];
  expect(
    found({
      before: new Map(sids.map((sid) => [sid, before])),
      after: new Map(sids.map((sid) => [sid, after])),
    }),
  ).toEqual(['error ROUND_TRIP_LONG']);
});

test('devices: silent, without pictures, gone, denied, missing', () => {
  expect(measured({ mic: { totalAudioEnergy: 1 } })).toEqual(['warning MICROPHONE_SILENT']);
  expect(measured({ cam: { frames: 30 } })).toEqual(['warning CAMERA_WITHOUT_PICTURES']);
  const off = [
    { ...microphone!, enabled: false },
    { ...camera!, enabled: false },
  ];
  const stands = report(2, { mic: { totalAudioEnergy: 1 }, cam: { frames: 30 } });
  expect(found({ sent: off, after: new Map([['PA_1', stands]]) })).toEqual([]);
  const gone = [
    { ...microphone!, ended: true },
    { ...camera!, silenced: true },
  ];
  expect(found({ sent: gone })).toEqual(['error DEVICE_ENDED', 'warning DEVICE_SILENCED']);
  const devices: DiagnosisReadings['devices'] = [
    { source: 'microphone', permission: 'denied', present: false },
    { source: 'camera', permission: null, present: false },
  ];
  expect(found({ devices })).toEqual(['warning DEVICE_DENIED', 'warning DEVICE_MISSING']);
});

test('pictures of others: not received, not decoded, paused with the reason', () => {
  const still = { packetsReceived: 100, framesDecoded: 30 };
  expect(measured({ in: still })).toEqual(['warning PICTURE_NOT_RECEIVED']);
  expect(measured({ in: { framesDecoded: 30 } })).toEqual(['warning PICTURE_NOT_DECODED']);
  const after = new Map([['PA_1', report(2, { in: still })]]);
  const quiet = [
    { ...picture!, muted: true },
    { ...picture!, arrives: false },
    { ...picture!, source: 'screen' },
  ];
  expect(found({ pictures: quiet, after })).toEqual([]);
  const quality = { layer: -1, temporalLayer: -1, paused: true, reason: 'bandwidth' } as const;
  const paused = [
    { ...picture!, quality },
    { ...picture!, quality: { ...quality, reason: 'hidden' as const } },
  ];
  const findings = diagnose({ ...WELL, pictures: paused, after });
  expect(findings).toMatchObject([
    { code: 'PICTURE_PAUSED', severity: 'warning', reason: 'bandwidth', participant: 'PA_1' },
    { code: 'PICTURE_PAUSED', severity: 'info', reason: 'hidden' },
  ]);
});
