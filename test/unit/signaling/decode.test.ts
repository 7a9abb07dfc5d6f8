import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode } from '../../../signaling/decode.ts';
import { containing } from './matchers.ts';

const decodeText = (text: string, max = 1000) => decode(Buffer.from(text), false, max);
const decodeJson = (value: unknown, max = 1000) => decodeText(JSON.stringify(value), max);

const outcome = (data: Buffer, isBinary = false): string[] =>
  Object.keys(decode(data, isBinary, 1000).result);

describe('decode', () => {
  test('a message that fits its schema comes out, unknown fields left out', () => {
    expect(decodeJson({ type: 'ping', t: 5, later: true })).toEqual({
      i: undefined,
      result: { message: { type: 'ping', t: 5 } },
    });
    expect(decodeJson({ type: 'signal', i: 3, to: 'PA_x', candidate: null })).toEqual({
      i: 3,
      result: { message: { type: 'signal', i: 3, to: 'PA_x', candidate: null } },
    });
  });

  test.each<[string, unknown, number | undefined, string]>([
    ['an array', [1], undefined, 'Expected a JSON object'],
    ['null', null, undefined, 'Expected a JSON object'],
    ['a string', 'join', undefined, 'Expected a JSON object'],
    [
      'no type',
      { i: 4 },
      4,
      'type: expected one of join, offer, mute, subscribe, mod, simulate, signal, attrs, data, ping, leave, got no',
    ],
    ['an unknown type', { type: 'kick', i: 4 }, 4, 'got "kick"'],
    ['a type from the prototype', { type: 'constructor', i: 4 }, 4, 'got "constructor"'],
    ['a missing field', { type: 'signal', i: 4 }, 4, 'to: '],
    [
      'a field of another type',
      { type: 'signal', i: 4, to: 7 },
      4,
      'to: Invalid input: expected string',
    ],
    ['no id', { type: 'attrs' }, undefined, 'i: Invalid input: expected number'],
    ['id 0', { type: 'attrs', i: 0 }, undefined, 'i: '],
    ['half an id', { type: 'attrs', i: 1.5 }, undefined, 'i: '],
    ['an unsafe id', { type: 'attrs', i: 2 ** 60 }, undefined, 'i: '],
    [
      'a nested field',
      { type: 'join', i: 1, session: { id: 'a', secret: 'b', lastSeq: -1 } },
      1,
      'session.lastSeq: ',
    ],
    ['no base64', { type: 'data', i: 1, payload: '***' }, 1, 'payload: Invalid base64'],
    ['a made-up name', { type: 'attrs', i: 1, attrs: { 'x\n': 5 } }, 1, 'attrs."x\\n": '],
  ])('refuses %s as BAD_MESSAGE and says what is wrong', (_, value, i, message) => {
    const decoded = decodeJson(value);
    expect(decoded.i).toBe(i);
    const refused = 'refused' in decoded.result ? decoded.result.refused : null;
    expect(refused?.reason).toBe('BAD_MESSAGE');
    expect(refused?.message).toContain(message);
  });

  test('what is not JSON, and binary frames, are BAD_MESSAGE', () => {
    expect(decodeText('{')).toMatchObject({ result: { refused: { reason: 'BAD_MESSAGE' } } });
    expect(decodeText('')).toMatchObject({ result: { refused: { reason: 'BAD_MESSAGE' } } });
    expect(decode(Buffer.from('{"type":"ping","t":1}'), true, 1000)).toMatchObject({
      result: { refused: { reason: 'BAD_MESSAGE', message: containing('binary') } },
    });
  });

  test('more bytes than allowed are TOO_LARGE, and the id is still read', () => {
    const message = { type: 'attrs', i: 9, meta: 'é'.repeat(20) };
    expect(decodeJson(message, 60)).toMatchObject({
      i: 9,
      result: { refused: { reason: 'TOO_LARGE', message: containing('at most 60') } },
    });
  });

  test('a string over its bound is TOO_LARGE, a number over its bound BAD_MESSAGE', () => {
    const long = { type: 'leave', reason: 'x'.repeat(300) };
    expect(decodeJson(long)).toMatchObject({ result: { refused: { reason: 'TOO_LARGE' } } });
    const index = {
      type: 'signal',
      i: 1,
      to: 'a',
      candidate: { candidate: '', sdpMLineIndex: 1e6 },
    };
    expect(decodeJson(index)).toMatchObject({ result: { refused: { reason: 'BAD_MESSAGE' } } });
  });

  test('an attribute called __proto__ reaches no prototype', () => {
    const decoded = decodeText('{"type":"attrs","i":1,"attrs":{"__proto__":"x","a":"b"}}');
    const message = 'message' in decoded.result ? decoded.result.message : null;
    expect(message).toMatchObject({ attrs: { a: 'b' } });
    expect(Object.getPrototypeOf(message?.type === 'attrs' ? message.attrs : null)).toBe(
      Object.prototype,
    );
    expect('x' in {}).toBe(false);
  });

  test('deep nesting is refused like any other junk', () => {
    const deep = `{"type":"attrs","i":1,"attrs":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    expect(decodeText(deep, 100_000)).toMatchObject({
      result: { refused: { reason: 'BAD_MESSAGE' } },
    });
  });

  test('gives a message or a refusal for any bytes and any JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isBinary) => {
        expect(outcome(Buffer.from(bytes), isBinary)).toEqual(['refused']);
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        for (const message of [
          { type: 'signal', i: 1, to: value, description: value, candidate: value },
          { type: 'join', i: value, session: value, attrs: value, caps: value },
          { type: 'attrs', i: 1, attrs: value, meta: value },
        ]) {
          expect(outcome(Buffer.from(JSON.stringify(message)))).toHaveLength(1);
        }
      }),
    );
  });
});
