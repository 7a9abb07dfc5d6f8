// One direction of a bad network: what is lost, and when what is not comes out again. A bottleneck of some rate with
// a queue in front of it, then delay and jitter; packets keep their order. Sans-I/O: keeps copies, and tells when they
// are due.
// Called by: Impairment. Allocates: a copy and an entry for each packet that it keeps.

import { TransportAddress } from '../../shared/net/transport-address.ts';
import type { NetworkConditions } from '../control.ts';
import { DROP_IMPAIRED_LOSS, DROP_IMPAIRED_MEMORY, DROP_IMPAIRED_QUEUE } from './drop-reason.ts';
import { ImpairChance } from './impair-chance.ts';
import {
  IMPAIRED_BYTES_MAX,
  IMPAIRED_LINK_BYTES_MAX,
  IMPAIRED_LINK_PACKETS_MAX,
  IMPAIRED_QUEUE_MS,
} from './limits.ts';

/** What all links of a worker keep together. */
export interface ImpairedMemory {
  bytes: number;
}

/** The packet is kept; it comes out again by `takeDue`. */
export const LINK_KEPT = -1;
/** The packet is to go on now. */
export const LINK_PASSES = -2;

export class HeldPacket {
  readonly socket: number;
  readonly peer: TransportAddress;
  readonly bytes: Uint8Array;
  readonly dueAt: number;
  next: HeldPacket | undefined = undefined;

  constructor(socket: number, peer: TransportAddress, bytes: Uint8Array, dueAt: number) {
    this.socket = socket;
    this.peer = peer.copy();
    this.bytes = bytes;
    this.dueAt = dueAt;
  }
}

export class ImpairedLink {
  /** When it is as it was before. */
  readonly until: number;
  readonly #chance: ImpairChance;
  readonly #memory: ImpairedMemory;
  readonly #conditions: { readonly [K in keyof NetworkConditions]-?: number };
  /** How likely a loss is behind a packet that went through, and behind one that was lost. */
  readonly #lossAfterNone: number;
  readonly #lossAfterLoss: number;
  #hasLost = false;
  /** When the bottleneck has sent all that it has taken. */
  #idleAt = -Infinity;
  #lastDueAt = -Infinity;
  #first: HeldPacket | undefined = undefined;
  #last: HeldPacket | undefined = undefined;
  #packets = 0;
  #bytes = 0;

  constructor(conditions: NetworkConditions, seed: number, memory: ImpairedMemory, until: number) {
    const { loss = 0, burst = 1, delayMs = 0, jitterMs = 0, rateBps = 0 } = conditions;
    const { queueMs = IMPAIRED_QUEUE_MS } = conditions;
    this.#conditions = { loss, burst, delayMs, jitterMs, rateBps, queueMs };
    this.#chance = new ImpairChance(seed);
    this.#memory = memory;
    this.until = until;
    // Gilbert's model: bursts end with a chance of one in their mean length, and begin so often that the share is met.
    // Where more is lost than arrives, bursts are longer than asked for: they follow each other at once.
    const length = Math.max(burst, loss / (1 - loss));
    this.#lossAfterLoss = burst === 1 || loss === 1 ? loss : 1 - 1 / length;
    this.#lossAfterNone = burst === 1 || loss === 1 ? loss : loss / (1 - loss) / length;
  }

  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When `takeDue` has something; Infinity when it never will. */
  get nextDueAt(): number {
    return this.#first?.dueAt ?? Infinity;
  }

  /** Copies what it keeps. Returns LINK_KEPT, LINK_PASSES, or why the packet is lost, as in drop-reason.ts. */
  offer(
    socket: number,
    peer: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): number {
    if (this.#loses()) return DROP_IMPAIRED_LOSS;
    const { delayMs, jitterMs, rateBps, queueMs } = this.#conditions;
    const startsAt = Math.max(now, this.#idleAt);
    if (rateBps > 0 && startsAt - now > queueMs) return DROP_IMPAIRED_QUEUE;
    const sentAt = rateBps > 0 ? startsAt + (length * 8000) / rateBps : now;
    const jitter = jitterMs > 0 ? jitterMs * this.#chance.next() : 0;
    const dueAt = Math.max(sentAt + delayMs + jitter, this.#lastDueAt);
    if (dueAt <= now && this.#first === undefined) return LINK_PASSES;
    if (!this.#hasRoom(length)) return DROP_IMPAIRED_MEMORY;
    this.#idleAt = sentAt;
    this.#lastDueAt = dueAt;
    const packet = new HeldPacket(socket, peer, bytes.slice(offset, offset + length), dueAt);
    if (this.#last === undefined) this.#first = packet;
    else this.#last.next = packet;
    this.#last = packet;
    this.#count(1, length);
    return LINK_KEPT;
  }

  /** The next packet that is due, which is kept no more. */
  takeDue(now: number): HeldPacket | undefined {
    const packet = this.#first;
    if (packet === undefined || packet.dueAt > now) return undefined;
    this.#first = packet.next;
    if (this.#first === undefined) this.#last = undefined;
    this.#count(-1, -packet.bytes.length);
    return packet;
  }

  /** Forgets all that it keeps. Idempotent. */
  free(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.#count(-this.#packets, -this.#bytes);
  }

  #loses(): boolean {
    const chance = this.#hasLost ? this.#lossAfterLoss : this.#lossAfterNone;
    this.#hasLost = chance > 0 && this.#chance.next() < chance;
    return this.#hasLost;
  }

  #hasRoom(length: number): boolean {
    return (
      this.#packets < IMPAIRED_LINK_PACKETS_MAX &&
      this.#bytes + length <= IMPAIRED_LINK_BYTES_MAX &&
      this.#memory.bytes + length <= IMPAIRED_BYTES_MAX
    );
  }

  #count(packets: number, bytes: number): void {
    this.#packets += packets;
    this.#bytes += bytes;
    this.#memory.bytes += bytes;
  }
}
