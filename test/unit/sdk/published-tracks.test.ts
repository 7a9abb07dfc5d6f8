import { expect, test } from 'vitest';
import type { LocalPublication } from '../../../sdk/local-publication.ts';
import { PublishedTracks } from '../../../sdk/published-tracks.ts';
import type { TrackInfo } from '../../../signaling/protocol.ts';

/** Node has no tracks; what is looked at is whether they are switched on. */
function publicationOf(): LocalPublication {
  const track: unknown = { enabled: true, readyState: 'live' };
  const stream: unknown = {};
  return {
    kind: 'audio',
    source: 'microphone',
    name: undefined,
    track: track as MediaStreamTrack,
    stream: stream as MediaStream,
    owned: false,
  };
}

/** A publication in section 0 that has been answered; requests are answered when the test says so. */
function setUp() {
  const asked: [string, boolean][] = [];
  const answers: (() => void)[] = [];
  const tracks = new PublishedTracks((sid, muted) => {
    asked.push([sid, muted]);
    return new Promise((resolve) => answers.push(resolve));
  });
  const publication = publicationOf();
  const offer = (muted = !publication.track.enabled): void =>
    tracks.offered(new Map([[publication, { mid: '0', source: 'microphone', muted }]]));
  offer();
  tracks.answered([{ mid: '0', sid: 'TR_1' }]);
  const answerAll = async (): Promise<void> => {
    for (const answer of answers.splice(0)) answer();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { tracks, publication, asked, offer, answerAll };
}

const info = (muted: boolean): TrackInfo => ({
  sid: 'TR_1',
  kind: 'audio',
  source: 'microphone',
  name: '',
  muted,
});

test('a change is told once, and only a change', () => {
  const { tracks, publication, asked } = setUp();
  tracks.sync([publication]);
  publication.track.enabled = false;
  tracks.sync([publication]);
  tracks.sync([publication]);
  publication.track.enabled = true;
  tracks.sync([publication]);
  expect(asked).toEqual([
    ['TR_1', true],
    ['TR_1', false],
  ]);
});

test('what changed while the offer was on its way is told after the answer', () => {
  const { tracks, publication, asked } = setUp();
  tracks.forget();
  tracks.offered(new Map([[publication, { mid: '0', source: 'microphone', muted: false }]]));
  publication.track.enabled = false;
  tracks.sync([publication]);
  expect(asked).toEqual([]);
  tracks.answered([{ mid: '0', sid: 'TR_2' }]);
  tracks.sync([publication]);
  expect(asked).toEqual([['TR_2', true]]);
  expect(tracks.sidOf(publication)).toBe('TR_2');
});

test('what an offer says needs no request', () => {
  const { tracks, publication, asked, offer } = setUp();
  publication.track.enabled = false;
  offer();
  tracks.answered([{ mid: '0', sid: 'TR_1' }]);
  tracks.sync([publication]);
  expect(asked).toEqual([]);
});

test('muted by others is muted here; unmuted by others is not', () => {
  const { tracks, publication, asked } = setUp();
  tracks.onSelf([info(true)]);
  expect(publication.track.enabled).toBe(false);
  tracks.sync([publication]);
  tracks.onSelf([info(false)]);
  expect(publication.track.enabled).toBe(false);
  expect(asked).toEqual([]);
  publication.track.enabled = true;
  tracks.sync([publication]);
  expect(asked).toEqual([['TR_1', false]]);
});

test('news from before our own request changes nothing', async () => {
  const { tracks, publication, answerAll } = setUp();
  publication.track.enabled = false;
  tracks.sync([publication]);
  await answerAll();
  publication.track.enabled = true;
  tracks.sync([publication]);
  tracks.onSelf([info(true)]);
  expect(publication.track.enabled).toBe(true);
  await answerAll();
  tracks.onSelf([info(true)]);
  expect(publication.track.enabled).toBe(false);
});

test('what is not offered any more is forgotten', () => {
  const { tracks, publication, asked } = setUp();
  tracks.offered(new Map());
  tracks.answered([]);
  publication.track.enabled = false;
  tracks.sync([publication]);
  expect(asked).toEqual([]);
  expect(tracks.sidOf(publication)).toBeUndefined();
});

test('a device that is gone counts as muted', () => {
  const { tracks, publication, asked } = setUp();
  Object.assign(publication.track, { readyState: 'ended' });
  tracks.sync([publication]);
  expect(asked).toEqual([['TR_1', true]]);
});

test('what is being taken back is left alone, though its device is closed', () => {
  const { tracks, publication, asked } = setUp();
  Object.assign(publication.track, { readyState: 'ended' });
  tracks.sync([]);
  expect(asked).toEqual([]);
});

test('which encodings are wanted is kept by sid, whenever the sid is known', () => {
  const { tracks, publication } = setUp();
  tracks.want('TR_1', { q: true, f: false });
  tracks.want('TR_x', { q: false });
  expect([...tracks.wanted()]).toEqual([[publication, { q: true, f: false }]]);
  tracks.wantAllBut([{ track: 'TR_x', wanted: { q: false } }]);
  expect([...tracks.wanted()]).toEqual([[publication, {}]]);
  tracks.forget();
  expect([...tracks.wanted()]).toEqual([]);
});
