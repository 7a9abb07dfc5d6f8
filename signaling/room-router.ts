// What signaling asks where rooms are at several nodes: whether it may serve what it has, and where a join goes.
// Implemented by the server entry; without one every room is here.

import type { Refusal } from './refusal.ts';
import type { SignalSocket } from './signal-socket.ts';

/** A WebSocket whose room is at another node: what it sends goes there. */
export interface Passage {
  receive(data: Buffer, isBinary: boolean): void;
  /** A ping or pong frame of WebSocket. */
  receiveControl(): void;
  /** The WebSocket is gone. */
  closed(): void;
}

/** The first message of a WebSocket, which has a good token, or names a session. */
export interface JoinRequest {
  /** The room of the token, or the node of the session. */
  readonly to: { readonly room: string } | { readonly node: string };
  /** The message as it came. */
  readonly join: Buffer;
  readonly socket: SignalSocket;
  readonly requestHost: string;
  /** Monotonic; when it has to be known where the join goes. */
  readonly deadline: number;
  /** Another node has let it in. */
  onJoined(): void;
}

/** A refusal closes the socket. */
export type Route = 'here' | Passage | Refusal;

export interface RoomRouter {
  /** Of this process alone; sessions are called after it. */
  readonly node: string;
  /** False: others may have our rooms by now, and our sockets have just been closed. Asked for every message. */
  serves(): boolean;
  /** Never rejects. */
  route(request: JoinRequest): Promise<Route>;
  /** Whether a join to that room can be answered at once. */
  isHere(room: string): boolean;
}
