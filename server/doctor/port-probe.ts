// Whether a server could listen at a port of this machine, by trying it. Called by: the doctor.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv4 } from 'node:net';

/** The problem where somebody listens there. */
export const IN_USE = 'in use';

/** Why a server could not listen there, or undefined. */
export async function tcpProblem(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return codeOf(error);
  } finally {
    server.close();
  }
}

export async function udpProblem(host: string, port: number): Promise<string | undefined> {
  const socket = createSocket({ type: isIPv4(host) ? 'udp4' : 'udp6', ipv6Only: !isIPv4(host) });
  socket.bind(port, host);
  try {
    await once(socket, 'listening');
    socket.close();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const known: Readonly<Record<string, string>> = {
    EADDRINUSE: IN_USE,
    EADDRNOTAVAIL: 'this machine has no such address',
    EACCES: 'this user may not bind it',
  };
  return known[code] ?? code;
}
