// Who may use a route: each kind of access, and why a caller has none.
// Called by: the gate, before the body is read; the route table, once the room is known.

import { missingBearer } from './bearer.ts';
import type { Caller } from './caller.ts';
import { GatewayProblem } from './problem.ts';

/**
 * `public`: everybody. `address`: whom the route lets in by the address of the connection. `bearer`: the handler
 * judges the bearer itself. `room-create`, `room-admin`: roomCreate or roomAdmin, and roomAdmin, for the room in
 * question. `room-list`: roomList, or roomAdmin for all rooms. `server-admin`: roomAdmin for all rooms.
 */
export type Access =
  | 'public'
  | 'address'
  | 'bearer'
  | 'room-create'
  | 'room-admin'
  | 'room-list'
  | 'server-admin';

/** Why not, or undefined. Without a room (it may be in the body) only what holds for every room is judged. */
export function accessProblem(
  access: Access,
  caller: Caller,
  room?: string,
): GatewayProblem | undefined {
  if (access === 'public' || access === 'address' || access === 'bearer') return undefined;
  if (caller.kind === 'anonymous') return missingBearer();
  const { grants } = caller;
  const who = caller.kind === 'key' ? 'The API key' : 'The token';
  const has =
    grants.roomAdmin ||
    (access === 'room-create' && grants.roomCreate) ||
    (access === 'room-list' && grants.roomList);
  if (!has) return notAllowed(`${who} does not grant ${NEEDED[access]}.`);
  if (grants.room === undefined) return undefined;
  const isOfServer = access === 'server-admin' || (access === 'room-list' && !grants.roomList);
  if (isOfServer) return notAllowed(`${who} is for one room, and this is about the server.`);
  if (access === 'room-list' || room === undefined || room === grants.room) return undefined;
  return notAllowed(`${who} is for another room.`);
}

const NEEDED = {
  'room-create': 'roomCreate or roomAdmin',
  'room-admin': 'roomAdmin',
  'room-list': 'roomList or roomAdmin',
  'server-admin': 'roomAdmin',
} as const;

function notAllowed(detail: string): GatewayProblem {
  return new GatewayProblem(403, 'NOT_ALLOWED', detail);
}
