// In front of a conversation where rooms are at several nodes: its first message decides whether the WebSocket speaks
// to this node or, through it, to another one. What comes before that is known waits.
// Called by: signaling-server.ts with every message. Bounded by what may be sent before joining.

import type { Conversation } from './conversation.ts';
import { decode } from './decode.ts';
import { nodeOfSession } from './ids.ts';
import { LIMITS } from './protocol.ts';
import { errorFrame, refusal } from './refusal.ts';
import type { JoinRequest, Passage, Route, RoomRouter } from './room-router.ts';
import type { Service } from './service.ts';

/** Messages behind a join that is under way; their bytes are bounded as those of all who have not joined. */
const WAITING_MAX = 64;
/** Who waits for a node is told so before it is cut off for not having joined. */
const BEFORE_AUTH_TIMEOUT_MS = 500;

type Message = readonly [data: Buffer, isBinary: boolean];

export class Entrance {
  readonly #router: RoomRouter;
  readonly #service: Service;
  readonly #conversation: Conversation;
  readonly #onJoined: () => void;
  /** Null until the join has come. */
  #waiting: Message[] | null = null;
  #way: 'here' | Passage | null = null;
  #isClosed = false;

  constructor(
    router: RoomRouter,
    service: Service,
    conversation: Conversation,
    onJoined: () => void,
  ) {
    this.#router = router;
    this.#service = service;
    this.#conversation = conversation;
    this.#onJoined = onJoined;
  }

  /** Whether it speaks to another node. */
  get leadsElsewhere(): boolean {
    return this.#way !== null && this.#way !== 'here';
  }

  receive(data: Buffer, isBinary: boolean): void {
    if (this.#way === 'here') this.#receiveHere(data, isBinary);
    else if (this.#way !== null) this.#way.receive(data, isBinary);
    else if (this.#waiting !== null) this.#wait([data, isBinary]);
    else this.#receiveFirst(data, isBinary);
  }

  receiveControl(): void {
    if (this.#way === null || this.#way === 'here') this.#conversation.receiveControl();
    else this.#way.receiveControl();
  }

  closed(): void {
    this.#isClosed = true;
    if (this.#way !== null && this.#way !== 'here') this.#way.closed();
    this.#conversation.closed();
  }

  #receiveHere(data: Buffer, isBinary: boolean): void {
    if (this.#router.serves()) this.#conversation.receive(data, isBinary);
  }

  /** What is not a join that may go elsewhere is answered as it always is. */
  #receiveFirst(data: Buffer, isBinary: boolean): void {
    const to = this.#conversation.socket.open ? this.#destination(data, isBinary) : null;
    if (to === null) return this.#conversation.receive(data, isBinary);
    if ('room' in to && this.#router.isHere(to.room) && this.#router.serves()) {
      this.#way = 'here';
      return this.#conversation.receive(data, isBinary);
    }
    this.#waiting = [];
    const { socket, requestHost, openedAt } = this.#conversation;
    const request: JoinRequest = {
      to,
      join: data,
      socket,
      requestHost,
      deadline: openedAt + this.#service.limits.authTimeoutMs - BEFORE_AUTH_TIMEOUT_MS,
      onJoined: this.#onJoined,
    };
    return this.#ask(request);
  }

  #ask(request: JoinRequest): void {
    void this.#router.route(request).then((route) => this.#go(route, request));
  }

  #destination(data: Buffer, isBinary: boolean): JoinRequest['to'] | null {
    const { result } = decode(data, isBinary, LIMITS.joinBytes);
    if ('refused' in result || result.message.type !== 'join') return null;
    const { session, token } = result.message;
    if (session !== undefined) {
      const node = nodeOfSession(session.id);
      return node === undefined ? null : { node };
    }
    const verified = token === undefined ? null : this.#service.tokens.check(token);
    if (verified === null || 'reason' in verified) return null;
    const { room, roomJoin } = verified.grants;
    return room === undefined || !roomJoin ? null : { room };
  }

  #wait(message: Message): void {
    if (this.#waiting!.length < WAITING_MAX) this.#waiting!.push(message);
    else this.#conversation.cut(refusal('RATE_LIMITED', 'Too many messages before joined'));
  }

  #go(route: Route, request: JoinRequest): void {
    // What was ours when it was asked need not be so now.
    if (route === 'here' && !this.#isClosed && !this.#router.serves()) {
      return void setImmediate(() => this.#ask(request));
    }
    if (this.#isClosed) {
      if (route !== 'here' && 'closed' in route) route.closed();
      return;
    }
    if (route !== 'here' && 'reason' in route) {
      this.#service.counters.refused(route.reason);
      const { i } = decode(request.join, false, LIMITS.joinBytes);
      this.#conversation.socket.send(errorFrame(route, i));
      return this.#conversation.cut(route);
    }
    this.#way = route;
    const waiting = this.#waiting!.splice(0);
    if (route === 'here') this.#receiveHere(request.join, false);
    for (const [data, isBinary] of waiting) this.receive(data, isBinary);
  }
}
