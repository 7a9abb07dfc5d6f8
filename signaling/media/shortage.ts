// What a client is told when no media worker can take it: before anything changes, and without waiting for a worker.
// Called by: joining, offers, the WHIP endpoint. Pure.

import type { MediaShortage } from '../media-plane.ts';
import { refusal } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';

const REFUSALS: Readonly<Record<MediaShortage, Refusal>> = {
  full: refusal(
    'MEDIA_UNAVAILABLE',
    'The media worker has its maximum of participants (sfu.maxTransports)',
    5000,
  ),
  // The next worker is started after a second.
  down: refusal('MEDIA_UNAVAILABLE', 'The media worker is being started again', 2000),
};

export function shortageRefusal(shortage: MediaShortage | null): Refusal | null {
  return shortage === null ? null : REFUSALS[shortage];
}
