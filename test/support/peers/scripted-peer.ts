// A WHIP or WHEP client in a Python script beside this file, by what it tells in lines of JSON.

import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Child } from '../e2e/child.ts';

/** Debian's own: the packages of python3-gst-1.0 and python3-aiortc are for no other. */
const PYTHON = '/usr/bin/python3';
const POLL_MS = 20;
const WITHIN_MS = 30_000;

const line = z.looseObject({ event: z.string() });
type Line = z.output<typeof line>;

const answered = z.object({
  status: z.number(),
  links: z.array(z.string()),
  answer: z.string(),
});

const frames = z.object({
  kind: z.enum(['audio', 'video']),
  count: z.number(),
  width: z.number().optional(),
  height: z.number().optional(),
});

export type Codec = 'vp8' | 'vp9' | 'h264' | 'h265';

export interface Resource {
  url: string;
  bearer: string;
}

const running = new Set<ScriptedPeer>();

export class ScriptedPeer {
  readonly #child: Child;

  private constructor(script: string, args: readonly string[]) {
    const file = fileURLToPath(new URL(script, import.meta.url));
    this.#child = new Child(PYTHON, [file, ...args], { environment: { PYTHONUNBUFFERED: '1' } });
    running.add(this);
  }

  static gstPublish(to: Resource, codec: Codec, trickle = false): ScriptedPeer {
    const args = ['publish', to.url, to.bearer, codec, ...(trickle ? ['trickle'] : [])];
    return new ScriptedPeer('gst-peer.py', args);
  }

  static gstPlay(from: Resource, codec: Codec): ScriptedPeer {
    return new ScriptedPeer('gst-peer.py', ['play', from.url, from.bearer, codec]);
  }

  static aiortcPublish(to: Resource): ScriptedPeer {
    return new ScriptedPeer('aiortc-publish.py', [to.url, to.bearer]);
  }

  /** For `afterEach`: whatever is left of a test. */
  static async killAll(): Promise<void> {
    await Promise.all([...running].map((peer) => peer.#child.kill().catch(() => {})));
    running.clear();
  }

  get lines(): Line[] {
    return this.#child.output.split('\n').flatMap((text) => {
      if (!text.startsWith('{') || !text.endsWith('}')) return [];
      return [line.parse(JSON.parse(text))];
    });
  }

  /** The answer that it got; a refusal or an error of its own fails. */
  async answered(): Promise<z.output<typeof answered>> {
    return answered.parse(await this.#told(({ event }) => event === 'answered'));
  }

  async trickled(): Promise<Line> {
    return this.#told(({ event }) => event === 'trickled');
  }

  async connected(): Promise<void> {
    await this.#told(({ event, state }) => event === 'connection' && state === 'connected');
  }

  /** What it had decoded when there were at least so many. */
  async decoded(kind: 'audio' | 'video', count: number): Promise<z.output<typeof frames>> {
    const found = await this.#told((told) => {
      const parsed = frames.safeParse(told);
      return parsed.success && parsed.data.kind === kind && parsed.data.count >= count;
    });
    return frames.parse(found);
  }

  /** How many frames it has told of so far. */
  count(kind: 'audio' | 'video'): number {
    const counts = this.lines.flatMap((told) => {
      const parsed = frames.safeParse(told);
      return parsed.success && parsed.data.kind === kind ? [parsed.data.count] : [];
    });
    return Math.max(0, ...counts);
  }

  /** Lets it end by itself: the status of its DELETE. */
  async leave(): Promise<number> {
    this.#child.endInput();
    const { status } = await this.#told(({ event }) => event === 'deleted');
    await this.#child.exited;
    running.delete(this);
    return z.number().parse(status);
  }

  /** As if its machine had lost power. */
  async kill(): Promise<void> {
    running.delete(this);
    await this.#child.kill();
  }

  async #told(fits: (told: Line) => boolean): Promise<Line> {
    const until = Date.now() + WITHIN_MS;
    for (;;) {
      const found = this.lines.find(fits);
      if (found !== undefined) return found;
      const failed = this.lines.find(({ event }) => event === 'refused' || event === 'error');
      if (failed !== undefined || Date.now() > until) {
        throw new Error(`the peer did not get there\n${this.#child.output.slice(-8000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
