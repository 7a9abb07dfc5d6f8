// ConnectionBind (RFC 6062 s5.4): a further connection of the client becomes the way to one peer. The allocation may be
// another worker's, so the one that has it is asked; until it answers, what comes by the stream is kept.

import { ATTR_CONNECTION_ID, CLASS_SUCCESS, ERROR_BAD_REQUEST } from '../shared/stun/registry.ts';
import type { Credential } from './allocation.ts';
import type { Exchange } from './exchange.ts';
import type { ReplyTo } from './responder.ts';
import type { TcpRelays } from './tcp-relays.ts';
import type { TurnState } from './turn-state.ts';

/** Who may bind the connections of an allocation: a token names no user, so there it is whoever has one of that kid. */
export function ownerOf({ username, grant }: Credential): string {
  return grant === undefined ? username : `\0${grant.kid}`;
}

export function handleConnectionBind(
  state: TurnState,
  tcp: TcpRelays,
  exchange: Exchange,
  credential: Credential,
): void {
  const { reader, listener, client, allocation } = exchange;
  const at = reader.find(ATTR_CONNECTION_ID);
  const holds = listener.sink?.streams;
  // The control connection is none for data: its requests could not be told from them.
  if (at < 0 || reader.lengthAt(at) !== 4 || holds === undefined || allocation !== undefined) {
    state.responder.refuse(exchange, ERROR_BAD_REQUEST);
    return;
  }
  const { bytes, transactionOffset } = reader;
  const to = exchange.keep(bytes.slice(transactionOffset, transactionOffset + 12));
  const stream = holds.hold(client);
  if (stream >= 0) tcp.bind(stream, reader.u32(at), ownerOf(credential), to);
}

/** What became of it: a stream that is refused ends, since nobody can say what the client sent behind its request. */
export function handleBound(
  state: TurnState,
  request: ReplyTo,
  connection: number | undefined,
): void {
  const streams = request.listener.sink?.streams;
  if (connection === undefined) {
    state.responder.refuse(request, ERROR_BAD_REQUEST);
    streams?.end(request.client);
    return;
  }
  state.responder.begin(request, CLASS_SUCCESS);
  state.responder.send(request);
  streams?.splice(request.client, connection);
}
