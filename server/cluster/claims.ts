// The rooms that this node has been given: a claim comes before its room and is given back after it.
// Called by: routes.ts, room-directory.ts (claims), cluster.ts (what becomes of them). Bounded by the rooms there are.

import { z } from 'zod';
import { roomMode } from '../../gateway/routes/rooms.ts';
import type { Clock } from '../../shared/clock.ts';
import { Coalesced } from '../../shared/coalesced.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { SignalingServer } from '../../signaling/index.ts';
import type { ClusterStore, Want } from './store.ts';

/** A claim whose join was refused after all makes no room. */
const UNUSED_MS = 2000;

/** Redis keeps for a day how a room was made; it is told again sooner. */
const DESCRIBE_EVERY_MS = 21_600_000;

interface Claim {
  epoch: number;
  readonly since: number;
  /** How its room was made, and when Redis was told. */
  info: string;
  describedAt: number;
}

/** How a room was made, as Redis keeps it. */
const roomInfo = z.object({
  maxParticipants: z.number().optional(),
  emptyTimeoutMs: z.number().optional(),
  meta: z.string().optional(),
  mode: roomMode.optional(),
});

/** Where a room is; `wait` milliseconds before asking again. */
export type Place =
  | 'here'
  | 'none'
  | { readonly wait: number }
  | { readonly node: string; readonly epoch: number };

export class Claims {
  readonly #store: ClusterStore;
  readonly #signaling: Pick<SignalingServer, 'rooms'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #claims = new Map<string, Claim>();
  /** Questions on their way, by room and what is wanted. */
  readonly #asked = new Coalesced();
  #takeovers = 0;

  constructor(
    store: ClusterStore,
    signaling: Pick<SignalingServer, 'rooms'>,
    clock: Clock,
    log: Logger,
  ) {
    this.#store = store;
    this.#signaling = signaling;
    this.#clock = clock;
    this.#log = log;
  }

  get size(): number {
    return this.#claims.size;
  }

  /** Rooms of dead nodes that went on here. */
  get takeovers(): number {
    return this.#takeovers;
  }

  has(room: string, epoch?: number): boolean {
    const claim = this.#claims.get(room);
    return claim !== undefined && (epoch === undefined || claim.epoch === epoch);
  }

  list(): [room: string, epoch: number][] {
    return [...this.#claims].map(([room, { epoch }]) => [room, epoch]);
  }

  /** Rejects while Redis is away. Who asks the same meanwhile shares the answer. */
  async place(room: string, want: Want): Promise<Place> {
    if (this.#claims.has(room)) return 'here';
    return this.#asked.once(`${want} ${room}`, () => this.#ask(room, want));
  }

  /** Keeps how a room of ours was made, for who takes it over. */
  describe(room: string, options: object): void {
    const claim = this.#claims.get(room);
    if (claim === undefined) return;
    claim.info = JSON.stringify(options);
    this.#describe(room, claim).catch((error: unknown) =>
      this.#log.warn('cluster.room.not_described', { room, err: error }),
    );
  }

  /** The room is over. */
  release(room: string): void {
    const claim = this.#claims.get(room);
    if (claim === undefined) return;
    this.#claims.delete(room);
    // What is not given back now is found by `tidy`.
    this.#store.release([[room, claim.epoch]], true).catch(() => {});
  }

  /** Another node has it. */
  lose(room: string): void {
    this.#claims.delete(room);
  }

  /** Gives back what no room was made for. */
  sweep(now: number): void {
    for (const [room, { since }] of this.#claims) {
      const isUsed = this.#signaling.rooms.get(room) !== undefined;
      if (!isUsed && now - since > UNUSED_MS) this.release(room);
    }
  }

  /** Gives back what Redis thinks is ours, and says anew how rooms of ours were made. */
  async tidy(): Promise<void> {
    const mine = await this.#store.tidy();
    // What was claimed just before is known by then.
    await new Promise((resolve) => setImmediate(resolve));
    const stray = mine.filter(([room, epoch]) => !this.has(room, epoch));
    await this.#store.release(stray, true);
    const now = this.#clock.monotonic();
    for (const [room, claim] of this.#claims) {
      if (claim.info === '' || now - claim.describedAt < DESCRIBE_EVERY_MS) continue;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.#describe(room, claim);
    }
  }

  /** All at once, for others to go on with. */
  async releaseAll(): Promise<void> {
    const all = this.list();
    this.#claims.clear();
    await this.#store.release(all, false);
  }

  async #describe(room: string, claim: Claim): Promise<void> {
    await this.#store.describe(room, claim.epoch, claim.info);
    claim.describedAt = this.#clock.monotonic();
  }

  async #ask(room: string, want: Want): Promise<Place> {
    const answer = await this.#store.claim(room, want);
    if (answer[0] === 'there') return { node: answer[1], epoch: answer[2] };
    if (answer[0] === 'wait') return { wait: answer[1] };
    if (answer[0] === 'none') return 'none';
    const [, epoch, info, isTakeover] = answer;
    const known = this.#claims.get(room);
    if (known !== undefined) {
      known.epoch = Math.max(known.epoch, epoch);
      return 'here';
    }
    const since = this.#clock.monotonic();
    this.#claims.set(room, { epoch, since, info, describedAt: -Infinity });
    if (isTakeover === 1) {
      this.#takeovers++;
      this.#log.info('cluster.room.taken_over', { room, epoch });
    }
    this.#restore(room, info);
    return 'here';
  }

  /** Makes the room as it was made at first. */
  #restore(room: string, info: string): void {
    if (info === '' || this.#signaling.rooms.get(room) !== undefined) return;
    try {
      const { maxParticipants, emptyTimeoutMs, meta, mode } = roomInfo.parse(JSON.parse(info));
      this.#signaling.rooms.create({
        name: room,
        ...(maxParticipants === undefined ? {} : { maxParticipants }),
        ...(emptyTimeoutMs === undefined ? {} : { emptyTimeoutMs }),
        ...(meta === undefined ? {} : { meta }),
        ...(mode === undefined ? {} : { mode }),
      });
    } catch (error) {
      // The join makes it with the defaults, or is refused for what is wrong.
      const level = error instanceof SternaError ? 'info' : 'warn';
      this.#log[level]('cluster.room.not_restored', { room, err: error });
    }
  }
}
