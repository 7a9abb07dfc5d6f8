// The examples of docs/protocol.md for what the server says about media have the form of what it says.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRootFile } from '../../house/source-files.ts';
import { WANT_DEFAULT } from '../../../signaling/media/participant-media.ts';
import { Harness } from './harness.ts';
import { MediaClient } from './media-client.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections } from './small-offers.ts';

const text = readRootFile('docs/protocol.md');

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Names and kinds in place of values; of a list the kinds of its entries. */
function form(value: unknown): unknown {
  if (Array.isArray(value))
    return [...new Set(value.map((one) => JSON.stringify(form(one))))].toSorted();
  if (!isObject(value)) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, form(one)]));
}

function example(type: string): unknown {
  const found = new RegExp(`^### ${type}$.*?^\`\`\`json\\n(.*?)^\`\`\`$`, 'ms').exec(text);
  return JSON.parse(found?.[1] ?? '');
}

const plane = new RecordedPlane();
let server: Harness;
let ann: MediaClient;
let bob: MediaClient;
beforeAll(async () => {
  server = await Harness.start({}, { media: plane });
  bob = await MediaClient.join(server, 'bob', sections(['audio'], 1));
  ann = await MediaClient.join(server, 'ann', sections(['audio', 'video']));
});
afterAll(async () => server.stop());

test('bind, need, speakers, media', async () => {
  expect(form(await bob.client.next('bind'))).toEqual(form(example('bind')));
  expect(form(await bob.client.next('need'))).toEqual(form(example('need')));
  const open = plane.current.last('sfu.open');
  const { publication } = open.media.publications[0]!;
  const speakers = [{ publication, level: 0.5, active: true }];
  plane.emit({ type: 'sfu.speakers', room: open.room, speakers });
  expect(form(await bob.client.next('speakers'))).toEqual(form(example('speakers')));
  plane.emit({ type: 'sfu.state', id: open.id, state: 'closed', path: '', reason: 'ice-timeout' });
  expect(form(await ann.client.next('media'))).toEqual(form(example('media')));
});

test('answer', async () => {
  const answer = await bob.offer(sections(['audio'], 1, 2));
  expect(form(answer)).toEqual(form(example('answer')));
});

test('the numbers of slots without a wish', () => {
  const { audio, video } = WANT_DEFAULT;
  expect(text).toContain(`${audio} and ${video} when it does not say`);
});
