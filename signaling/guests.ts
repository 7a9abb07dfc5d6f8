// Conversations whose WebSocket is at another node: they join and speak here as all others do.
// Called by: signaling-server.ts, its owner; what carries their frames is the server entry's.

import { Conversation } from './conversation.ts';
import type { Service } from './service.ts';
import { SignalSocket } from './signal-socket.ts';
import type { Wire } from './signal-socket.ts';

/** What comes from a WebSocket at another node. */
export interface Guest {
  receive(data: Buffer, isBinary: boolean): void;
  receiveControl(): void;
  /** The WebSocket, or the way to it, is gone. Idempotent. */
  closed(): void;
}

export class Guests {
  readonly #service: Service;
  readonly #conversations = new Set<Conversation>();

  constructor(service: Service) {
    this.#service = service;
  }

  get size(): number {
    return this.#conversations.size;
  }

  all(): Iterable<Conversation> {
    return this.#conversations;
  }

  /** Null when there are too many. `onJoined` is called once, when it is in a room. */
  open(wire: Wire, requestHost: string, onJoined: () => void): Guest | null {
    const { limits } = this.#service;
    if (this.#conversations.size >= limits.maxSessions + limits.maxUnauthenticated) return null;
    const socket = new SignalSocket(wire, limits.bufferedBytesMax);
    const conversation = new Conversation(this.#service, socket, requestHost, onJoined);
    this.#conversations.add(conversation);
    return {
      receive: (data, isBinary) => conversation.receive(data, isBinary),
      receiveControl: () => conversation.receiveControl(),
      closed: () => {
        if (this.#conversations.delete(conversation)) conversation.closed();
      },
    };
  }
}
