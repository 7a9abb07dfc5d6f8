// The elements that show pictures of others: how large each is on the screen, and whether it is to be seen at all.
// Owned by room.ts; publications attach elements.

import { PIXEL_RATIO_MAX } from './limits.ts';
import { ShownSizes } from './shown-sizes.ts';
import type { Size } from './shown-sizes.ts';
import type { Wish } from './subscriptions.ts';

interface View {
  readonly track: string;
  /** In CSS pixels. */
  width: number;
  height: number;
  isVisible: boolean;
}

export class Views {
  readonly #sizes: ShownSizes;
  readonly #wish: (wishes: ReadonlyMap<string, Wish>) => Promise<void>;
  readonly #views = new Map<Element, View>();
  /** Null while there are none. */
  #observers: { size: ResizeObserver; sight: IntersectionObserver } | null = null;
  readonly #onChange = (): void => this.#tellAll();

  constructor(wish: (wishes: ReadonlyMap<string, Wish>) => Promise<void>) {
    this.#wish = wish;
    this.#sizes = new ShownSizes(wish);
  }

  /** An element shows one track at a time. */
  watch(track: string, element: Element): void {
    const before = this.#views.get(element);
    if (before?.track === track) return;
    if (before) this.unwatch(before.track, element);
    const { size, sight } = (this.#observers ??= this.#observe());
    this.#views.set(element, { track, width: 0, height: 0, isVisible: false });
    size.observe(element);
    sight.observe(element);
    element.addEventListener('enterpictureinpicture', this.#onChange);
    element.addEventListener('leavepictureinpicture', this.#onChange);
    this.#tell(track);
  }

  unwatch(track: string, element: Element): void {
    if (this.#views.get(element)?.track !== track) return;
    this.#drop(element);
    this.#tell(track);
  }

  /** The application says what it wants of a track; null: what elements show. */
  async prefer(track: string, size: Size | null, layer: number | null): Promise<void> {
    await this.#wish(new Map([[track, { ...this.#sizes.prefer(track, size), layer }]]));
  }

  /** The track is gone. */
  forget(track: string): void {
    this.#sizes.forget(track);
    for (const [element, view] of this.#views) if (view.track === track) this.#drop(element);
  }

  close(): void {
    for (const element of this.#views.keys()) this.#drop(element);
    this.#sizes.close();
    document.removeEventListener('visibilitychange', this.#onChange);
    this.#observers = null;
  }

  #observe(): { size: ResizeObserver; sight: IntersectionObserver } {
    document.addEventListener('visibilitychange', this.#onChange);
    return {
      size: new ResizeObserver((entries) => {
        for (const { target, contentRect } of entries) {
          const { width, height } = contentRect;
          this.#change(target, { width, height });
        }
      }),
      sight: new IntersectionObserver((entries) => {
        for (const { target, isIntersecting } of entries) {
          this.#change(target, { isVisible: isIntersecting });
        }
      }),
    };
  }

  #change(element: Element, change: Partial<View>): void {
    const view = this.#views.get(element);
    if (!view) return;
    Object.assign(view, change);
    this.#tell(view.track);
  }

  #drop(element: Element): void {
    this.#views.delete(element);
    this.#observers?.size.unobserve(element);
    this.#observers?.sight.unobserve(element);
    element.removeEventListener('enterpictureinpicture', this.#onChange);
    element.removeEventListener('leavepictureinpicture', this.#onChange);
  }

  #tellAll(): void {
    for (const track of new Set([...this.#views.values()].map((view) => view.track))) {
      this.#tell(track);
    }
  }

  #tell(track: string): void {
    const scale = Math.min(devicePixelRatio, PIXEL_RATIO_MAX);
    let w = 0;
    let h = 0;
    for (const [element, view] of this.#views) {
      if (view.track !== track || !isSeen(element, view)) continue;
      w = Math.max(w, view.width * scale);
      h = Math.max(h, view.height * scale);
    }
    this.#sizes.show(track, { w, h });
  }
}

/** Picture-in-picture is seen wherever the page is. */
function isSeen(element: Element, { isVisible }: View): boolean {
  const isOnPage = isVisible && document.visibilityState === 'visible';
  return isOnPage || document.pictureInPictureElement === element;
}
