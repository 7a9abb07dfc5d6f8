// Records a trace: a browser publishes for some seconds, is asked for key frames, mutes, takes its camera away, stops
// its senders and starts them again.

import type { CodecName } from '../../../sfu/sdp/codecs.ts';
import { BlankOrigin, type ScriptablePage } from '../peers/browser-peer.ts';
import { ownAddress } from '../peers/whip-meeting.ts';
import { PublisherPage, type PublishOptions } from './publisher-page.ts';
import { Recorder } from './recorder.ts';
import { RTCP, type Trace, type TraceEvent } from './trace.ts';

/** Between two things that are done. */
const STEP_MS = 600;
const PATIENCE_MS = 20_000;

export interface Recording extends Partial<PublishOptions> {
  /** Of video; then of audio, the most wanted first. */
  readonly codecs: readonly CodecName[];
}

const PUBLISHED: PublishOptions = {
  rids: [],
  audio: true,
  width: 320,
  height: 240,
  frameRate: 15,
  maxBitrate: 300_000,
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function recordTrace(
  browser: { open(url: string): Promise<ScriptablePage> },
  { codecs, ...options }: Recording,
): Promise<Trace> {
  // Firefox has no candidates on loopback.
  const recorder = await Recorder.open(ownAddress());
  const origin = await BlankOrigin.start();
  try {
    const page = new PublisherPage(await browser.open(origin.url));
    await page.accept(recorder.answer(await page.offer({ ...PUBLISHED, ...options }), codecs));
    const streams = Math.max(1, options.rids?.length ?? 0);
    await until(() => ssrcsOf(recorder).length >= streams);
    await perform(page, recorder);
    // Whatever has been sent has come, and the browser has counted it.
    await page.activate(false);
    await pause(STEP_MS / 2);
    const { sections, events, packets } = recorder;
    const [senders, version] = [await page.accounts(), await page.browser()];
    await page.close();
    return { browser: version, sections, events, senders, packets };
  } finally {
    await origin.close();
    await recorder.close();
  }
}

async function perform(page: PublisherPage, recorder: Recorder): Promise<void> {
  const steps: readonly (readonly [TraceEvent['what'], () => Promise<void>])[] = [
    ['mute', () => page.enable(false)],
    ['unmute', () => page.enable(true)],
    ['replace', () => page.replace(false)],
    ['restore', () => page.replace(true)],
    ['stop', () => page.activate(false)],
    ['start', () => page.activate(true)],
  ];
  await pause(STEP_MS);
  recorder.requestKeyFrames(ssrcsOf(recorder));
  for (const [what, act] of steps) {
    await pause(STEP_MS);
    recorder.note(what);
    await act();
  }
  await pause(STEP_MS);
  recorder.requestKeyFrames(ssrcsOf(recorder));
  await pause(STEP_MS);
}

/** Of video that is not retransmitted, as heard so far. */
function ssrcsOf({ packets, sections }: Recorder): number[] {
  const types = new Set(
    sections.flatMap(({ kind, codecs }) =>
      kind === 'video' ? codecs.map(({ payloadType }) => payloadType) : [],
    ),
  );
  const ssrcs = packets.flatMap(({ kind, bytes }) =>
    kind !== RTCP && types.has(bytes[1]! & 0x7f) ? [bytes.readUInt32BE(8)] : [],
  );
  return [...new Set(ssrcs)];
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('not all that was negotiated comes');
    await pause(10);
  }
}
