// How the HTTP server comes by its listening socket: from libc, with the options that node does not know, or else from
// node. Called by: http-server.ts.

import type { Logger } from '../shared/log.ts';
import { TransportAddress } from '../shared/net/transport-address.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Whether other processes may have the port, too. */
  readonly reusePort: boolean;
}

/** What `server.listen` takes. Rejects with the system's error, such as EADDRINUSE. */
export async function listenOptions(
  { host, port, reusePort }: Endpoint,
  log: Logger,
): Promise<{ host: string; port: number; fd?: number; reusePort?: boolean }> {
  try {
    const address = TransportAddress.parse(host, port);
    if (process.platform !== 'linux') throw new Error(`not on ${process.platform}`);
    if (address === undefined) throw new Error(`${host} is no IP address`);
    const { openListeningSocket } = await import('../shared/net/listening-socket.ts');
    const { fd, fastOpen } = openListeningSocket(address, { reusePort });
    log.debug('http.listener', { reusePort, fastOpen });
    return { host, port, fd };
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    // Node knows it since 23.1, and refuses it where the system does not deal connections out; before, it is ignored.
    log[reusePort ? 'warn' : 'info']('http.plain-listener', { reason, reusePort });
    return reusePort ? { host, port, reusePort } : { host, port };
  }
}
