// What the engine says of relay sockets that allocations share, brought to those whom it is about.
// Called by: the TURN server, which makes it. Allocates: nothing per packet.

import type { SocketOwner } from '../shared/net/engine.ts';
import { DROP_NO_ALLOCATION } from './drop-reason.ts';
import type { RelayPath } from './relay.ts';
import type { TurnState } from './turn-state.ts';

/** State and path are made after the owner, and so asked for when something is there for them. */
export function sharedSockets(state: () => TurnState, path: () => RelayPath): SocketOwner {
  return {
    onOpened: (tag, _local, failure) => state().pool.few?.onOpened(tag, failure),
    onDatagram: (tag, from, bytes, offset, length, now) => {
      const shared = state().pool.few?.get(tag);
      if (shared === undefined) state().drop(DROP_NO_ALLOCATION);
      else path().fromPeerShared(shared, from, bytes, offset, length, now);
    },
    onIcmp: (tag, peer, type, code, info, now) => {
      const shared = state().pool.few?.get(tag);
      if (shared !== undefined) path().icmpShared(shared, peer, type, code, info, now);
    },
  };
}
