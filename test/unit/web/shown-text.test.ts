import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { shownName, shownText } from '../../../web/shown-text.ts';

test('what others call themselves is one short line', () => {
  expect(shownName({ name: 'Ada', identity: 'a' })).toBe('Ada');
  expect(shownName({ name: '', identity: 'ada-1' })).toBe('ada-1');
  expect(shownName({ name: '\u202E\u2066', identity: '\u200E' })).toBe('Somebody');
  expect(shownName({ name: 'Ada\n\tLovelace', identity: 'a' })).toBe('Ada  Lovelace');
  expect(shownName({ name: 'x'.repeat(5000), identity: 'a' })).toHaveLength(64);
});

test('marks that turn the direction of text are taken out, and piles of accents levelled', () => {
  expect(shownText('invoice\u202Efdp.exe', 100)).toBe('invoicefdp.exe');
  expect(shownText(`a${'\u0301'.repeat(40)}b`, 100)).toBe(`a${'\u0301'.repeat(4)}b`);
  expect(shownText('one\r\ntwo\u2028three', 100)).toBe('one\ntwo\nthree');
  expect(shownText('<img src=x onerror=alert(1)>', 100)).toBe('<img src=x onerror=alert(1)>');
});

test('the bound holds for anything, and halves no character at its end', () => {
  expect(shownText('ab😀', 3)).toBe('ab');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const shown = shownText(text, 50);
      expect(shown.length).toBeLessThanOrEqual(50);
      expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202A-\u202E]/u);
    }),
  );
});
