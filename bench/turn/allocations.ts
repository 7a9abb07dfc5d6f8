// Allocations without traffic: how fast they are made and given up, and what an idle one costs in memory.
// RFC 8656 s7, s8. Called by the load generator.

import { setTimeout as sleep } from 'node:timers/promises';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import { giveUpAll, runAll } from './flows.ts';
import { residentBytes } from './process-stat.ts';
import type { Sockets } from './sockets.ts';
import { ALLOCATE, GIVE_UP, TurnClient } from './turn-client.ts';

/** Made first, so that what a server sets up once is not counted. */
const WARM_ALLOCATIONS = 100;
/** For the server to finish what it does behind the last answer. */
const SETTLE_MS = 300;
const RESEND_MS = 500;

/** Concurrent newcomers, each: Allocate, challenge, Allocate, Refresh to zero, and again. */
export class Newcomers {
  made = 0;
  failed = 0;
  readonly #sockets: Sockets;
  readonly #server: TransportAddress;
  readonly #clients = new Set<TurnClient>();
  readonly #lastMade = new Map<TurnClient, number>();
  #stopping = false;

  constructor(sockets: Sockets, server: TransportAddress, concurrent: number) {
    this.#sockets = sockets;
    this.#server = server;
    for (let i = 0; i < concurrent; i++) this.#admit();
  }

  runFor(durationMs: number): void {
    let now = performance.now();
    const end = now + durationMs;
    while (now < end) {
      this.#sockets.engine.turn(1, ignore);
      now = performance.now();
      this.#resendOverdue(now);
    }
  }

  /** Lets those under way finish. */
  stop(): void {
    this.#stopping = true;
    const end = performance.now() + 1000;
    while (this.#clients.size > 0 && performance.now() < end) this.#sockets.engine.turn(1, ignore);
  }

  /** Every newcomer comes from a port of its own, as in life. */
  #admit(): void {
    const client = new TurnClient(this.#sockets, this.#server, ignore);
    this.#clients.add(client);
    this.#lastMade.set(client, performance.now());
    client.run([ALLOCATE, GIVE_UP], () => {
      if (client.failure === 0) this.made++;
      else this.failed++;
      this.#clients.delete(client);
      this.#lastMade.delete(client);
      client.close();
      if (!this.#stopping) this.#admit();
    });
  }

  #resendOverdue(now: number): void {
    for (const [client, since] of this.#lastMade) {
      if (now - since < RESEND_MS) return;
      this.#lastMade.delete(client);
      this.#lastMade.set(client, now);
      client.resend();
    }
  }
}

/** How much the server's memory grows with each of `count` allocations that do nothing, bytes. */
export async function idleBytes(
  sockets: Sockets,
  server: TransportAddress,
  pid: number,
  count: number,
): Promise<number> {
  const warm = allocate(sockets, server, WARM_ALLOCATIONS);
  await sleep(SETTLE_MS);
  const before = residentBytes(pid);
  const idle = allocate(sockets, server, count);
  await sleep(SETTLE_MS);
  const after = residentBytes(pid);
  giveUpAll(sockets.engine, [...warm, ...idle]);
  return (after - before) / count;
}

function allocate(sockets: Sockets, server: TransportAddress, count: number): TurnClient[] {
  const clients = Array.from({ length: count }, () => new TurnClient(sockets, server, ignore));
  runAll(sockets.engine, clients, () => [ALLOCATE]);
  return clients;
}

function ignore(): void {}
