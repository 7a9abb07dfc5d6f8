// The system calls that node:dgram lacks, from the C library by FFI. Every function returns what its man page says,
// -1 for a failure, and then `errno()` tells which. Loaded on first use, so other systems never touch it.

import koffi from 'koffi';
import type { Pointer } from './arena.ts';

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Pointer, length: number): number;
  getsockname(fd: number, address: Pointer, length: Pointer): number;
  setsockopt(fd: number, level: number, option: number, value: Pointer, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Pointer, length: Pointer): number;
  close(fd: number): number;
  /** recvmmsg(2), without a time-out. */
  recvmmsg(fd: number, messages: Pointer, count: number, flags: number, timeout: Pointer): number;
  sendmmsg(fd: number, messages: Pointer, count: number, flags: number): number;
  sendto(
    fd: number,
    bytes: Pointer,
    length: number,
    flags: number,
    to: Pointer,
    toLength: number,
  ): number;
  recvmsg(fd: number, message: Pointer, flags: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Pointer): number;
  epoll_wait(epoll: number, events: Pointer, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  read(fd: number, bytes: Pointer, length: number): number;
  write(fd: number, bytes: Pointer, length: number): number;
  sched_setaffinity(thread: number, length: number, mask: Pointer): number;
  /** adjtimex(2): what the kernel thinks of its clock. */
  adjtimex(clock: Pointer): number;
  /** errno of the last call that failed in this thread. */
  errno(): number;
}

let loaded: Libc | undefined;

/** The C library of this process. Throws where there is none that we can call: then the portable engine runs. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  // The node executable is linked against the C library, so its symbols are found in the process itself.
  const library = koffi.load(null);
  const f = (prototype: string) => library.func(prototype);
  return {
    socket: f('int socket(int, int, int)'),
    bind: f('int bind(int, uint64, uint)'),
    getsockname: f('int getsockname(int, uint64, uint64)'),
    setsockopt: f('int setsockopt(int, int, int, uint64, uint)'),
    getsockopt: f('int getsockopt(int, int, int, uint64, uint64)'),
    close: f('int close(int)'),
    recvmmsg: f('int recvmmsg(int, uint64, uint, int, uint64)'),
    sendmmsg: f('int sendmmsg(int, uint64, uint, int)'),
    sendto: f('int64 sendto(int, uint64, size_t, int, uint64, uint)'),
    recvmsg: f('int64 recvmsg(int, uint64, int)'),
    epoll_create1: f('int epoll_create1(int)'),
    epoll_ctl: f('int epoll_ctl(int, int, int, uint64)'),
    epoll_wait: f('int epoll_wait(int, uint64, int, int)'),
    eventfd: f('int eventfd(uint, int)'),
    read: f('int64 read(int, uint64, size_t)'),
    write: f('int64 write(int, uint64, size_t)'),
    sched_setaffinity: f('int sched_setaffinity(int, size_t, uint64)'),
    adjtimex: f('int adjtimex(uint64)'),
    errno: () => koffi.errno(),
  };
}
