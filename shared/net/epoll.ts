// epoll(7): which descriptors are ready, asked once for all of them. Called by the Linux engine. Allocates: nothing.

import { Arena } from '../native/arena.ts';
import type { Libc } from '../native/libc.ts';
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLL_EVENT_BYTES,
  EPOLL_EVENT_DATA,
} from '../native/socket-constants.ts';

/** Ready descriptors taken in one turn; the others are ready in the next. */
const EVENTS = 256;

/** Behind the events: one for epoll_ctl, and room for what an eventfd holds. */
const SCRATCH = EVENTS * EPOLL_EVENT_BYTES;

export class Epoll {
  readonly #libc: Libc;
  readonly #arena = new Arena(SCRATCH + 64);
  readonly descriptor: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.descriptor = libc.epoll_create1(0);
  }

  /** Watches a descriptor for EPOLLIN and its like; errors are always reported. False when the kernel refuses. */
  add(fd: number, events: number): boolean {
    return this.#control(EPOLL_CTL_ADD, fd, events);
  }

  change(fd: number, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events);
  }

  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0);
  }

  /** Waits for at most `waitMs`; returns how many are ready. */
  wait(waitMs: number): number {
    return this.#libc.epoll_wait(this.descriptor, this.#arena.base, EVENTS, waitMs);
  }

  /** The i-th ready descriptor. */
  fd(i: number): number {
    return this.#arena.u32[(i * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA) >> 2]!;
  }

  /** What the i-th ready descriptor is ready for. */
  events(i: number): number {
    return this.#arena.u32[(i * EPOLL_EVENT_BYTES) >> 2]!;
  }

  /** Takes what an eventfd holds, so that it is not ready any more. */
  drain(eventFd: number): void {
    this.#libc.read(eventFd, this.#arena.at(SCRATCH), 8);
  }

  /** Makes an eventfd ready. */
  raise(eventFd: number): void {
    const { u32 } = this.#arena;
    u32[SCRATCH >> 2] = 1;
    u32[(SCRATCH + 4) >> 2] = 0;
    this.#libc.write(eventFd, this.#arena.at(SCRATCH), 8);
  }

  free(): void {
    this.#libc.close(this.descriptor);
    this.#arena.free();
  }

  #control(operation: number, fd: number, events: number): boolean {
    const { u32 } = this.#arena;
    u32[SCRATCH >> 2] = events;
    u32[(SCRATCH + EPOLL_EVENT_DATA) >> 2] = fd;
    u32[(SCRATCH + EPOLL_EVENT_DATA + 4) >> 2] = 0;
    return this.#libc.epoll_ctl(this.descriptor, operation, fd, this.#arena.at(SCRATCH)) === 0;
  }
}
