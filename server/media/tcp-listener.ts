// A TCP listener of the main thread: open, with its real port, or one line that says why it is not.
// Called by: IceTcp, TurnStreamsHost.

import type { Server } from 'node:net';
import { formatListenerUrl } from '../../shared/config/network-values.ts';
import { listenerUnavailable } from './media-worker.ts';
import type { Endpoint, ListenerState } from './messages.ts';

type Failure = NonNullable<ListenerState['failure']>;

/**
 * Resolves with the address and the real port. Rejects with SternaError LISTENER_UNAVAILABLE.
 * @param dualStack of `::`: takes IPv4 as well
 * @param keyOf what to correct in the configuration
 */
export function listenTcp(
  server: Server,
  { host, port, dualStack = false }: Endpoint & { dualStack?: boolean },
  transport: 'tcp' | 'tls',
  keyOf: (failure: Failure) => string,
): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const failure: Failure = error.code === 'EADDRINUSE' ? 'in-use' : 'unavailable';
      const url = formatListenerUrl(host, port, transport);
      reject(listenerUnavailable({ url, failure }, keyOf(failure)));
    };
    server.once('error', onError);
    server.listen({ host, port, ipv6Only: host.includes(':') && !dualStack }, () => {
      server.off('error', onError);
      const address = server.address();
      const real = address === null || typeof address === 'string' ? port : address.port;
      resolve({ host, port: real });
    });
  });
}
