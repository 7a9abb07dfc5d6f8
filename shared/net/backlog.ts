// What the kernel would not take yet: datagrams kept for each socket, in order, and tried again when it may take them.
// Called by the Linux engine. Allocates: a copy of every datagram that has to wait, which none does as a rule.

import { EPOLLIN, EPOLLOUT } from '../native/socket-constants.ts';
import type { EngineCounters } from './engine.ts';
import type { Epoll } from './epoll.ts';
import type { LinuxSocket, LinuxSockets } from './linux-sockets.ts';
import type { Sender } from './local-sockets.ts';
import type { SendFailures, SendQueue } from './send-queue.ts';
import type { TransportAddress } from './transport-address.ts';

/** What one socket may hold back, and all of them together. */
const SOCKET_BYTES_MAX = 1024 * 1024;
const ENGINE_BYTES_MAX = 32 * 1024 * 1024;

/** What a datagram costs beside its bytes, so that the bounds are on how many there are, too. */
const DATAGRAM_COST = 256;

/** Datagrams of one socket tried in a turn: a backlog cannot starve the other sockets. */
const RETRY_MAX = 64;

/** How long nothing is tried while the system is short of memory or a device's queue is full. */
const RETRY_AFTER_MS = 10;

/** What ends a backlog's wait: nothing is waiting; epoll says the socket takes more; time, where nobody will say. */
export const WAITS_FOR_NOTHING = 0;
const WAITS_FOR_ROOM = 1;
const WAITS_FOR_TIME = 2;

/** A datagram that waits, and what stands in its IP header. */
export interface WaitingDatagram {
  readonly sender: Sender;
  readonly to: TransportAddress;
  readonly bytes: Uint8Array;
  readonly tos: number;
  /** As in `LinuxSocket.ttl`. */
  readonly ttl: number;
}

export class Backlogs implements SendFailures<Sender> {
  readonly #epoll: Epoll;
  readonly #sockets: LinuxSockets;
  readonly #counters: EngineCounters;
  readonly #now: () => number;
  #bytes = 0;
  #delayed: LinuxSocket[] = [];
  #dueAt = 0;

  constructor(epoll: Epoll, sockets: LinuxSockets, counters: EngineCounters, now: () => number) {
    this.#epoll = epoll;
    this.#sockets = sockets;
    this.#counters = counters;
    this.#now = now;
  }

  holdsBack({ base }: Sender): boolean {
    return base.backlog.length > 0;
  }

  onLater(
    sender: Sender,
    to: TransportAddress,
    tos: number,
    bytes: Uint8Array,
    full: boolean,
  ): void {
    const socket = sender.base;
    const cost = bytes.length + DATAGRAM_COST;
    if (socket.backlogBytes + cost > SOCKET_BYTES_MAX || this.#bytes + cost > ENGINE_BYTES_MAX) {
      this.#counters.sendDropped++;
      return;
    }
    if (socket.backlog.length === 0) this.#wait(socket, full ? WAITS_FOR_ROOM : WAITS_FOR_TIME);
    socket.backlog.push({ sender, to, bytes, tos, ttl: socket.ttl });
    socket.backlogBytes += cost;
    this.#bytes += cost;
  }

  onDropped(datagrams: number): void {
    this.#counters.sendDropped += datagrams;
  }

  /** How long the loop may wait, when it would wait for that long. */
  waitMs(most: number): number {
    if (this.#delayed.length === 0) return most;
    return Math.max(0, Math.min(most, Math.ceil(this.#dueAt - this.#now())));
  }

  /** Tries what had to wait for time. */
  retryDue(now: number, queue: SendQueue<Sender>): void {
    if (this.#delayed.length === 0 || now < this.#dueAt) return;
    const due = this.#delayed;
    this.#delayed = [];
    for (const socket of due) {
      socket.waits = WAITS_FOR_NOTHING;
      this.#retry(socket, queue);
    }
  }

  /** Tries what waits for room, which epoll says there is. */
  retryWritable(socket: LinuxSocket, queue: SendQueue<Sender>): void {
    if (socket.waits !== WAITS_FOR_ROOM) return;
    const stuck = !this.#retry(socket, queue);
    // The socket has room and still takes nothing: epoll would say so again at once, and for ever.
    if (stuck) this.#wait(socket, WAITS_FOR_TIME);
  }

  /** Drops what waits. */
  drop(socket: LinuxSocket): void {
    this.onDropped(socket.backlog.length);
    this.#bytes -= socket.backlogBytes;
    socket.backlog = [];
    socket.backlogBytes = 0;
    this.#wait(socket, WAITS_FOR_NOTHING);
  }

  /** Tries the oldest again; true unless the kernel took none of them. */
  #retry(socket: LinuxSocket, queue: SendQueue<Sender>): boolean {
    // What is queued now is newer, and goes behind what waits.
    queue.flush();
    const tried = socket.backlog.splice(0, RETRY_MAX);
    const rest = socket.backlog;
    socket.backlog = [];
    for (const waiting of tried) this.#again(socket, waiting, queue);
    queue.flush();
    queue.tos = 0;
    const failed = socket.backlog.length;
    socket.backlog.push(...rest);
    if (socket.backlog.length === 0) this.#wait(socket, WAITS_FOR_NOTHING);
    else if (failed === 0) this.#wait(socket, WAITS_FOR_ROOM);
    return failed < tried.length;
  }

  /** Queues one that waited; should one before it fail again, it follows that one back. */
  #again(
    socket: LinuxSocket,
    { sender, to, bytes, tos, ttl }: WaitingDatagram,
    queue: SendQueue<Sender>,
  ): void {
    if (ttl !== socket.ttl) {
      queue.flush();
      this.#sockets.lowerTtl(socket, ttl);
    }
    const cost = bytes.length + DATAGRAM_COST;
    socket.backlogBytes -= cost;
    this.#bytes -= cost;
    queue.tos = tos;
    queue.put(sender, to, bytes, 0, bytes.length);
  }

  #wait(socket: LinuxSocket, waits: number): void {
    const before = socket.waits;
    if (before === waits) return;
    socket.waits = waits;
    if (before === WAITS_FOR_ROOM) this.#epoll.change(socket.fd, EPOLLIN);
    else if (before === WAITS_FOR_TIME) this.#delayed = this.#delayed.filter((s) => s !== socket);
    if (waits === WAITS_FOR_ROOM) {
      this.#epoll.change(socket.fd, EPOLLIN | EPOLLOUT);
    } else if (waits === WAITS_FOR_TIME) {
      if (this.#delayed.length === 0) this.#dueAt = this.#now() + RETRY_AFTER_MS;
      this.#delayed.push(socket);
    }
  }
}
