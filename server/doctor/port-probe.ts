// Whether a server could listen at a port of this machine, by trying it, or whether one takes connections there.
// Called by: the doctor.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIPv4 } from 'node:net';

const CONNECT_MS = 2500;

/** The problem where somebody listens there. */
export const IN_USE = 'in use';

/** Why a server could not listen there, of `::` for both families or for IPv6 alone; or undefined. */
export async function tcpProblem(
  host: string,
  port: number,
  dualStack: boolean,
): Promise<string | undefined> {
  const server = createServer();
  server.listen({ host, port, exclusive: true, ipv6Only: !isIPv4(host) && !dualStack });
  try {
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return codeOf(error);
  } finally {
    server.close();
  }
}

export async function udpProblem(
  host: string,
  port: number,
  dualStack: boolean,
): Promise<string | undefined> {
  const type = isIPv4(host) ? 'udp4' : 'udp6';
  const socket = createSocket({ type, ipv6Only: !isIPv4(host) && !dualStack });
  socket.bind(port, host);
  try {
    await once(socket, 'listening');
    socket.close();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** Why nobody takes a connection there, or undefined. */
export async function tcpConnectProblem(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return undefined;
  } catch (error) {
    return codeOf(error);
  } finally {
    socket.destroy();
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const known: Readonly<Record<string, string>> = {
    EADDRINUSE: IN_USE,
    EADDRNOTAVAIL: 'this machine has no such address',
    ECONNREFUSED: 'nobody listens there',
    ABORT_ERR: 'no answer',
    EACCES: 'this user may not bind it',
  };
  return known[code] ?? code;
}
