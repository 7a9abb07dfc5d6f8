import { expect, test } from 'vitest';
import { checkIfMatch } from '../../../signaling/whip/if-match.ts';

const status = (ifMatch: string | undefined): number | undefined =>
  checkIfMatch(ifMatch, '"abc"')?.status;

test('the entity-tag of the session goes on, alone or in a list', () => {
  for (const given of ['"abc"', ' "abc" ', '"x", "abc"', '"abc","x"', 'W/"x", "abc"']) {
    expect(status(given)).toBeUndefined();
  }
});

test('any session: with the asterisk, also in quotes', () => {
  for (const given of ['*', ' * ', '"*"']) expect(status(given)).toBeUndefined();
});

test('another one, a weak one and one without quotes do not match', () => {
  for (const given of ['"ab"', '"abcd"', 'W/"abc"', 'abc', '"x", "y"', '**', ',']) {
    expect(status(given)).toBe(412);
  }
});

test('none is asked for', () => {
  for (const given of [undefined, '', ' ']) expect(status(given)).toBe(428);
});
