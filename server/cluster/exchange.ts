// What goes between this node and the others: messages of passages and visits, calls, beats. A node that is silent is
// asked after and, when it is dead or deaf, given up.
// Called by: cluster.ts with every message, and with the time.

import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { refusal } from '../../signaling/index.ts';
import type { SignalingServer } from '../../signaling/index.ts';
import { Calls } from './calls.ts';
import type { Claims } from './claims.ts';
import type { Envelope } from './envelope.ts';
import { Links } from './links.ts';
import type { LinkOptions } from './links.ts';
import type { Membership } from './membership.ts';
import { Passages, ROUTE_LOST } from './passages.ts';
import type { ClusterStore } from './store.ts';
import { Visits } from './visits.ts';

/** Silence of a node, in leases, after which it is asked whether it lives, and after which its way counts as lost. */
const SUSPECT_LEASES = 0.7;
const SILENT_LEASES = 1.5;
/** A join that was on its way for longer is none: its client has gone elsewhere by now. */
const JOIN_AGE_MS_MAX = 3000;
const FORGET_LINKS_MS = 600_000;

export const MOVED = refusal('ROOM_MOVED', 'The room goes on at another node');

export interface ExchangeOptions {
  readonly store: ClusterStore;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signaling: SignalingServer;
  readonly claims: Claims;
  readonly membership: Membership;
  readonly publish: LinkOptions['publish'];
}

export class Exchange {
  readonly links: Links;
  readonly passages: Passages;
  readonly visits: Visits;
  readonly calls: Calls;
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    const { store, clock, log, signaling, publish } = options;
    this.#options = options;
    this.links = new Links({
      node: store.node,
      publish,
      onBreak: (node) => this.#onBreak(node),
    });
    this.passages = new Passages(this.links, clock);
    this.visits = new Visits(this.links, clock, signaling);
    this.calls = new Calls(this.links, clock, log);
  }

  receive(message: string): void {
    const now = this.#options.clock.monotonic();
    const envelope = this.links.receive(message, now);
    if (envelope !== null) this.#handle(envelope, now);
  }

  /** Beats go where sessions lead to and come from. */
  watch(now: number, isBeat: boolean): void {
    const { leaseMs } = this.#options;
    const owners = new Set(this.passages.peers());
    for (const node of new Set([...owners, ...this.visits.peers()])) {
      if (isBeat) this.links.send(node, { k: 'beat' }, '', now);
      const silentMs = this.links.silentMs(node, now);
      if (silentMs > SILENT_LEASES * leaseMs) this.links.break(node);
      else if (silentMs > SUSPECT_LEASES * leaseMs && owners.has(node)) void this.#askAfter(node);
    }
    this.passages.acknowledge();
    this.links.prune(FORGET_LINKS_MS, now);
  }

  /** Its lease is over: its rooms go on where their participants come to. */
  died(node: string): void {
    this.passages.end(node, MOVED);
    this.#onBreak(node);
    this.links.forget(node);
  }

  async #askAfter(node: string): Promise<void> {
    const { store, log } = this.#options;
    // While Redis cannot say it, it may live.
    if (await store.lives(node).catch(() => true)) return;
    log.warn('cluster.node.lost', { node });
    this.died(node);
  }

  #onBreak(node: string): void {
    this.passages.end(node, ROUTE_LOST);
    this.visits.end(node);
    this.calls.end(node);
  }

  #handle({ from, content, text }: Envelope, now: number): void {
    switch (content.k) {
      case 'open':
        if (!this.#admits(content) || !this.visits.open(from, content.c, content.host, text)) {
          this.links.send(from, { k: 'no', c: content.c }, '', now);
        }
        return;
      case 'msg':
      case 'control':
        if (!this.#options.membership.serves() || !this.visits.receive(from, content, text)) {
          this.links.send(from, { k: 'no', c: content.c }, '', now);
        }
        return;
      case 'shut':
      case 'ack':
        this.visits.receive(from, content, text);
        return;
      case 'send':
      case 'in':
        if (!this.passages.receive(from, content, text)) {
          this.links.send(from, { k: 'shut', c: content.c }, '', now);
        }
        return;
      case 'close':
      case 'no':
        this.passages.receive(from, content, text);
        return;
      case 'call':
        return this.calls.onCall(from, content, text);
      case 'return':
        return this.calls.onReturn(from, content, text);
      case 'beat':
    }
  }

  /** Whether a join of another node may come in: to a room that is ours, by the claim that it has heard of. */
  #admits(open: { at: number; room?: string | undefined; epoch?: number | undefined }): boolean {
    const { membership, claims } = this.#options;
    const { at, room, epoch } = open;
    if (!membership.serves() || membership.redisTime - at > JOIN_AGE_MS_MAX) return false;
    if (room === undefined || claims.has(room, epoch)) return true;
    // The list says that it is ours, and we do not know: so it becomes ours, for the next attempt.
    claims.place(room, 'find').catch(() => {});
    return false;
  }
}
