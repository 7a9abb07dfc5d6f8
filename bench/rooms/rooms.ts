// What the rooms load asks of a server's signaling, whichever server it is.

import type { Member } from './member.ts';
import type { Seat } from './plan.ts';

export interface Rooms {
  /**
   * Offers what it publishes; milliseconds until there is an answer. `seats` are all whom it may receive, there or not.
   */
  join(member: Member, seats: readonly Seat[]): Promise<number>;
  /** Says what of those who are there it receives, and in which size. */
  choose(member: Member, seats: readonly Seat[]): Promise<void>;
  close(): Promise<void>;
}
