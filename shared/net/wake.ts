// An eventfd (eventfd(2)) that wakes a thread blocked in epoll_wait, from any other thread of the process.

import { Arena } from '../native/arena.ts';
import { libc } from '../native/libc.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../native/socket-constants.ts';

export class Wake {
  readonly fd: number = libc().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  readonly #one = new Arena(8);

  constructor() {
    this.#one.u32[0] = 1;
  }

  wake(): void {
    libc().write(this.fd, this.#one.base, 8);
  }

  close(): void {
    libc().close(this.fd);
    this.#one.free();
  }
}
