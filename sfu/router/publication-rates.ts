// What a publication takes of a network, by operating point: encodings with their temporal layers, or the layers of one
// encoding. Called by: Slot, VideoShares. Allocates: nothing.

import type { Claim } from '../bandwidth/allocator.ts';
import { operatingPoint, SPATIAL_LAYERS_MAX } from '../rtp/packet-layers.ts';
import { type IncomingStream, NEVER } from './incoming-stream.ts';
import { ENCODINGS_MAX, LAYER_QUIET_MS, LOWEST_QUIET_MS } from './limits.ts';
import type { Publication } from './publication.ts';

/** What streams take that have just begun. */
const AUDIO_BPS = 40_000;
const ENCODING_BPS = [200_000, 500_000, 1_700_000] as const;

/** Tells a claim what each operating point takes, and how many sizes there are. */
export function measure(publication: Publication, claim: Claim, now: number): void {
  const { isSimulcast, section, selected } = publication;
  claim.sizes = isSimulcast ? section.rids.length : (selected?.layers?.sizes ?? 1);
  claim.bps.fill(0);
  claim.keyBits.fill(0);
  if (isSimulcast) measureEncodings(publication, claim, now);
  else measureLayers(selected, claim, now);
}

/** What that stream takes; a guess until it is known, 0 before it has begun. */
export function bpsOf(stream: IncomingStream | undefined, now: number): number {
  if (stream?.codec === undefined) return 0;
  const { rate, statistics, keyFrameAt } = stream;
  rate.look(statistics.bytes, statistics.packets, keyFrameAt, now);
  if (rate.bps > 0) return rate.bps;
  return stream.kind === 'audio' ? AUDIO_BPS : ENCODING_BPS[stream.encoding]!;
}

function measureEncodings(
  { encodings, resting }: Publication,
  { bps, keyBits }: Claim,
  now: number,
): void {
  let newest = NEVER;
  for (const stream of encodings) {
    if (stream !== undefined && stream.lastAt > newest) newest = stream.lastAt;
  }
  for (let i = 0; i < ENCODINGS_MAX; i++) {
    const stream = encodings[i];
    const quietMs = i === 0 ? LOWEST_QUIET_MS : LAYER_QUIET_MS;
    const isLive =
      stream !== undefined && resting.isHere(stream, now) && newest - stream.lastAt < quietMs;
    if (!isLive) continue;
    const { layers } = stream;
    const at = operatingPoint(i, 0);
    keyBits[i] = 8 * stream.keyFrameBytes.upTo(SPATIAL_LAYERS_MAX - 1);
    if (layers?.measure(layers.top, bps, at, stream.keyFrameAt, now) !== true)
      bps[at] = bpsOf(stream, now);
  }
}

function measureLayers(
  stream: IncomingStream | undefined,
  { bps, keyBits }: Claim,
  now: number,
): void {
  if (stream?.layers === undefined) {
    bps[0] = bpsOf(stream, now);
    return;
  }
  const { layers, keyFrameAt } = stream;
  for (let spatial = 0; spatial <= layers.top; spatial++) {
    const at = operatingPoint(spatial, 0);
    keyBits[spatial] = 8 * stream.keyFrameBytes.upTo(spatial);
    if (!layers.measure(spatial, bps, at, keyFrameAt, now)) bps[at] = ENCODING_BPS[spatial]!;
  }
}
