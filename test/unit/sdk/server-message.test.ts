import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeServerMessage } from '../../../sdk/server-message.ts';

test.each([
  { type: 'ok', re: 3 },
  { type: 'pong', t: 1, srvT: 2 },
  { type: 'people', s: 1, upd: [], gone: [] },
  { type: 'signal', s: 2, from: 'a', candidate: null },
  { type: 'data', s: 3, from: 'a', direct: false, payload: 'AA==' },
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
  '{"type":"constructor"}',
  '{"type":"__proto__"}',
  '{"type":"weather","s":1}',
])('%s is not', (text) => {
  expect(decodeServerMessage(text)).toBeNull();
});

test('nothing throws, whatever arrives', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array(), fc.anything()), (data) => {
      const message = decodeServerMessage(data);
      expect(message === null || typeof message.type === 'string').toBe(true);
    }),
  );
});
