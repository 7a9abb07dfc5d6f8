// Which way media of a room of mode `auto` takes: directly while exactly two are there, who see each other and whose
// clients can, and else through the server. Nobody else may be brought to show its addresses.
// Called by: Room, its owner; handlers with each signal. Time is an argument; allocates where the way changes.

import type { SignalingLimits } from './limits.ts';
import type { Participant } from './participant.ts';
import type { RouteInfo } from './protocol.ts';

/** A member of the room, as far as this goes. */
export interface RoutedMember {
  readonly participant: Participant;
  /** Its client can send media to another one, and take it. */
  readonly p2p?: boolean | undefined;
  push(body: Buffer): void;
}

interface Pair<M> {
  readonly link: number;
  readonly members: readonly [M, M];
}

export class DirectRoute<M extends RoutedMember> {
  readonly #members: ReadonlyMap<string, M>;
  readonly #limits: Pick<SignalingLimits, 'routeSettleMs' | 'routeGraceMs'>;
  /** Nothing of a participant may arrive before the news of it. */
  readonly #announce: (sid: string) => void;
  /** What was forbidden to them only the server can prevent. */
  readonly #held = new WeakSet<M>();
  #links = 0;
  #pair: Pair<M> | null = null;
  /** How many tracks of the other one are shown directly, by who says so. */
  readonly #shown = new Map<M, number>();
  /** Those who will be a pair if nothing changes until then. */
  #next: { readonly members: readonly [M, M]; readonly at: number } | null = null;
  /** The one before, whose two still have something to say to each other. By name: they may be gone for good. */
  #before: {
    readonly link: number;
    readonly sids: readonly string[];
    readonly until: number;
  } | null = null;

  constructor(
    members: ReadonlyMap<string, M>,
    limits: Pick<SignalingLimits, 'routeSettleMs' | 'routeGraceMs'>,
    announce: (sid: string) => void,
  ) {
    this.#members = members;
    this.#limits = limits;
    this.#announce = announce;
  }

  get via(): RouteInfo['via'] {
    return this.#pair === null ? 'sfu' : 'p2p';
  }

  /** What a participant is told. */
  of(sid: string): RouteInfo {
    const pair = this.#pair;
    const other = pair?.members.find(({ participant }) => participant.sid !== sid);
    const isOfPair = pair?.members.some(({ participant }) => participant.sid === sid) ?? false;
    if (!pair || !other || !isOfPair) return { via: 'sfu' };
    return { via: 'p2p', link: pair.link, with: other.participant.sid };
  }

  /** Somebody came or went, or the mode is another one: `on` in `auto`. The way back to the server is taken at once. */
  update(on: boolean, now: number): void {
    const members = on ? this.#candidates() : null;
    if (this.#pair !== null && !same(this.#pair.members, members)) this.#end(this.#pair, now);
    if (members === null || this.#pair !== null) this.#next = null;
    else if (!same(this.#next?.members, members)) {
      this.#next = { members, at: now + this.#limits.routeSettleMs };
    }
  }

  /** Nobody has come or gone for a while: so who comes and goes makes no work for the others. */
  settle(now: number): void {
    if (this.#next === null || now < this.#next.at) return;
    const { members } = this.#next;
    this.#next = null;
    this.#pair = { link: ++this.#links, members };
    for (const { participant } of members) this.#announce(participant.sid);
    for (const member of members) push(member, this.of(member.participant.sid));
  }

  /** The connection of that one is lost for good: if there was a way, there will be another one. */
  renew(member: M, on: boolean, now: number): void {
    if (this.#pair?.members.includes(member) === true) this.#end(this.#pair, now);
    this.update(on, now);
  }

  /** From now on the server has to see what that one sends. */
  hold(member: M, on: boolean, now: number): void {
    this.#held.add(member);
    this.update(on, now);
  }

  /** Whether they may exchange descriptions and candidates of that link. */
  admits(from: string, to: string, link: number | undefined, now: number): boolean {
    const pair = this.#pair;
    if (pair !== null && pair.link === link)
      return [from, to].every((sid) => sidsOf(pair).includes(sid));
    const before = this.#before;
    if (before === null || before.link !== link || now >= before.until) return false;
    return [from, to].every((sid) => before.sids.includes(sid));
  }

  /** A participant says how many tracks it shows directly. */
  shows(sid: string, count: number): void {
    const member = this.#pair?.members.find(({ participant }) => participant.sid === sid);
    if (member !== undefined) this.#shown.set(member, count);
  }

  shownBy(member: M): number {
    return this.#shown.get(member) ?? 0;
  }

  #candidates(): readonly [M, M] | null {
    if (this.#members.size !== 2) return null;
    const [one, other] = [...this.#members.values()];
    if (one === undefined || other === undefined) return null;
    return this.#may(one) && this.#may(other) ? [one, other] : null;
  }

  #may(member: M): boolean {
    return member.p2p === true && !member.participant.perm.hidden && !this.#held.has(member);
  }

  #end(pair: Pair<M>, now: number): void {
    this.#pair = null;
    this.#shown.clear();
    const until = now + this.#limits.routeGraceMs;
    this.#before = { link: pair.link, sids: sidsOf(pair), until };
    for (const member of pair.members) {
      if (this.#members.get(member.participant.sid) === member) push(member, { via: 'sfu' });
    }
  }
}

function same<M>(a: readonly [M, M] | undefined, b: readonly [M, M] | null): boolean {
  return a !== undefined && b !== null && a[0] === b[0] && a[1] === b[1];
}

function sidsOf<M extends RoutedMember>({ members }: Pair<M>): string[] {
  return members.map(({ participant }) => participant.sid);
}

function push(member: RoutedMember, route: RouteInfo): void {
  // What comes after `{"s":<number>,`.
  member.push(Buffer.from(JSON.stringify({ type: 'route', ...route }).slice(1)));
}
