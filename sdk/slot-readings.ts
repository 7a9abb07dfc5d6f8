// What slots that show something are asked: their statistics, and how loud they are. Called by: sfu-media.ts.

import type { TrackToFind } from './link-stats.ts';
import type { Filled } from './slot-table.ts';

/** Receivers by `mid`. */
type Receivers = ReadonlyMap<string, RTCRtpReceiver>;

/** By participant, those without any as well. */
export function tracksIn(
  slots: Iterable<Filled>,
  receivers: Receivers,
  participants: Iterable<string>,
): Map<string, TrackToFind[]> {
  const tracks = new Map<string, TrackToFind[]>([...participants].map((sid) => [sid, []]));
  for (const { mid, participant, info } of slots) {
    const id = receivers.get(mid)?.track.id ?? '';
    const { sid, source } = info;
    tracks.get(participant)?.push({ sid, source, direction: 'received', mid, id });
  }
  return tracks;
}

/** 0 to 1, of the newest audio packets of a participant; 0 in silence. */
export function loudnessOf(slots: Iterable<Filled>, receivers: Receivers, sid: string): number {
  let level = 0;
  for (const { mid, participant, info } of slots) {
    if (participant !== sid || info.kind !== 'audio') continue;
    for (const source of receivers.get(mid)?.getSynchronizationSources() ?? []) {
      level = Math.max(level, source.audioLevel ?? 0);
    }
  }
  return level;
}

/** What that track comes with. */
export function receiverOf(
  slots: Iterable<Filled>,
  receivers: Receivers,
  track: string,
): RTCRtpReceiver | undefined {
  return receivers.get([...slots].find(({ info }) => info.sid === track)?.mid ?? '');
}
