// An eventfd (eventfd(2)) that wakes a thread blocked in epoll_wait, from any other thread of the process.

import { Arena } from '../native/arena.ts';
import { libc } from '../native/libc.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../native/socket-constants.ts';

/** The 64-bit number that is added to an eventfd; one a thread. */
let one: Arena | undefined;

/** Wakes whoever waits for that eventfd. */
export function wake(fd: number): void {
  if (one === undefined) {
    one = new Arena(8);
    one.u32[0] = 1;
  }
  libc().write(fd, one.base, 8);
}

export class Wake {
  readonly fd: number = libc().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

  wake(): void {
    wake(this.fd);
  }

  close(): void {
    libc().close(this.fd);
  }
}
