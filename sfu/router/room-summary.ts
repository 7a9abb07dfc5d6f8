// A room in a few numbers, and who of it is in trouble: cheap enough to be asked of all rooms at once.
// Called by: Sfu. Allocates: the summary.

import { PAUSED } from '../bandwidth/allocator.ts';
import type { ParticipantMedia } from './participant-media.ts';
import type { Slot } from './slot.ts';

/** The worst of a room are told of; the others are asked for one by one. */
const TROUBLED_MAX = 8;

/** Of what was sent, as its receiver said last; less is what networks do. */
const LOSS_MIN = 0.05;

/** Of one participant; only who has some is told of. */
export interface TransportTrouble {
  /** Of its transport. */
  readonly id: number;
  /** There is no consent at the moment. */
  readonly disconnected: boolean;
  /** The worst share of what it was sent that got lost, from 0 to 1. */
  readonly fractionLost: number;
  /** Videos of which its network does not carry even the smallest, and of which it does not carry the best. */
  readonly paused: number;
  readonly reduced: number;
}

export interface RoomSummary {
  readonly sid: string;
  readonly transports: number;
  /** Of payloads: from publishers here, to subscribers here. */
  readonly bitrateInBps: number;
  readonly bitrateOutBps: number;
  /** How many participants have what kind of trouble. */
  readonly disconnected: number;
  readonly lossy: number;
  readonly paused: number;
  readonly reduced: number;
  readonly troubled: readonly TransportTrouble[];
}

/** What a room has of a participant here. */
interface Seated {
  readonly participant: ParticipantMedia;
  readonly transport: { readonly state: string } | undefined;
}

export class RoomSummaries {
  readonly #rooms = new Map<string, Sum>();

  add(seat: Seated): void {
    const { sid } = seat.participant.room;
    const sum = this.#rooms.get(sid) ?? new Sum(sid);
    this.#rooms.set(sid, sum);
    sum.add(seat);
  }

  list(): RoomSummary[] {
    return [...this.#rooms.values()].map((sum) => sum.told());
  }
}

class Sum {
  readonly #sid: string;
  readonly #troubled: TransportTrouble[] = [];
  #transports = 0;
  #in = 0;
  #out = 0;

  constructor(sid: string) {
    this.#sid = sid;
  }

  add({ participant, transport }: Seated): void {
    const { id, publications, slots } = participant;
    this.#transports++;
    for (const { encodings } of publications) {
      for (const stream of encodings) this.#in += stream?.bitrate.bitrateBps ?? 0;
    }
    let fractionLost = 0;
    let paused = 0;
    let reduced = 0;
    for (const slot of slots) {
      this.#out += slot.output.bitrate.bitrateBps;
      if (!isWanted(slot)) continue;
      fractionLost = Math.max(fractionLost, slot.statistics.fractionLost);
      if (slot.layer === PAUSED) paused++;
      else if (slot.adapts && slot.claim.reason === 'bandwidth') reduced++;
    }
    const disconnected = transport?.state === 'disconnected';
    if (!disconnected && paused + reduced === 0 && fractionLost < LOSS_MIN) return;
    this.#troubled.push({ id, disconnected, fractionLost, paused, reduced });
  }

  told(): RoomSummary {
    const troubled = this.#troubled;
    const count = (is: (one: TransportTrouble) => boolean): number => troubled.filter(is).length;
    return {
      sid: this.#sid,
      transports: this.#transports,
      bitrateInBps: this.#in,
      bitrateOutBps: this.#out,
      disconnected: count((one) => one.disconnected),
      lossy: count((one) => one.fractionLost >= LOSS_MIN),
      paused: count((one) => one.paused > 0),
      reduced: count((one) => one.reduced > 0),
      troubled: troubled.toSorted((a, b) => weight(b) - weight(a)).slice(0, TROUBLED_MAX),
    };
  }
}

/** What is muted, or nobody is there to take, loses nothing: its last report is of before. */
function isWanted({ publication, path }: Slot): boolean {
  return publication?.muted === false && path.isUp;
}

function weight({ disconnected, fractionLost, paused, reduced }: TransportTrouble): number {
  return (disconnected ? 1000 : 0) + 10 * paused + 10 * fractionLost + reduced;
}
