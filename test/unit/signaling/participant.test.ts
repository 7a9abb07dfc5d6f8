import { beforeEach, describe, expect, test } from 'vitest';
import { Participant } from '../../../signaling/participant.ts';
import { LIMITS } from '../../../signaling/protocol.ts';

const perm = {
  canPublish: true,
  canSubscribe: true,
  canPublishData: true,
  roomAdmin: false,
  hidden: false,
};

let ann: Participant;

beforeEach(() => {
  ann = new Participant({ sid: 'PA_1', identity: 'ann', name: 'Ann', joinedAt: 5, perm });
});

describe('patch', () => {
  test('merges, deletes with null, keeps what is not named', () => {
    expect(ann.patch({ attrs: { a: '1', b: '2' }, meta: 'm' })).toBeNull();
    expect(ann.patch({ attrs: { a: null, b: '3', c: '', gone: null } })).toBeNull();
    expect(ann.info()).toMatchObject({ attrs: { b: '3', c: '' }, meta: 'm' });
  });

  test('the version rises with each', () => {
    const before = ann.info().v;
    ann.patch({ meta: 'x' });
    ann.patch({ attrs: {} });
    expect(ann.info().v).toBe(before + 2);
  });

  test('bounds are bytes of UTF-8 over all of it, and a refused patch changes nothing', () => {
    ann.patch({ attrs: { a: 'x'.repeat(LIMITS.attrsBytes - 4) }, meta: 'm' });
    const before = ann.info();
    for (const patch of [
      { attrs: { bb: 'éé' } },
      { attrs: { b: 'x' }, meta: 'é'.repeat(LIMITS.metaBytes / 2 + 1) },
      { attrs: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`${i}`, ''])) },
    ]) {
      expect(ann.patch(patch)).toMatchObject({ reason: 'TOO_LARGE' });
    }
    expect(ann.info()).toEqual(before);
    expect(ann.patch({ attrs: { b: 'é' } })).toBeNull();
  });

  test('what is over the bound may be replaced by something smaller', () => {
    ann.patch({ attrs: { a: 'x'.repeat(LIMITS.attrsBytes - 1) } });
    expect(ann.patch({ attrs: { a: null, b: 'y'.repeat(LIMITS.attrsBytes - 1) } })).toBeNull();
  });

  test('names out of a prototype are names like others', () => {
    ann.patch({ attrs: { constructor: 'x', toString: 'y' } });
    expect(JSON.parse(ann.json)).toMatchObject({ attrs: { constructor: 'x', toString: 'y' } });
  });
});

describe('json', () => {
  test('is info, and follows every change', () => {
    expect(JSON.parse(ann.json)).toEqual(ann.info());
    ann.setState('away');
    expect(JSON.parse(ann.json)).toEqual(ann.info());
    ann.patch({ meta: '\u2028"\ud800' });
    expect(JSON.parse(ann.json)).toEqual(ann.info());
  });

  test('is made once per version', () => {
    ann.patch({ attrs: { a: 'b' } });
    expect(ann.setState('active')).toBe(false);
    expect(ann.info().v).toBe(2);
    expect(ann.setState('away')).toBe(true);
    expect(ann.info()).toMatchObject({ v: 3, state: 'away' });
  });
});
