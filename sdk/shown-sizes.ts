// How large each picture is shown, told to the server: larger soon, smaller later, all that changes in one message.
// What the application prefers goes before what elements show. No DOM; owned by views.ts.

import { SIZE_LARGER_MS, SIZE_SMALLER_MS, SIZE_STEP_PX } from './limits.ts';
import type { Wish } from './subscriptions.ts';

/** In pixels of the screen. 0 x 0: it is not to be seen. */
export interface Size {
  readonly w: number;
  readonly h: number;
}

interface Picture {
  /** As the elements show it; null where the application has not said which do. */
  shown: Size | null;
  preferred: Size | null;
  /** Null before anything was told. */
  told: Size | null;
  /** When `wanted` is to be told; Infinity where it has been. */
  due: number;
}

/** As large as a message can say: no limit. */
const WHOLE: Size = { w: 16_384, h: 16_384 };

export class ShownSizes {
  readonly #tell: (wishes: ReadonlyMap<string, Wish>) => Promise<unknown>;
  readonly #pictures = new Map<string, Picture>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (wishes: ReadonlyMap<string, Wish>) => Promise<unknown>) {
    this.#tell = tell;
  }

  /** What elements show of a track. */
  show(track: string, size: Size): void {
    const picture = this.#picture(track);
    picture.shown = { w: step(size.w), h: step(size.h) };
    this.#schedule(picture);
  }

  /** What the application prefers instead; null: what elements show. Returns what the caller has to tell. */
  prefer(track: string, size: Size | null): Size {
    const picture = this.#picture(track);
    picture.preferred = size;
    picture.told = wanted(picture);
    picture.due = Infinity;
    return picture.told;
  }

  /** The track is gone. */
  forget(track: string): void {
    this.#pictures.delete(track);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#pictures.clear();
  }

  #picture(track: string): Picture {
    let picture = this.#pictures.get(track);
    if (!picture) {
      picture = { shown: null, preferred: null, told: null, due: Infinity };
      this.#pictures.set(track, picture);
    }
    return picture;
  }

  #schedule(picture: Picture): void {
    const { told } = picture;
    const { w, h } = wanted(picture);
    if (told?.w === w && told.h === h) picture.due = Infinity;
    else {
      const isLarger = told ? w > told.w || h > told.h : w + h > 0;
      const at = performance.now() + (isLarger ? SIZE_LARGER_MS : SIZE_SMALLER_MS);
      picture.due = Math.min(picture.due, at);
    }
    this.#wake();
  }

  #wake(): void {
    clearTimeout(this.#timer);
    const due = Math.min(...[...this.#pictures.values()].map((picture) => picture.due));
    if (due === Infinity) return;
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, due - performance.now()));
  }

  #flush(): void {
    const now = performance.now();
    const wishes = new Map<string, Wish>();
    for (const [track, picture] of this.#pictures) {
      // Timers may be early by less than this.
      if (picture.due > now + 1) continue;
      picture.due = Infinity;
      picture.told = wanted(picture);
      wishes.set(track, picture.told);
    }
    if (wishes.size > 0) this.#tell(wishes).catch(() => this.#tellApart(wishes));
    this.#wake();
  }

  /** One that is gone at the server has made it refuse the others. */
  #tellApart(wishes: ReadonlyMap<string, Wish>): void {
    if (wishes.size < 2) return;
    for (const [track, wish] of wishes) {
      if (this.#pictures.has(track)) this.#tell(new Map([[track, wish]])).catch(() => undefined);
    }
  }
}

function wanted({ preferred, shown }: Picture): Size {
  return preferred ?? shown ?? WHOLE;
}

/** A few pixels more or less are no news. */
function step(pixels: number): number {
  return Math.min(WHOLE.w, Math.ceil(pixels / SIZE_STEP_PX) * SIZE_STEP_PX);
}
