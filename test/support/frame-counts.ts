// Frames and freezes as browsers count them, read from getStats field by field.

import type { Page } from 'playwright-core';
import { z } from 'zod';

/** Of one video that comes. */
const incomingVideo = z.looseObject({
  type: z.literal('inbound-rtp'),
  kind: z.literal('video'),
  trackIdentifier: z.string().optional(),
  framesReceived: z.number().default(0),
  framesDecoded: z.number().default(0),
  packetsLost: z.number().default(0),
  /** Not every browser counts them. */
  freezeCount: z.number().default(0),
  /** Seconds. */
  totalFreezesDuration: z.number().default(0),
});

const outgoingVideo = z.looseObject({
  type: z.literal('outbound-rtp'),
  kind: z.literal('video'),
  mediaSourceId: z.string(),
  framesSent: z.number().default(0),
});

const mediaSource = z.looseObject({
  type: z.literal('media-source'),
  id: z.string(),
  trackIdentifier: z.string(),
});

/** The entries of getStats that are of that form. */
function pick<T>(schema: z.ZodType<T>, entries: readonly unknown[]): T[] {
  return entries.flatMap((entry) => {
    const parsed = schema.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
}

/** All entries of getStats about video that comes. */
export function incomingVideos(entries: readonly unknown[]): z.output<typeof incomingVideo>[] {
  return pick(incomingVideo, entries);
}

/** What one page counts of cameras: frames of its own that it sent, and of each other one, by sid. */
export interface FrameCounts {
  readonly sid: string;
  readonly sent: number;
  readonly received: ReadonlyMap<
    string,
    { readonly received: number; readonly freezes: number; readonly freezeMs: number }
  >;
}

/** Of a page with the SDK. */
export async function frameCounts(page: Page): Promise<FrameCounts> {
  const { sid, own, cameras, entries } = await page.evaluate(async () => {
    const pc = window.pcs.find(({ signalingState }) => signalingState !== 'closed');
    const report: unknown[] = [];
    (await pc?.getStats())?.forEach((entry: unknown) => report.push(entry));
    return {
      sid: window.room.self.sid,
      own: window.media.getVideoTracks()[0]?.id,
      cameras: [...window.room.participants.values()].map(
        (one) =>
          [one.sid, one.publications.find(({ source }) => source === 'camera')?.track?.id] as const,
      ),
      entries: report,
    };
  });
  const source = pick(mediaSource, entries).find(({ trackIdentifier }) => trackIdentifier === own);
  const sent = pick(outgoingVideo, entries).find(
    ({ mediaSourceId }) => mediaSourceId === source?.id,
  );
  const incoming = incomingVideos(entries);
  const received = cameras.flatMap(([from, track]) => {
    const entry = incoming.find(({ trackIdentifier }) => trackIdentifier === track);
    if (track === undefined || entry === undefined) return [];
    const { framesReceived, freezeCount, totalFreezesDuration } = entry;
    const freezeMs = totalFreezesDuration * 1000;
    return [[from, { received: framesReceived, freezes: freezeCount, freezeMs }] as const];
  });
  return { sid, sent: sent?.framesSent ?? 0, received: new Map(received) };
}
