// Where a join goes: to a room of this node, to the node that has the room or the session, or nowhere in time. Whoever
// has died is waited for until its lease is over, so that no client has to know of it.
// Called by: cluster.ts for every join whose room is not here already. Bounded by the request's deadline.

import type { Clock } from '../../shared/clock.ts';
import { refusal } from '../../signaling/index.ts';
import type { JoinRequest, Route } from '../../signaling/index.ts';
import type { Claims } from './claims.ts';
import type { Membership } from './membership.ts';
import { ROUTE_LOST } from './passages.ts';
import type { Opened, Passages } from './passages.ts';
import type { ClusterStore } from './store.ts';

/** Before Redis, or a node, is asked again. */
const AGAIN_MS = 150;
/** An owner that has not answered by then may be dead. */
const ANSWER_MS = 400;
/** What a client is told to wait that could not be helped. */
const RETRY_MS = 500;

const SESSION_GONE = refusal('SESSION_GONE', 'The node that had the session is gone');

export interface RoutesOptions {
  readonly store: ClusterStore;
  readonly claims: Claims;
  readonly passages: Passages;
  readonly clock: Clock;
  readonly membership: Membership;
}

export class Routes {
  readonly #options: RoutesOptions;

  constructor(options: RoutesOptions) {
    this.#options = options;
  }

  async find(request: JoinRequest): Promise<Route> {
    const { clock } = this.#options;
    const { to, socket, deadline } = request;
    while (socket.open && clock.monotonic() < deadline) {
      const step = 'room' in to ? this.#toRoom(request, to.room) : this.#toNode(request, to.node);
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      const route = await step.catch(() => AGAIN_MS);
      if (typeof route !== 'number') return route;
      // oxlint-disable-next-line no-await-in-loop -- waits
      await new Promise((resolve) => setTimeout(resolve, route));
    }
    return { ...ROUTE_LOST, retryAfterMs: RETRY_MS };
  }

  /** A route, or the milliseconds to wait. */
  async #toRoom(request: JoinRequest, room: string): Promise<Route | number> {
    const { claims, membership } = this.#options;
    if (!membership.serves()) return AGAIN_MS;
    const place = await claims.place(room, membership.want);
    // `none` is for who claims nothing any more; the join is refused in the words for that.
    if (place === 'here' || place === 'none') return 'here';
    if ('wait' in place) return place.wait;
    const { node, epoch } = place;
    return this.#passTo(node, request, { room, epoch });
  }

  async #toNode(request: JoinRequest, node: string): Promise<Route | number> {
    const { store, membership } = this.#options;
    if (node === store.node) return membership.serves() ? 'here' : AGAIN_MS;
    // Of a node that somebody has made up nothing is kept.
    if (await store.lives(node)) return this.#passTo(node, request, {});
    // Where nobody could renew a lease, its node may be back in a moment.
    return membership.want === 'free' ? AGAIN_MS : SESSION_GONE;
  }

  async #passTo(
    node: string,
    request: JoinRequest,
    place: { room?: string; epoch?: number },
  ): Promise<Route | number> {
    const { passages, store, clock, membership } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    let isAnswered = false;
    const opened = await new Promise<Opened>((resolve) => {
      const attempt = passages.open(node, request, { at: membership.redisTime, ...place }, resolve);
      const look = async (): Promise<void> => {
        const isLate = clock.monotonic() >= request.deadline || !request.socket.open;
        // While Redis cannot say it, it may live.
        const lives = !isLate && (await store.lives(node).catch(() => true));
        if (isAnswered) return;
        if (lives) timer = setTimeout(() => void look(), AGAIN_MS);
        else attempt.giveUp();
      };
      timer = setTimeout(() => void look(), ANSWER_MS);
    });
    isAnswered = true;
    clearTimeout(timer);
    return typeof opened === 'string' ? AGAIN_MS : opened.passage;
  }
}
