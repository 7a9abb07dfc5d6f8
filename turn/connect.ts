// Connect (RFC 6062 s5.2): a TCP connection from the relayed transport address to a peer. Its answer comes once it is
// there; data flows when the client has bound it.

import { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ATTR_CONNECTION_ID,
  ATTR_XOR_PEER_ADDRESS,
  CLASS_SUCCESS,
  ERROR_ALLOCATION_MISMATCH,
  ERROR_BAD_REQUEST,
  ERROR_CONNECTION_ALREADY_EXISTS,
  ERROR_CONNECTION_TIMEOUT_OR_FAILURE,
  ERROR_FORBIDDEN,
  ERROR_INSUFFICIENT_CAPACITY,
  ERROR_PEER_ADDRESS_FAMILY_MISMATCH,
} from '../shared/stun/registry.ts';
import type { Allocation, Relay } from './allocation.ts';
import type { Exchange } from './exchange.ts';
import type { TcpRelays } from './tcp-relays.ts';
import type { TurnState } from './turn-state.ts';

const peer = new TransportAddress();

export function handleConnect(
  state: TurnState,
  tcp: TcpRelays,
  exchange: Exchange,
  allocation: Allocation,
): void {
  const { reader, now } = exchange;
  const relay = check(state, tcp, exchange, allocation);
  if (typeof relay === 'number') {
    state.responder.refuse(exchange, relay);
    return;
  }
  const { bytes, transactionOffset } = reader;
  const to = exchange.keep(bytes.slice(transactionOffset, transactionOffset + 12));
  const id = tcp.connect(relay.socket, peer, now, (made) => {
    if (!made) {
      state.responder.refuse(to, ERROR_CONNECTION_TIMEOUT_OR_FAILURE);
      return;
    }
    state.responder.begin(to, CLASS_SUCCESS).u32(ATTR_CONNECTION_ID, id);
    state.responder.send(to);
  });
}

/** The relay to connect from, or the error code. */
function check(
  state: TurnState,
  tcp: TcpRelays,
  { reader }: Exchange,
  allocation: Allocation,
): Relay | number {
  // To a client that has none for TCP, this is no allocation.
  if (allocation.tcp === undefined) return ERROR_ALLOCATION_MISMATCH;
  const at = reader.find(ATTR_XOR_PEER_ADDRESS);
  if (at < 0 || !reader.xorAddress(at, peer)) return ERROR_BAD_REQUEST;
  state.toLocal(peer);
  const relay = allocation.relayFor(peer);
  if (relay !== undefined && tcp.has(relay.socket, peer)) return ERROR_CONNECTION_ALREADY_EXISTS;
  if (peer.port === 0 || !state.judgeTcp(peer, state.policy.judge(peer))) return ERROR_FORBIDDEN;
  if (relay === undefined) return ERROR_PEER_ADDRESS_FAMILY_MISMATCH;
  return tcp.hasRoom(relay.socket) ? relay : ERROR_INSUFFICIENT_CAPACITY;
}
