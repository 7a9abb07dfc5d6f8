// What one hostile participant or stranger does to a meeting, in rounds between which honest packets are sent.

import type { Chance } from '../turn/fuzz.ts';
import type { LivePeer } from './live-peer.ts';
import type { Meeting, Metrics } from './meeting.ts';

/** What is there to attack with. */
export interface Means {
  readonly meeting: Meeting;
  /** Admitted: a valid token, ICE and DTLS done, two tracks of its own, slots. */
  readonly hostile: LivePeer;
  readonly chance: Chance;
}

/** A counter that the attack must make rise, or it would not reach what it is for. */
export type Counted = readonly [metric: string, label?: string, value?: string];

export interface Attack {
  readonly name: string;
  readonly rounds: number;
  /** Returns what is done in each round. */
  begin(means: Means): (round: number) => void | Promise<void>;
  readonly counted: readonly Counted[];
  /** What is bounded besides the memory: complaints. `seconds` is how long the attack went. */
  bounds?(grown: Metrics, seconds: number): string[];
  /** Gauges, as they are at the end of it: the bound is reached, and holds. */
  readonly filled?: Readonly<Record<string, number>>;
  /** Of what it did something lives on for half a minute: the next attacks go on meanwhile. */
  readonly lingers?: true;
  /** Takes back what it has opened; the hostile participant leaves by itself. */
  end?(): Promise<void> | void;
}

export const router = (reason: string): Counted => [
  'sterna_sfu_dropped_packets_total',
  'reason',
  reason,
];
export const media = (reason: string): Counted => [
  'sterna_sfu_dropped_datagrams_total',
  'reason',
  reason,
];
export const ice = (reason: string): Counted => [
  'sterna_ice_dropped_checks_total',
  'reason',
  reason,
];
export const refused = (reason: string): Counted => [
  'sterna_signaling_refusals_total',
  'reason',
  reason,
];
