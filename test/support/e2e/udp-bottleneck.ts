// A UDP path between one client and a server that lets only so much through towards the client: a queue of bounded
// time, whose end is dropped. What the client sends passes.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

const QUEUE_MS = 300;

export class UdpBottleneck {
  /** Towards the client, bits a second. */
  bps = Number.POSITIVE_INFINITY;
  dropped = 0;
  readonly #near = createSocket('udp4');
  readonly #far = createSocket('udp4');
  readonly #to: { host: string; port: number };
  #client: RemoteInfo | undefined = undefined;
  /** When what is in the queue has left. */
  #freeAt = 0;
  /** In the order in which they leave. */
  readonly #queue: { bytes: Buffer; leavesAt: number }[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;

  private constructor(to: { host: string; port: number }) {
    this.#to = to;
    this.#near.on('message', (bytes, from) => {
      this.#client = from;
      this.#far.send(bytes, this.#to.port, this.#to.host);
    });
    this.#far.on('message', (bytes) => this.#take(bytes));
  }

  /** On the address of the server that it stands before. */
  static async to(host: string, port: number): Promise<UdpBottleneck> {
    const proxy = new UdpBottleneck({ host, port });
    await Promise.all([listening(proxy.#near, host), listening(proxy.#far, host)]);
    return proxy;
  }

  get port(): number {
    return this.#near.address().port;
  }

  /** What comes now waits for so long, milliseconds. */
  get queueMs(): number {
    return Math.max(0, this.#freeAt - performance.now());
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#near.close();
    this.#far.close();
  }

  #take(bytes: Buffer): void {
    const now = performance.now();
    const begins = Math.max(now, this.#freeAt);
    if (begins - now > QUEUE_MS) {
      this.dropped++;
      return;
    }
    this.#freeAt = begins + (bytes.length * 8000) / this.bps;
    this.#queue.push({ bytes, leavesAt: this.#freeAt });
    if (this.#queue.length === 1) this.#leave();
  }

  #leave(): void {
    const now = performance.now();
    while (this.#queue.length > 0 && this.#queue[0]!.leavesAt <= now + 0.5) {
      this.#deliver(this.#queue.shift()!.bytes);
    }
    const next = this.#queue[0];
    if (next !== undefined) this.#timer = setTimeout(() => this.#leave(), next.leavesAt - now);
  }

  #deliver(bytes: Buffer): void {
    const client = this.#client;
    if (client === undefined) return;
    // It may have been closed meanwhile, with packets on their way.
    try {
      this.#near.send(bytes, client.port, client.address);
    } catch {
      this.#client = undefined;
    }
  }
}

async function listening(socket: Socket, host: string): Promise<void> {
  socket.bind(0, host);
  await once(socket, 'listening');
}
