// How long a packet of Opus lasts, by its first bytes (RFC 6716 s3.1, s3.2). Called by: ogg-opus.ts.

/** Of a frame, at 48 kHz, by the four configurations of a mode and bandwidth: SILK, Hybrid, CELT. */
const SILK = [480, 960, 1920, 2880] as const;
const HYBRID = [480, 960] as const;
const CELT = [120, 240, 480, 960] as const;
const HYBRID_FROM = 12;
const CELT_FROM = 16;
/** RFC 6716 s3.2.5: 120 ms. */
const DURATION_MAX = 5760;

/** In samples at 48 kHz; 0 for what is no packet of Opus. */
export function opusDuration(packet: Uint8Array): number {
  const [toc, counts = 0] = packet;
  if (toc === undefined) return 0;
  const duration = frameDuration(toc >> 3) * frameCount(toc & 3, counts);
  return duration <= DURATION_MAX ? duration : 0;
}

function frameDuration(configuration: number): number {
  if (configuration >= CELT_FROM) return CELT[configuration & 3]!;
  return configuration >= HYBRID_FROM ? HYBRID[configuration & 1]! : SILK[configuration & 3]!;
}

function frameCount(code: number, counts: number): number {
  if (code === 3) return counts & 0x3f;
  return code === 0 ? 1 : 2;
}
