// What is true of the commons while threads hammer them, as the threads know it themselves: one shared word each.

import type { CommonsMemory } from '../../../turn/index.ts';

export interface HammerData {
  readonly memory: CommonsMemory;
  readonly self: number;
  readonly part: Part;
  readonly turns: number;
  /** Of a reservation of user 0. */
  readonly token: Uint8Array;
  readonly truth: SharedArrayBuffer;
}

/**
 * `mortal` may be ended in the middle, and so counts no units. The others stop where they are to die: with the lock, or
 * while they take up a reservation, before or after its socket is theirs.
 */
export type Part =
  | 'immortal'
  | 'mortal'
  | 'cap'
  | 'bandwidth'
  | 'dies-with-lock'
  | 'dies-before-adopting'
  | 'dies-after-adopting';

export const FIRST_PORT = 50_000;
export const PORTS = 16;
export const PER_USER = 6;
export const TOTAL = 20;
export const USERS = 5;
export const TOKEN_SLOTS = 8;
/** State, user and the token itself. */
export const TOKEN_WORDS = 4;

export const STARTED = 0;
export const DONE = 1;
export const ALLOCATED = 2;
export const REFUSED = 3;
export const TAKEN_UP = 4;
/** Set by a thread that waits for its death. */
export const DYING = 5;
/** Threads that have begun. */
export const BEGUN = 6;
/** Replies that the cap allowed to each network; or packets that the bandwidth let through, of all and of one user. */
export const BY_NETWORK = 7;
/** Units that are held: of all users, and of each. */
export const HELD_TOTAL = 9;
export const HELD = 10;
/** By port: the number of the thread that has its socket, + 1. */
export const SOCKETS = HELD + USERS;
/** Tokens that were handed out. */
export const TOKENS = SOCKETS + PORTS;
export const TRUTH_WORDS = TOKENS + TOKEN_SLOTS * TOKEN_WORDS;

export const CAP_PER_SECOND = 1000;
export const CAP_CALLS = 1500;
export const CAP_NETWORKS = ['192.0.2.1', '2001:db8::1'];
/**
 * A second apart and less, and where the clocks of the cap come round, after 32 s: not to the tick, where a thread that
 * slept could not tell the round before from this one.
 */
export const CAP_PHASES_MS = [5000, 5500, 5501, 6400, 38_400.3, 70_401.9, 70_402.9, 3_600_000.1];
export const CAP_EXPECTED = [1000, 500, 1, 899, 1000, 1000, 1, 1000];

/** Exact in ticks: 128 packets a second of a user, 256 of all. */
export const PACKET_BYTES = 1024;
export const BANDWIDTH = { perUser: 128 * PACKET_BYTES, total: 256 * PACKET_BYTES };
export const BANDWIDTH_USERS = ['anna', 'bert', 'carl'];
export const BANDWIDTH_CALLS = 500;
export const BANDWIDTH_PHASES_MS = [5000, 5500, 6500, 38_500, 3_600_000];
export const BANDWIDTH_EXPECTED = [256, 128, 256, 256, 256];
