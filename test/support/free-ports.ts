// Ports for tests that must know them before anything listens, or that need several in a row.

import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A UDP port that is free at each of the hosts, of IPv4. */
export async function freePort(hosts: readonly string[]): Promise<number> {
  const sockets: Socket[] = [];
  let port = 0;
  try {
    for (const host of hosts) {
      const socket = createSocket('udp4').bind(port, host);
      sockets.push(socket);
      // oxlint-disable-next-line eslint/no-await-in-loop -- the first one chooses
      await once(socket, 'listening');
      ({ port } = socket.address());
    }
    return port;
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/**
 * The first of `count` ports in a row that are free at each of the hosts, over UDP and TCP: below those that the system
 * hands out itself (from 32768), and drawn at random, so that tests beside this one draw others.
 */
export async function freePorts(hosts: readonly string[], count: number): Promise<number> {
  for (;;) {
    const first = randomInt(10_000, 20_000 - count);
    // oxlint-disable-next-line eslint/no-await-in-loop -- until all of a row are free
    const free = await Promise.all(
      hosts.flatMap((host) => Array.from({ length: count }, (_, i) => isFree(host, first + i))),
    );
    if (free.every(Boolean)) return first;
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const server = createServer();
  try {
    await once(socket.bind({ port, address: host, exclusive: true }), 'listening');
    await once(server.listen({ port, host, exclusive: true }), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
    server.close();
  }
}
