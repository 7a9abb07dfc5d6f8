// The tiles of a meeting: who has one, which one is large, who speaks. Follows one Room from join to its end.

import type { LocalPublication, Participant, Publication, Room } from '../sdk/index.ts';
import { byId } from './dom.ts';
import { spotlightSizes, tileSize } from './grid.ts';
import { Tile } from './tile.ts';

const GAP_PX = 12;
const SPEAKING_EVERY_MS = 150;
const SPEAKING_LEVEL = 0.02;

/** Who holds up the sound until somebody clicks. */
export type OnSilence = () => void;

export class Stage {
  readonly #room: Room;
  readonly #onSilence: OnSilence;
  readonly #grid = byId('grid', HTMLElement);
  readonly #selfTile: Tile;
  /** Of the others, by sid. */
  readonly #tiles = new Map<string, Tile>();
  /** Of shared screens, by what is published. */
  readonly #screens = new Map<Publication | LocalPublication, Tile>();
  #pinned: Tile | null = null;
  readonly #observer = new ResizeObserver(() => this.#layOut());
  readonly #timer = setInterval(() => this.#showSpeaking(), SPEAKING_EVERY_MS);

  constructor(room: Room, signal: AbortSignal, onSilence: OnSilence) {
    this.#room = room;
    this.#onSilence = onSilence;
    this.#selfTile = this.#makeTile(true, false);
    this.#grid.replaceChildren(this.#selfTile.element);
    for (const participant of room.participants.values()) this.#add(participant);
    room.on('participantJoined', (participant) => this.#add(participant), { signal });
    room.on('participantLeft', ({ participant }) => this.#leave(participant), { signal });
    room.on('participantUpdated', (participant) => this.#update(participant), { signal });
    for (const event of ['trackAdded', 'trackRemoved'] as const) {
      room.on(event, ({ participant }) => this.#onTrack(participant), { signal });
    }
    room.on('path', ({ participant, path }) => this.#tileOf(participant)?.showPath(path), {
      signal,
    });
    room.on('quality', ({ participant }) => this.#update(participant), { signal });
    room.on('speakers', () => this.#showSpeaking(), { signal });
    this.#observer.observe(this.#grid);
    signal.addEventListener('abort', () => this.#close());
    this.refresh();
  }

  /** Participants, ourselves among them. */
  get count(): number {
    return this.#tiles.size + 1;
  }

  /** What is our own has changed. */
  refresh(): void {
    this.#selfTile.update(this.#room.self);
    this.#syncScreens();
    this.#layOut();
  }

  /** After the click that browsers want to see before they play sound. */
  playAll(): void {
    for (const tile of this.#all()) void tile.play();
  }

  /** The session is another one: so are all connections. */
  forgetPaths(): void {
    for (const tile of this.#all()) tile.showPath(null);
  }

  /** The newest round trips. */
  async refreshPaths(): Promise<void> {
    // In a room of mode sfu one connection carries everything, and our own tile shows it.
    const shown: Iterable<[string, Tile]> =
      this.#room.info.mode === 'sfu' ? [[this.#room.self.sid, this.#selfTile]] : this.#tiles;
    const refreshed = [...shown].map(async ([sid, tile]) => {
      const path = await this.#room.connectionPath(sid);
      if (path) tile.showPath(path);
    });
    await Promise.all(refreshed).catch(() => undefined);
  }

  *#all(): Iterable<Tile> {
    yield this.#selfTile;
    yield* this.#tiles.values();
    yield* this.#screens.values();
  }

  #makeTile(isSelf: boolean, isScreen: boolean): Tile {
    const tile: Tile = new Tile({ isSelf, isScreen, onPin: () => this.#togglePin(tile) });
    return tile;
  }

  #tileOf(participant: Participant): Tile | undefined {
    if (participant === this.#room.self) return this.#selfTile;
    return this.#tiles.get(participant.sid);
  }

  #add(participant: Participant): void {
    const tile = this.#makeTile(false, false);
    this.#tiles.set(participant.sid, tile);
    this.#grid.append(tile.element);
    this.#update(participant);
  }

  #leave(participant: Participant): void {
    const tile = this.#tiles.get(participant.sid);
    this.#tiles.delete(participant.sid);
    if (tile) this.#remove(tile);
    this.#syncScreens();
    this.#layOut();
  }

  #remove(tile: Tile): void {
    if (this.#pinned === tile) this.#pinned = null;
    tile.remove();
  }

  #update(participant: Participant): void {
    this.#tileOf(participant)?.update(participant);
    this.#syncScreens();
    this.#layOut();
  }

  #onTrack(participant: Participant): void {
    this.#update(participant);
    void this.#play();
  }

  async #play(): Promise<void> {
    const started = await Promise.all([...this.#all()].map((tile) => tile.play()));
    if (started.includes(false)) this.#onSilence();
  }

  /** A tile for each screen that is shared now. */
  #syncScreens(): void {
    const { local, participants } = this.#room;
    const shared = new Set<Publication | LocalPublication>();
    const tileFor = (publication: Publication | LocalPublication, isSelf: boolean): Tile => {
      shared.add(publication);
      const known = this.#screens.get(publication);
      if (known) return known;
      const tile = this.#makeTile(isSelf, true);
      this.#screens.set(publication, tile);
      this.#grid.append(tile.element);
      return tile;
    };
    for (const publication of local.publications) {
      if (publication.source !== 'screen') continue;
      tileFor(publication, true).updateScreen('', '', publication);
    }
    for (const { name, identity, sid, publications } of participants.values()) {
      for (const publication of publications) {
        const { source, kind } = publication;
        if (source !== 'screen' || kind !== 'video') continue;
        tileFor(publication, false).updateScreen(name || identity, sid, publication);
      }
    }
    for (const [publication, tile] of this.#screens) {
      if (shared.has(publication)) continue;
      this.#screens.delete(publication);
      this.#remove(tile);
    }
  }

  #togglePin(tile: Tile): void {
    const before = this.#pinned;
    this.#pinned = before === tile ? null : tile;
    for (const [changed, pin] of [
      [before, false],
      [this.#pinned, true],
    ] as const) {
      if (!changed) continue;
      changed.showPinned(pin);
      const wanted = this.#picturesOf(changed);
      if (wanted.length > 0) this.#room.subscribe(wanted, { pin }).catch(() => undefined);
    }
    this.#layOut();
  }

  /** What others publish that this tile shows. */
  #picturesOf(tile: Tile): Publication[] {
    return [...this.#room.participants.values()].flatMap((participant) =>
      participant.publications.filter((publication) =>
        publication.source === 'screen'
          ? this.#screens.get(publication) === tile
          : publication.kind === 'video' && this.#tiles.get(participant.sid) === tile,
      ),
    );
  }

  #showSpeaking(): void {
    const { participants, self, info, activeSpeakers } = this.#room;
    const speaks = ({ sid }: Participant): boolean =>
      info.mode === 'sfu'
        ? activeSpeakers.some((speaker) => speaker.sid === sid)
        : this.#room.audioLevel(sid) > SPEAKING_LEVEL;
    for (const participant of [self, ...participants.values()]) {
      this.#tileOf(participant)?.showSpeaking(speaks(participant));
    }
  }

  /** The tile that is large: the one that was pinned, or else the newest screen of somebody. */
  #spotlight(): Tile | null {
    if (this.#pinned) return this.#pinned;
    const screens = [...this.#screens.values()];
    return screens.findLast(({ element }) => element.dataset['self'] === 'false') ?? null;
  }

  #layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.#grid;
    const stage = { width, height };
    const spotlight = this.#spotlight();
    const count = this.count + this.#screens.size;
    for (const tile of this.#all()) tile.showSpotlight(tile === spotlight);
    this.#grid.dataset['layout'] = spotlight ? 'spotlight' : 'grid';
    const { large, small } = spotlight
      ? spotlightSizes(count, stage, GAP_PX)
      : { large: { width: 0, height: 0 }, small: tileSize(count, stage, GAP_PX) };
    const { style } = this.#grid;
    style.setProperty('--tile-width', `${small.width}px`);
    style.setProperty('--tile-height', `${small.height}px`);
    style.setProperty('--large-width', `${large.width}px`);
    style.setProperty('--large-height', `${large.height}px`);
  }

  #close(): void {
    clearInterval(this.#timer);
    this.#observer.disconnect();
    for (const tile of this.#all()) tile.remove();
    this.#tiles.clear();
    this.#screens.clear();
  }
}
