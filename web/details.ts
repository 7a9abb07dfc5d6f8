// What is measured, each second while somebody looks: the tables in the settings, the numbers on the tiles, the paths.

import type { Room } from '../sdk/index.ts';
import { byId } from './dom.ts';
import type { Stage } from './stage.ts';
import { renderStats } from './stats-panel.ts';
import { remember, remembered } from './stored.ts';
import { renderTimeline } from './timeline-panel.ts';
import { TrackRates } from './track-rates.ts';

const EVERY_MS = 1_000;

export interface DetailsOptions {
  room: Room;
  stage: Stage;
  isOpen: () => boolean;
}

export class Details {
  readonly #options: DetailsOptions;
  readonly #rates = new TrackRates();
  readonly #onTiles = byId('show-tile-stats', HTMLInputElement);

  constructor(options: DetailsOptions, signal: AbortSignal) {
    this.#options = options;
    this.#onTiles.checked = remembered('tile-stats') === 'on';
    const onChange = (): void => {
      remember('tile-stats', this.#onTiles.checked ? 'on' : null);
      void this.refresh();
    };
    this.#onTiles.addEventListener('change', onChange, { signal });
    const timer = setInterval(() => void this.refresh(), EVERY_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
  }

  async refresh(): Promise<void> {
    const { room, stage, isOpen } = this.#options;
    const onTiles = this.#onTiles.checked;
    const inPanel = isOpen();
    if (inPanel) renderTimeline(byId('timeline', HTMLElement), room);
    try {
      const rates =
        inPanel || onTiles ? this.#rates.look(await room.stats(), performance.now()) : null;
      if (room.state === 'closed') return;
      if (rates && inPanel) renderStats(byId('stats', HTMLElement), room, rates);
      stage.showStats(onTiles ? rates : null);
      await stage.refreshPaths();
    } catch {
      // A connection that has just ended has no statistics; the next look may find more.
    }
  }
}
