// Counts frames on their way from camera to screen, so that one that was lost is told from one that came late.
// Cameras of `SdkPage.films` rest at both ends of a watch: when nothing is on its way, a frame that was sent and not
// received is missing for good, however busy the machine is. A freeze that the browser counts may be the machine's:
// it is printed.

import { expect } from 'vitest';
import { frameCounts } from './frame-counts.ts';
import { kernelDrops } from './kernel-drops.ts';
import type { SdkPage } from './sdk-page.ts';

const LOOK_MS = 100;
/** So many looks in a row that say the same: nothing is on its way, and nothing asked for again either. */
const QUIET_LOOKS = 8;
const REST_WITHIN_MS = 20_000;
/** Frames that a way carries before its freezes count: the first one after the rest is late by nature. */
const FLOW_FRAMES = 10;

/** From one page's camera to another page. */
interface Way {
  readonly name: string;
  readonly sent: number;
  readonly received: number;
  readonly freezes: number;
  readonly freezeMs: number;
}

export interface Watched {
  readonly frames: number;
  readonly freezes: number;
  /**
   * By way, frames that were sent and never came; below zero those that came twice. Empty where the kernel had no room
   * for datagrams meanwhile: the machine was too busy for a verdict.
   */
  readonly missing: Readonly<Record<string, number>>;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_MS));

async function waysAmong(pages: ReadonlyMap<string, SdkPage>): Promise<Way[]> {
  const names = [...pages.keys()];
  const counts = await Promise.all([...pages.values()].map(({ page }) => frameCounts(page)));
  return counts.flatMap((publisher, i) =>
    counts.flatMap((subscriber, j): Way[] => {
      const received = subscriber.received.get(publisher.sid);
      if (i === j || received === undefined) return [];
      return [{ name: `${names[i]} to ${names[j]}`, sent: publisher.sent, ...received }];
    }),
  );
}

const film = (pages: ReadonlyMap<string, SdkPage>, on: boolean): Promise<unknown> =>
  Promise.all([...pages.values()].map((page) => page.film(on)));

/** Cameras rest; resolves when nothing is on its way. */
async function rest(pages: ReadonlyMap<string, SdkPage>): Promise<Way[]> {
  await film(pages, false);
  const until = Date.now() + REST_WITHIN_MS;
  let ways = await waysAmong(pages);
  for (let quiet = 0; quiet < QUIET_LOOKS && Date.now() < until;) {
    await pause();
    const next = await waysAmong(pages);
    quiet = JSON.stringify(next) === JSON.stringify(ways) ? quiet + 1 : 0;
    ways = next;
  }
  return ways;
}

export class FrameWatch {
  readonly #pages: ReadonlyMap<string, SdkPage>;
  readonly #resting: readonly Way[];
  readonly #flowing: readonly Way[];
  readonly #kernelDrops = kernelDrops();

  private constructor(
    pages: ReadonlyMap<string, SdkPage>,
    resting: readonly Way[],
    flowing: readonly Way[],
  ) {
    this.#pages = pages;
    this.#resting = resting;
    this.#flowing = flowing;
  }

  /** All ways among these pages, of whom each is in the room and films. */
  static async begin(pages: Readonly<Record<string, SdkPage>>): Promise<FrameWatch> {
    const all = new Map(Object.entries(pages));
    const resting = await rest(all);
    if (resting.length !== all.size * (all.size - 1)) throw new Error('not all see each other');
    await film(all, true);
    let flowing = resting;
    const before = new Map(resting.map(({ name, received }) => [name, received]));
    do {
      await pause();
      flowing = await waysAmong(all);
    } while (flowing.some((way) => way.received < before.get(way.name)! + FLOW_FRAMES));
    return new FrameWatch(all, resting, flowing);
  }

  /** Prints what was counted since the beginning. */
  async end(): Promise<Watched> {
    const last = await waysAmong(this.#pages);
    const rested = await rest(this.#pages);
    await film(this.#pages, true);
    const missing: Record<string, number> = {};
    const sum = { frames: 0, freezes: 0, freezeMs: 0 };
    for (const [i, { name, sent, received }] of rested.entries()) {
      const [first, flowing, end] = [this.#resting[i]!, this.#flowing[i]!, last[i]!];
      const lost = sent - first.sent - (received - first.received);
      if (lost !== 0) missing[name] = lost;
      sum.frames += received - first.received;
      sum.freezes += end.freezes - flowing.freezes;
      sum.freezeMs += Math.round(end.freezeMs - flowing.freezeMs);
    }
    if (sum.frames === 0) throw new Error('nobody has filmed');
    const dropped = kernelDrops() - this.#kernelDrops;
    const { currentTestName = '' } = expect.getState();
    process.stdout.write(
      `frames: ${currentTestName}: ${sum.frames} on ${rested.length} ways, missing ` +
        `${JSON.stringify(missing)}, ${sum.freezes} freezes of ${sum.freezeMs} ms; the kernel dropped ${dropped}\n`,
    );
    return { ...sum, missing: dropped === 0 ? missing : {} };
  }
}
