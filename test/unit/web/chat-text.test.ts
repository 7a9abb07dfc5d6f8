import { expect, test } from 'vitest';
import { piecesOf } from '../../../web/chat-text.ts';

test('whole http and https addresses are links, without the sentence around them', () => {
  expect(piecesOf('see https://a.example/x?y=1, or (http://b.example/).')).toEqual([
    { text: 'see ' },
    { text: 'https://a.example/x?y=1', href: 'https://a.example/x?y=1' },
    { text: ', or (' },
    { text: 'http://b.example/', href: 'http://b.example/' },
    { text: ').' },
  ]);
});

test.each([
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'https://bank.example@evil.example/',
  'https://:x@evil.example/',
  'ftp://a.example/',
  'http://',
  'https://[nonsense',
])('%s is text', (text) => {
  expect(piecesOf(text)).toEqual([{ text }]);
});

test('an address ends where markup begins, and only the first twenty are links', () => {
  expect(piecesOf('https://a.example/"><img>')[0]).toEqual({
    text: 'https://a.example/',
    href: 'https://a.example/',
  });
  const many = piecesOf('https://a.example/ '.repeat(50));
  expect(many.filter(({ href }) => href !== undefined)).toHaveLength(20);
  expect(many.map(({ text }) => text).join('')).toBe('https://a.example/ '.repeat(50));
});
