import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeServerMessage } from '../../../sdk/server-message.ts';

test.each([
  { type: 'ok', re: 3 },
  { type: 'pong', t: 1, srvT: 2 },
  { type: 'people', s: 1, upd: [], gone: [] },
  { type: 'signal', s: 2, from: 'a', candidate: null },
  { type: 'data', s: 3, from: 'a', direct: false, payload: 'AA==' },
  {
    type: 'answer',
    re: 4,
    id: 1,
    sdp: 'v=0',
    tracks: [],
    bind: [],
    need: { audio: 0, video: 0 },
  },
  { type: 'bind', s: 4, map: [{ mid: '3', track: null, participant: null }] },
  { type: 'need', s: 5, audio: 2, video: 4 },
  { type: 'layers', s: 6, track: 't', wanted: { q: true, f: false } },
  { type: 'subs', s: 6, subs: [{ track: 't', state: 'live', layer: 0, reason: 'best' }] },
  { type: 'media', s: 6, state: 'lost', reason: '' },
  { type: 'speakers', speakers: [{ sid: 'a', level: 0.5, active: true }] },
  { type: 'bye', code: 4503, reason: 'DRAINING', message: '', action: 'rejoin' },
])('$type is taken', (message) => {
  expect(decodeServerMessage(JSON.stringify(message))).toEqual(message);
});

test('unknown fields do no harm', () => {
  expect(decodeServerMessage('{"type":"ok","re":1,"new":true}')).toMatchObject({ re: 1 });
});

test.each([
  '',
  'null',
  '[]',
  '{',
  '{"type":"ok"}',
  '{"type":"signal","s":"1","from":"a"}',
  '{"type":"joined","s":1,"session":null}',
  '{"type":"answer","re":1,"id":1,"tracks":[],"bind":[],"need":{}}',
  '{"type":"answer","re":1,"id":1,"sdp":"v=0","tracks":{},"bind":[],"need":{}}',
  '{"type":"bind","s":1,"map":null}',
  '{"type":"need","s":1,"audio":"2","video":4}',
  '{"type":"subs","s":1}',
  '{"type":"layers","s":1,"track":"t","wanted":null}',
  '{"type":"constructor"}',
  '{"type":"__proto__"}',
  '{"type":"weather","s":1}',
])('%s is not', (text) => {
  expect(decodeServerMessage(text)).toBeNull();
});

test('an answer inside of joined is looked at as well', () => {
  const joined = {
    type: 'joined',
    re: 1,
    s: 1,
    session: {},
    room: {},
    self: {},
    ice: {},
    ping: {},
    limits: {},
    participants: [],
  };
  const taken = (answer: unknown): boolean =>
    decodeServerMessage(JSON.stringify({ ...joined, answer })) !== null;
  expect(taken(undefined)).toBe(true);
  expect(taken({ id: 1, sdp: 'v=0', tracks: [], bind: [], need: {} })).toBe(true);
  expect(taken({ id: 1, sdp: 'v=0', tracks: [], bind: null, need: {} })).toBe(false);
});

test('nothing throws, whatever arrives', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array(), fc.anything()), (data) => {
      const message = decodeServerMessage(data);
      expect(message === null || typeof message.type === 'string').toBe(true);
    }),
  );
});
