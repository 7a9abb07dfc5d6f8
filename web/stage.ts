// The tiles of a meeting: who has one, which one is large, who speaks. Follows one Room from join to its end.

import type { LocalPublication, Participant, Publication, Room } from '../sdk/index.ts';
import { byId } from './dom.ts';
import { scrolledTileSize, spotlightLayout } from './grid.ts';
import { LayoutChoice } from './layout-choice.ts';
import { LeadSpeaker } from './lead-speaker.ts';
import { shownName } from './shown-text.ts';
import { Tile } from './tile.ts';
import type { RatesBySid, TrackRate } from './track-rates.ts';

/** As in stage.css. */
const GAP_PX = 8;
const NOTHING = { width: 0, height: 0 };
const SPEAKING_EVERY_MS = 150;
const SPEAKING_LEVEL = 0.02;

const ofPerson = ({ track }: TrackRate): boolean => track.source !== 'screen';
const sent = ({ track }: TrackRate): boolean => track.direction === 'sent';

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
  readonly #choice: LayoutChoice;
  readonly #lead = new LeadSpeaker();
  #pinned: Tile | null = null;
  readonly #observer = new ResizeObserver(() => this.#layOut());
  readonly #timer = setInterval(() => this.#showSpeaking(), SPEAKING_EVERY_MS);

  constructor(room: Room, signal: AbortSignal, onSilence: OnSilence) {
    this.#room = room;
    this.#onSilence = onSilence;
    this.#choice = new LayoutChoice(
      signal,
      () => this.#layOut(),
      () => this.#pinned && this.#togglePin(this.#pinned),
    );
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

  /** Sound comes out elsewhere. */
  useSpeaker(): void {
    for (const tile of this.#all()) tile.useSpeaker();
  }

  /** Numbers on every tile; null: none. */
  showStats(rates: RatesBySid | null): void {
    const all = [...(rates ?? [])].flatMap(([, tracks]) => tracks);
    this.#selfTile.showStats(all.filter((rate) => sent(rate) && ofPerson(rate)));
    for (const [sid, tile] of this.#tiles) {
      const ofOne = rates?.get(sid) ?? [];
      tile.showStats(ofOne.filter((rate) => !sent(rate) && ofPerson(rate)));
    }
    for (const [publication, tile] of this.#screens) {
      const isOurs = !('sid' in publication);
      const isIts = (rate: TrackRate): boolean =>
        !ofPerson(rate) && (isOurs ? sent(rate) : rate.track.sid === publication.sid);
      tile.showStats(all.filter(isIts));
    }
  }

  /** The session is another one: so are all connections. */
  forgetPaths(): void {
    for (const tile of this.#all()) tile.showPath(null);
  }

  /** The newest round trips. */
  async refreshPaths(): Promise<void> {
    // But in a mesh one connection carries everything, and our own tile shows it.
    const shown: Iterable<[string, Tile]> =
      this.#room.info.mode === 'p2p' ? this.#tiles : [[this.#room.self.sid, this.#selfTile]];
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
    this.#lead.forget(participant.sid);
    if (tile) this.#remove(tile);
    this.#syncScreens();
    this.#layOut();
  }

  #remove(tile: Tile): void {
    if (this.#pinned === tile) {
      this.#pinned = null;
      this.#choice.showPinned(null);
    }
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
    for (const participant of participants.values()) {
      for (const publication of participant.publications) {
        const { source, kind } = publication;
        if (source !== 'screen' || kind !== 'video') continue;
        tileFor(publication, false).updateScreen(
          shownName(participant),
          participant.sid,
          publication,
        );
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
    this.#choice.showPinned(this.#pinned?.label ?? null);
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
    const speaking = this.#speaking();
    for (const participant of [this.#room.self, ...this.#room.participants.values()]) {
      this.#tileOf(participant)?.showSpeaking(speaking.includes(participant.sid));
    }
    const others = speaking.filter((sid) => this.#tiles.has(sid));
    if (this.#lead.hear(others, performance.now())) this.#layOut();
  }

  /** Sids, the loudest first. */
  #speaking(): string[] {
    const { participants, self, info, activeSpeakers } = this.#room;
    if (info.mode !== 'p2p') return activeSpeakers.map(({ sid }) => sid);
    return [self, ...participants.values()]
      .map(({ sid }) => ({ sid, level: this.#room.audioLevel(sid) }))
      .filter(({ level }) => level > SPEAKING_LEVEL)
      .toSorted((a, b) => b.level - a.level)
      .map(({ sid }) => sid);
  }

  /** The tile that is large: that which was pinned, the newest screen of somebody, or who speaks. */
  #spotlight(): Tile | null {
    if (this.#pinned) return this.#pinned;
    const screens = [...this.#screens.values()];
    const screen = screens.findLast(({ element }) => element.dataset['self'] === 'false');
    if (screen || this.#choice.layout === 'grid') return screen ?? null;
    const [first] = this.#tiles.values();
    return this.#tiles.get(this.#lead.sid ?? '') ?? first ?? null;
  }

  #layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.#grid;
    const stage = { width, height };
    const spotlight = this.#spotlight();
    const count = this.count + this.#screens.size;
    for (const tile of this.#all()) tile.showSpotlight(tile === spotlight);
    const { others, large, small } = spotlight
      ? spotlightLayout(count, stage, GAP_PX)
      : { others: 'grid', large: NOTHING, small: scrolledTileSize(count, stage, GAP_PX) };
    this.#grid.dataset['layout'] = others;
    const { style } = this.#grid;
    style.setProperty('--tile-width', `${small.width}px`);
    style.setProperty('--tile-height', `${small.height}px`);
    style.setProperty('--large-width', `${large.width}px`);
    style.setProperty('--large-height', `${large.height}px`);
    style.setProperty('--others', String(Math.max(1, count - 1)));
  }

  #close(): void {
    clearInterval(this.#timer);
    this.#observer.disconnect();
    for (const tile of this.#all()) tile.remove();
    this.#tiles.clear();
    this.#screens.clear();
  }
}
