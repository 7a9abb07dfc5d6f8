import { expect, test } from 'vitest';
import { linkStatsOf } from '../../../sdk/link-stats.ts';
import type { TrackToFind } from '../../../sdk/link-stats.ts';

type Entry = Record<string, unknown>;

const report = (...entries: Entry[]): Map<string, Entry> =>
  new Map(entries.map((entry) => [String(entry['id']), entry]));

const received = (sid: string, mid: string, more: Partial<TrackToFind> = {}): TrackToFind => ({
  sid,
  source: 'camera',
  direction: 'received',
  mid,
  id: `track-${mid}`,
  ...more,
});

test('tracks are found by their section, or by their name where reports have no sections', () => {
  const stats = linkStatsOf(
    report(
      { id: '1', type: 'inbound-rtp', kind: 'video', mid: '4', framesDecoded: 3 },
      { id: '2', type: 'inbound-rtp', kind: 'video', trackIdentifier: 'track-5', framesDecoded: 9 },
      { id: '3', type: 'inbound-rtp', kind: 'video', mid: '6', framesDecoded: 100 },
      { id: '4', type: 'outbound-rtp', kind: 'video', mediaSourceId: 'M', framesEncoded: 4 },
      { id: 'M', type: 'media-source', trackIdentifier: 'mine' },
    ),
    [
      received('TR_a', '4'),
      received('TR_b', '5'),
      received('TR_c', '0', { direction: 'sent', id: 'mine', source: 'screen' }),
    ],
  );
  expect(
    stats.tracks.map(({ sid, direction, source, frames }) => [sid, direction, source, frames]),
  ).toEqual([
    ['TR_a', 'received', 'camera', 3],
    ['TR_b', 'received', 'camera', 9],
    ['TR_c', 'sent', 'screen', 4],
  ]);
});

test('codec, jitter and losses are those of the track, and what the receiver says of what is sent', () => {
  const [of, sent] = linkStatsOf(
    report(
      { id: '1', type: 'inbound-rtp', kind: 'audio', mid: '1', codecId: 'C', jitter: 0.01234 },
      { id: 'C', type: 'codec', mimeType: 'audio/opus' },
      { id: '2', type: 'outbound-rtp', kind: 'audio', mid: '0', remoteId: 'R', bytesSent: 7 },
      { id: 'R', type: 'remote-inbound-rtp', packetsLost: 5, jitter: 0.002 },
    ),
    [received('TR_a', '1'), received('TR_b', '0', { direction: 'sent' })],
  ).tracks;
  expect(of).toMatchObject({ kind: 'audio', codec: 'opus', jitterMs: 12.3, packetsLost: 0 });
  expect(sent).toMatchObject({ codec: '', jitterMs: 2, packetsLost: 5, bytes: 7 });
});

test('sums are by kind and direction', () => {
  const stats = linkStatsOf(
    report(
      {
        id: '1',
        type: 'inbound-rtp',
        kind: 'video',
        mid: '1',
        packetsReceived: 5,
        framesDecoded: 3,
      },
      {
        id: '2',
        type: 'inbound-rtp',
        kind: 'video',
        mid: '2',
        packetsReceived: 2,
        frameWidth: 640,
      },
      { id: '3', type: 'inbound-rtp', kind: 'audio', mid: '3', packetsReceived: 9, packetsLost: 1 },
      { id: '4', type: 'outbound-rtp', kind: 'video', mid: '4', bytesSent: 700, framesEncoded: 4 },
    ),
    [...['1', '2', '3'].map((mid) => received('', mid)), received('', '4', { direction: 'sent' })],
  );
  expect(stats.received.video).toMatchObject({ packets: 7, framesDecoded: 3, frameWidth: 640 });
  expect(stats.received.audio).toMatchObject({ packets: 9, packetsLost: 1 });
  expect(stats.sent).toEqual({
    audio: { packets: 0, bytes: 0, framesEncoded: 0 },
    video: { packets: 0, bytes: 700, framesEncoded: 4 },
  });
  expect(stats.path).toBeNull();
});
