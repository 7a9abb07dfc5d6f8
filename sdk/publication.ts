// A track that another participant publishes, whether or not it arrives at the moment. A live object: its
// participant keeps it up to date.

import type { Subscription, TrackInfo } from '../signaling/protocol.ts';
import { Published } from './published.ts';
import type { Views } from './views.ts';

/** How well a track is sent to us that its publisher sends in several sizes. */
export interface Quality {
  /** From 0 for the smallest size; -1 while it is paused. */
  readonly layer: number;
  /** The highest temporal layer of it, from 0 for the fewest frames; -1 while it is paused. */
  readonly temporalLayer: number;
  /** Nothing is sent; the last picture stays. */
  readonly paused: boolean;
  /**
   * Why it is no better. `best`: there is no better one; `bandwidth`: our network does not carry more; `limit`: we want
   * none larger; `publisher`: nothing better is sent. And why it is paused: `bandwidth`; `publisher`: its network is
   * away; `hidden`: nobody sees it here; `muted`: by its publisher; `permission`: we may not receive any more.
   */
  readonly reason: Subscription['reason'];
}

/** What the application wants of a picture, whatever elements show. */
export interface Preference {
  /** As if it were shown so large, in pixels of the screen. */
  readonly width?: number;
  readonly height?: number;
  /** That size, from 0 for the smallest: the server does not adapt it to our network, which may carry less. */
  readonly layer?: number;
}

/** Lines of each; the best of a camera is `high`. */
const LINES = { low: 180, medium: 360, high: 16_384 } as const;

export class Publication extends Published {
  /**
   * The track while it arrives, and nothing else: fit for `srcObject` of its own element. It stays the same object
   * whatever comes and goes.
   */
  readonly stream: MediaStream;
  #track: MediaStreamTrack | null = null;
  #quality: Quality | null = null;
  readonly #elements = new Set<HTMLMediaElement>();
  readonly #views: Views | undefined;

  constructor(info: TrackInfo, stream: MediaStream, views: Views | undefined) {
    super(info);
    this.stream = stream;
    this.#views = views;
  }

  /** Null while the server sends another track in its place, or none. */
  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** Null where there is one size alone, and before the server has said it. */
  get quality(): Quality | null {
    return this.#quality;
  }

  /** Those that it is attached to. */
  get elements(): HTMLMediaElement[] {
    return [...this.#elements];
  }

  /**
   * The element shows or plays it: no larger size is sent than the largest element that is to be seen has, and nothing
   * while none is. An element without `srcObject` is given `stream`.
   */
  attach(element: HTMLMediaElement): void {
    element.srcObject ??= this.stream;
    this.#elements.add(element);
    if (this.kind === 'video') this.#views?.watch(this.sid, element);
  }

  /** From this element, or from all. */
  detach(element?: HTMLMediaElement): void {
    for (const one of element ? [element] : this.#elements) {
      this.#elements.delete(one);
      if (one.srcObject === this.stream) one.srcObject = null;
      this.#views?.unwatch(this.sid, one);
    }
  }

  /** Goes before what elements show, until it is null. Resolves when the server has taken it. */
  async prefer(preference: Preference | null): Promise<void> {
    const { width = 0, height = 0, layer = null } = preference ?? {};
    const isSize = width > 0 || height > 0;
    const size = isSize ? { w: width, h: height } : { w: LINES.high, h: LINES.high };
    await this.#views?.prefer(this.sid, preference && size, layer);
  }

  /** At most so good, whatever elements show; `auto`: as they do. What our network carries still counts. */
  async setQuality(quality: 'low' | 'medium' | 'high' | 'auto'): Promise<void> {
    await this.prefer(quality === 'auto' ? null : { height: LINES[quality] });
  }

  /** For media-events.ts. */
  noteQuality(quality: Quality): void {
    this.#quality = quality;
  }

  /** For participant.ts: it is not published any more. */
  close(): void {
    this.#elements.clear();
    this.#views?.forget(this.sid);
  }

  /** For participant.ts. */
  replaceTrack(track: MediaStreamTrack): void {
    this.stream.addTrack(track);
    if (this.#track) this.stream.removeTrack(this.#track);
    this.#track = track;
  }

  /** For participant.ts. */
  setTrack(track: MediaStreamTrack | null): void {
    if (this.#track) this.stream.removeTrack(this.#track);
    if (track) this.stream.addTrack(track);
    this.#quality = null;
    this.#track = track;
  }
}
