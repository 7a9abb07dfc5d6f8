// A peer that connects to a relayed transport address (RFC 6062 s5.3): with a permission its client is told by a
// ConnectionAttempt indication, without one the connection is closed at once.

import { randomBytes } from 'node:crypto';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_CONNECTION_ID,
  ATTR_XOR_PEER_ADDRESS,
  CLASS_INDICATION,
  METHOD_CONNECTION_ATTEMPT,
} from '../shared/stun/registry.ts';
import { StunWriter } from '../shared/stun/writer.ts';
import { DROP_FORBIDDEN_PEER, DROP_NO_ALLOCATION, DROP_NO_PERMISSION } from './drop-reason.ts';
import type { TcpRelays } from './tcp-relays.ts';
import type { TurnState } from './turn-state.ts';

/** Header, an IPv6 peer and CONNECTION-ID. */
const INDICATION_BYTES_MAX = 20 + 24 + 8;

const bytes = new Uint8Array(INDICATION_BYTES_MAX);
const writer = new StunWriter();

export function handleIncoming(
  state: TurnState,
  tcp: TcpRelays,
  number: number,
  connection: number,
  peer: TransportAddress,
  now: number,
): void {
  const reason = whyNot(state, tcp, number, peer, now);
  if (reason !== undefined) {
    state.drop(reason);
    tcp.close(connection);
    return;
  }
  const { listener, client } = state.pool.tcpRelay(number)!.allocation!;
  tcp.admit(number, connection, peer, now);
  const total = writer
    .start(bytes, 0, METHOD_CONNECTION_ATTEMPT, CLASS_INDICATION, randomBytes(12), 0)
    .u32(ATTR_CONNECTION_ID, connection)
    .xorAddress(ATTR_XOR_PEER_ADDRESS, state.tcpToExternal(peer))
    .finish();
  listener.sink?.send(client, bytes, 0, total);
}

function whyNot(
  state: TurnState,
  tcp: TcpRelays,
  number: number,
  peer: TransportAddress,
  now: number,
): number | undefined {
  const relay = state.pool.tcpRelay(number);
  const allocation = relay?.allocation;
  if (relay === undefined || allocation === undefined || now >= relay.expiresAt) {
    return DROP_NO_ALLOCATION;
  }
  const permission = allocation.permissionFor(peer, now);
  if (permission === undefined) return DROP_NO_PERMISSION;
  if (!state.judgeTcp(peer, permission.insideOnly ? 'inside-only' : 'allowed')) {
    return DROP_FORBIDDEN_PEER;
  }
  return tcp.hasRoom(number) ? undefined : DROP_NO_PERMISSION;
}
