// Whether this server has TCP allocations (RFC 6062), and what their listeners and connections stand on.

import type { Engine } from '../shared/net/engine.ts';
import { handleIncoming } from './connection-attempt.ts';
import { handleBound } from './connection-bind.ts';
import type { TurnOptions } from './options.ts';
import { TcpRelays } from './tcp-relays.ts';
import type { TurnState } from './turn-state.ts';

/** There are none where ports are shared, since each would listen at one of its own. */
export function tcpRelays(
  options: TurnOptions,
  engine: Engine,
  state: () => TurnState,
): TcpRelays | undefined {
  const { tcpRelays: emit, random, sharedPorts } = options;
  if (emit === undefined || sharedPorts > 0) return undefined;
  const tcp: TcpRelays = new TcpRelays({
    emit,
    timers: engine.timers,
    random,
    onIncoming: (relay, connection, peer, now) =>
      handleIncoming(state(), tcp, relay, connection, peer, now),
    onBound: (request, connection) => handleBound(state(), request, connection),
  });
  return tcp;
}
