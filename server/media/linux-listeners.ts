// The listening sockets of the Linux engine: one for each worker and listener, sharing the port by SO_REUSEPORT.
// The main thread opens them and keeps them open while a worker is dead: were its socket to go, the kernel would deal
// the clients of all the others out anew.

import { libc } from '../../shared/native/libc.ts';
import { SocketOpener } from '../../shared/net/linux-socket.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { ListenAt } from '../../turn/index.ts';
import type { ListenerState } from './messages.ts';

export class LinuxListeners {
  /** By worker, in the order of the addresses. */
  readonly byWorker: readonly (readonly number[])[];
  readonly #opened: readonly number[];

  private constructor(byWorker: readonly (readonly number[])[], opened: readonly number[]) {
    this.byWorker = byWorker;
    this.#opened = opened;
  }

  /** Gives each address with port 0 its real one. The first that cannot be had is returned as a failure. */
  static open(
    listeners: readonly ListenAt[],
    workers: number,
  ):
    | LinuxListeners
    | { address: TransportAddress; failure: NonNullable<ListenerState['failure']> } {
    const byWorker: number[][] = Array.from({ length: workers }, () => []);
    const opened: number[] = [];
    const opener = new SocketOpener(libc());
    try {
      for (const { address, dualStack = false } of listeners) {
        for (let worker = 0; worker < workers; worker++) {
          const got = openOne(opener, address, dualStack, worker, workers);
          if ('failure' in got) {
            for (const fd of opened) libc().close(fd);
            return { address, failure: got.failure };
          }
          opened.push(got.fd);
          byWorker[worker]!.push(got.fd);
        }
      }
    } finally {
      opener.free();
    }
    return new LinuxListeners(byWorker, opened);
  }

  /** To be called once the workers are gone. */
  close(): void {
    for (const fd of this.#opened) libc().close(fd);
  }
}

/**
 * A port that is to be shared is first opened alone: SO_REUSEPORT would join the sockets of another server of the same
 * user without a word.
 */
function openOne(
  opener: SocketOpener,
  address: TransportAddress,
  dualStack: boolean,
  worker: number,
  workers: number,
): ReturnType<SocketOpener['open']> {
  const shared = workers > 1;
  if (shared && worker === 0) {
    const alone = opener.open(address, { gro: true, dualStack });
    if ('failure' in alone) return alone;
    libc().close(alone.fd);
  }
  return opener.open(address, { gro: true, dualStack, reusePort: shared });
}
