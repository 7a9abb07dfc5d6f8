// All rooms of this node as rows, those whose participants are in trouble first: what the media workers say of them,
// with the names that people know. The workers are asked once a second at most, however many look.
// Called by: overview-api.ts. Allocates: a row for each room.

import type { Overview, OverviewQuery, RoomRow, Troubles } from '../gateway/routes/overview.ts';
import type { Clock } from '../shared/clock.ts';
import { Coalesced } from '../shared/coalesced.ts';
import type { RoomSummary, TransportTrouble } from '../sfu/router/room-summary.ts';
import type { SignalingServer } from '../signaling/index.ts';

type Room = ReturnType<SignalingServer['rooms']['list']>[number];

/** How long what the workers say is good for. */
const FRESH_MS = 1000;
const TROUBLED_MAX = 5;

/** What was asked for, of one node: the first rows of all, up to the end of the page. */
export type RowsQuery = Pick<OverviewQuery, 'search'> & { readonly count: number };

/** Of one room, from all workers that have some of it. */
interface Health {
  readonly workers: number[];
  readonly summaries: RoomSummary[];
}

export interface RoomRowsParts {
  readonly node: string;
  readonly clock: Clock;
  readonly rooms: SignalingServer['rooms'];
  /** By worker; undefined of one that does not answer. */
  readonly summaries: () => Promise<readonly (readonly RoomSummary[] | undefined)[]>;
}

export class RoomRows {
  readonly #parts: RoomRowsParts;
  readonly #asked = new Coalesced();
  #health = new Map<string, Health>();
  #freshUntil = -Infinity;

  constructor(parts: RoomRowsParts) {
    this.#parts = parts;
  }

  async list({ search, count }: RowsQuery): Promise<Overview> {
    await this.#refresh();
    const all = this.#parts.rooms.list();
    const wanted = search.toLowerCase();
    const matched = wanted === '' ? all : all.filter((room) => isFound(room, wanted));
    const ranked = matched.map((room) => {
      const troubles = sumOf(this.#summaries(room));
      return { room, troubles, weight: weightOf(troubles) };
    });
    ranked.sort(
      (a, b) =>
        b.weight - a.weight || b.room.size - a.room.size || (a.room.name < b.room.name ? -1 : 1),
    );
    const everywhere = all.map((room) => sumOf(this.#summaries(room)));
    return {
      rooms: ranked.slice(0, count).map(({ room, troubles }) => this.#row(room, troubles)),
      total: all.length,
      matched: matched.length,
      troubles: sumOf(everywhere),
      troubledRooms: everywhere.filter((troubles) => weightOf(troubles) > 0).length,
    };
  }

  async #refresh(): Promise<void> {
    const { clock, summaries } = this.#parts;
    if (clock.monotonic() < this.#freshUntil) return;
    await this.#asked.once('rooms', async () => {
      const answers = await summaries();
      const health = new Map<string, Health>();
      for (const [worker, rooms = []] of answers.entries()) {
        for (const summary of rooms) {
          const known = health.get(summary.sid) ?? { workers: [], summaries: [] };
          known.workers.push(worker);
          known.summaries.push(summary);
          health.set(summary.sid, known);
        }
      }
      this.#health = health;
      this.#freshUntil = clock.monotonic() + FRESH_MS;
    });
  }

  #summaries({ sid }: Room): readonly RoomSummary[] {
    return this.#health.get(sid)?.summaries ?? [];
  }

  #row(room: Room, troubles: Troubles): RoomRow {
    const { sid, name, mode, route, createdAt, size } = room;
    const summaries = this.#summaries(room);
    const bitrate = (of: 'bitrateInBps' | 'bitrateOutBps'): number =>
      Math.round(summaries.reduce((all, one) => all + one[of], 0));
    return {
      sid,
      name,
      node: this.#parts.node,
      mode,
      route: mode === 'p2p' ? 'p2p' : route.via,
      createdAt,
      participants: size,
      away: awayIn(room),
      workers: this.#health.get(sid)?.workers ?? [],
      bitrateInBps: bitrate('bitrateInBps'),
      bitrateOutBps: bitrate('bitrateOutBps'),
      troubles,
      troubled: troubledOf(room, summaries),
    };
  }
}

/** Of the rows of several nodes, each in that order already. */
export function pageOfRows(lists: readonly Overview[], { limit, offset }: OverviewQuery): Overview {
  const rooms = lists.flatMap((list) => list.rooms);
  rooms.sort(
    (a, b) =>
      weightOf(b.troubles) - weightOf(a.troubles) ||
      b.participants - a.participants ||
      (a.name < b.name ? -1 : 1),
  );
  const count = (of: 'total' | 'matched' | 'troubledRooms'): number =>
    lists.reduce((all, list) => all + list[of], 0);
  return {
    rooms: rooms.slice(offset, offset + limit),
    total: count('total'),
    matched: count('matched'),
    troubles: sumOf(lists.map(({ troubles }) => troubles)),
    troubledRooms: count('troubledRooms'),
  };
}

/** By its name, or by who is in it. */
function isFound(room: Room, search: string): boolean {
  const has = (text: string): boolean => text.toLowerCase().includes(search);
  if (has(room.name)) return true;
  for (const { participant } of room.members()) {
    if (has(participant.identity) || has(participant.name)) return true;
  }
  return false;
}

function awayIn(room: Room): number {
  let count = 0;
  for (const { participant } of room.members()) if (participant.state === 'away') count++;
  return count;
}

function troubledOf(room: Room, summaries: readonly RoomSummary[]): RoomRow['troubled'] {
  const troubled = new Map<number, TransportTrouble>(
    summaries.flatMap((summary) => summary.troubled.map((one) => [one.id, one] as const)),
  );
  if (troubled.size === 0) return [];
  const found: RoomRow['troubled'][number][] = [];
  for (const { participant } of room.members()) {
    const one = troubled.get(room.media?.of(participant.sid)?.transport?.id ?? 0);
    if (one === undefined) continue;
    const { sid, identity, name } = participant;
    const { id: _id, ...trouble } = one;
    found.push({ sid, identity, name, ...trouble });
    if (found.length === TROUBLED_MAX) break;
  }
  return found;
}

function sumOf(all: readonly Troubles[]): Troubles {
  const sum = { disconnected: 0, lossy: 0, paused: 0, reduced: 0 };
  for (const { disconnected, lossy, paused, reduced } of all) {
    sum.disconnected += disconnected;
    sum.lossy += lossy;
    sum.paused += paused;
    sum.reduced += reduced;
  }
  return sum;
}

/** What is reduced is not broken: it stands behind all that is. */
function weightOf({ disconnected, lossy, paused, reduced }: Troubles): number {
  return 100 * disconnected + 30 * paused + 20 * lossy + reduced;
}
