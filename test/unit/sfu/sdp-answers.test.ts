// The answers to what real clients offer, as files: a change of an answer is seen as a change of a file.

import { parse } from 'sdp-transform';
import { expect, it } from 'vitest';
import { answerTo, OFFER_FIXTURES } from '../../support/sdp.ts';
import { fixture } from '../../support/sdp.ts';

it('there are offers of six stacks', () => {
  const stacks = new Set(OFFER_FIXTURES.map((name) => name.split('-')[0]));
  expect([...stacks]).toEqual([
    'aiortc',
    'chromium',
    'firefox',
    'gstreamer',
    'libdatachannel',
    'whip',
  ]);
});

it.each(OFFER_FIXTURES)('%s is answered as the file says', async (name) => {
  const { text } = answerTo(fixture(name));
  await expect(text).toMatchFileSnapshot(`../../fixtures/sdp/answers/${name}.answer.sdp`);
});

it.each(OFFER_FIXTURES)('the answer to %s is read by sdp-transform without a rest', (name) => {
  const { text } = answerTo(fixture(name));
  const session = parse(text);
  expect([session, ...session.media].flatMap(({ invalid = [] }) => invalid)).toEqual([]);
  expect(text).toMatch(/^(?:[a-z]=[ -~]+\r\n)+$/);
});
