// For development: the connection of this participant goes wrong on purpose, so that an application can be seen to
// cope. `room.simulate`, for who has the grant `simulate`; everybody else is refused with NOT_ALLOWED.

import type { SimulateMessage } from '../signaling/protocol.ts';

type Fields = Omit<SimulateMessage, 'type' | 'i'>;

/** One direction of a bad network; what is left out is as good as the real one. */
export type NetworkConditions = NonNullable<Fields['up']>;

interface Lasting {
  /** How long it lasts; the server ends it by itself. 300000 at most. */
  ms?: number;
}

export type Simulation =
  /** The WebSocket is cut; a `bye` as of a server that shuts down; the session is over and another one begins. */
  | { op: 'signal-drop' | 'node-drain' | 'full-reconnect' }
  /**
   * Nothing of our media passes until ICE restarts; only what goes by TCP does; only what goes by a TURN relay of the
   * server does. 30 seconds unless `ms` says otherwise.
   */
  | ({ op: 'ice-fail' | 'ice-tcp' | 'turn-only' } & Lasting)
  /** A bad network, from us (`up`) and to us (`down`), for 30 seconds; without either it is good again. */
  | ({
      op: 'network';
      up?: NetworkConditions | null;
      down?: NetworkConditions | null;
      /** The same one loses the same packets. */
      seed?: number;
    } & Lasting)
  /** Everybody is told that we speak, for 5 seconds. */
  | ({ op: 'speaker' } & Lasting)
  /** Ends all that lasts. */
  | { op: 'lift' };

/** Among `joined.server.features` for who has the grant. */
export const SIMULATE_FEATURE = 'simulate';
