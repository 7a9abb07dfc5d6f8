// Where a room is, and how to do something to it from any node: here where it is here, else by a call to its node.
// Called by: the room API. Every method has a time limit.

import { SternaError } from '../../shared/errors.ts';
import type { Calls, Method, Outcome } from './calls.ts';
import type { Claims } from './claims.ts';
import type { Membership } from './membership.ts';
import type { ClusterStore } from './store.ts';

/** Before a room is asked for again, and how often. */
const AGAIN_MS = 200;
const ATTEMPTS = 15;

export type RoomPlace = 'here' | 'none' | { readonly node: string };

export interface RoomDirectoryOptions {
  readonly calls: Calls;
  readonly claims: Claims;
  readonly store: ClusterStore;
  readonly membership: Membership;
}

export class RoomDirectory {
  readonly #options: RoomDirectoryOptions;

  constructor(options: RoomDirectoryOptions) {
    this.#options = options;
  }

  /** What this node does when it, or another one, is asked to; `args` is JSON of anybody who may write to Redis. */
  answer(name: string, method: Method): void {
    this.#options.calls.answer(name, method);
  }

  /** Whether it is one of this node's. */
  has(room: string): boolean {
    return this.#options.membership.serves() && this.#options.claims.has(room);
  }

  /** Keeps how a room of ours was made, for who takes it over. */
  describe(room: string, options: object): void {
    this.#options.claims.describe(room, options);
  }

  /**
   * `make`: a room that nobody has becomes one of this node, which is `here` then, and empty.
   * @throws SternaError NODE_UNAVAILABLE
   */
  async find(room: string, make = false): Promise<RoomPlace> {
    const { claims, membership } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const want = make ? membership.want : 'find';
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      const place = membership.serves() ? await claims.place(room, want) : null;
      if (place === 'here' || place === 'none') return place;
      if (place !== null && 'node' in place) return place;
      // oxlint-disable-next-line no-await-in-loop -- waits
      await new Promise((resolve) => setTimeout(resolve, place?.wait ?? AGAIN_MS));
    }
    throw new SternaError('NODE_UNAVAILABLE', 'This node cannot reach the others');
  }

  /** Does it where the room is. @throws SternaError NODE_UNAVAILABLE */
  async at(room: string, name: string, args: unknown, make = false): Promise<Outcome> {
    const { calls } = this.#options;
    const place = await this.find(room, make);
    if (typeof place !== 'string') return calls.call(place.node, name, room, args);
    if (make && place === 'none') throw new SternaError('NODE_UNAVAILABLE', 'No rooms are made');
    return calls.local(name, room, args);
  }

  /** Does it at every node; those that do not answer are left out. Rejects while Redis is away. */
  async everywhere(name: string, args: unknown): Promise<Outcome[]> {
    const { calls, store } = this.#options;
    const nodes = await store.nodes();
    const outcomes = await Promise.allSettled(
      nodes.map(([node]) =>
        node === store.node ? calls.local(name, '', args) : calls.call(node, name, '', args),
      ),
    );
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  }
}
