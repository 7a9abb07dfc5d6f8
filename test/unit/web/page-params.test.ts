import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { inventIdentity, inventRoom, readPageParams, roomLink } from '../../../web/page-params.ts';

const at = (rest: string): URL => new URL(`http://127.0.0.1:7880/${rest}`);

test('everything that an address can say', () => {
  expect(
    readPageParams(at('?room=r%201&name=Ada&autojoin=1&relay=1&slots=2&e2ee=1#token=a.b.c')),
  ).toEqual({
    room: 'r 1',
    name: 'Ada',
    autojoin: true,
    relay: true,
    slots: 2,
    encrypted: true,
    token: 'a.b.c',
  });
});

test('nothing said, and switches set to 0', () => {
  expect(readPageParams(at('?autojoin=0&relay='))).toEqual({
    room: '',
    name: '',
    autojoin: false,
    relay: false,
    slots: undefined,
    encrypted: false,
    token: '',
  });
});

test.each(['-1', '1e9', 'many', '100'])('%s slots are none', (slots) => {
  expect(readPageParams(at(`?slots=${slots}`)).slots).toBeUndefined();
});

test('a token in the query is not taken: it would have been sent to the server', () => {
  expect(readPageParams(at('?token=a.b.c')).token).toBe('');
});

test('the link to a room carries nothing else', () => {
  expect(roomLink(at('meet?name=Ada&relay=1#token=secret'), 'r & 1', false)).toBe(
    'http://127.0.0.1:7880/meet?room=r+%26+1',
  );
  expect(roomLink(at('meet'), 'r', true)).toBe('http://127.0.0.1:7880/meet?room=r&e2ee=1');
});

test('invented rooms are words and a number', () => {
  expect(inventRoom(() => 0)).toBe('amber-bay-100');
  expect(inventRoom(() => 0.999)).toBe('silver-tide-999');
});

test('identities are readable, plain and differ by their end', () => {
  expect(inventIdentity('Ada Lovelace', () => 0.5)).toBe('ada-lovelace-80000000');
  expect(inventIdentity('Zoë  Ångström!', () => 0)).toBe('zoe-angstrom-00000000');
  expect(inventIdentity('漢字', () => 0)).toBe('guest-00000000');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (name) => {
      expect(inventIdentity(name, () => 0.25)).toMatch(/^[a-z0-9][a-z0-9-]{0,31}-40000000$/);
    }),
  );
});
