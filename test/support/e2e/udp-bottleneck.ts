// A UDP path between one client and a server that lets only so much through towards the client: a queue of bounded
// time, whose end is dropped. What the client sends passes. As behind a NAT, each address that the client sends from
// has one of its own towards the server.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

const QUEUE_MS = 300;

export class UdpBottleneck {
  /** Towards the client, bits a second. */
  bps = Number.POSITIVE_INFINITY;
  readonly #near = createSocket('udp4');
  readonly #to: { host: string; port: number };
  /** Towards the server, by the client's address. */
  readonly #far = new Map<string, Socket>();
  /** When what is in the queue has left. */
  #freeAt = 0;
  /** In the order in which they leave. */
  readonly #queue: { bytes: Buffer; to: RemoteInfo; leavesAt: number }[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  private constructor(to: { host: string; port: number }) {
    this.#to = to;
    this.#near.on('message', (bytes, from) => {
      this.#farOf(from).send(bytes, this.#to.port, this.#to.host);
    });
  }

  /** On the address of the server that it stands before. */
  static async to(host: string, port: number): Promise<UdpBottleneck> {
    const bottleneck = new UdpBottleneck({ host, port });
    bottleneck.#near.bind(0, host);
    await once(bottleneck.#near, 'listening');
    return bottleneck;
  }

  get port(): number {
    return this.#near.address().port;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#near.close();
    for (const far of this.#far.values()) far.close();
  }

  #farOf(client: RemoteInfo): Socket {
    const key = `${client.address} ${client.port}`;
    let far = this.#far.get(key);
    if (far === undefined) {
      far = createSocket('udp4');
      far.on('message', (bytes) => this.#take(bytes, client));
      this.#far.set(key, far);
    }
    return far;
  }

  #take(bytes: Buffer, to: RemoteInfo): void {
    const now = performance.now();
    const begins = Math.max(now, this.#freeAt);
    if (begins - now > QUEUE_MS) return;
    this.#freeAt = begins + (bytes.length * 8000) / this.bps;
    this.#queue.push({ bytes, to, leavesAt: this.#freeAt });
    if (this.#queue.length === 1) this.#leave();
  }

  #leave(): void {
    const now = performance.now();
    while (this.#queue.length > 0 && this.#queue[0]!.leavesAt <= now + 0.5) {
      const { bytes, to } = this.#queue.shift()!;
      if (!this.#closed) this.#near.send(bytes, to.port, to.address);
    }
    const next = this.#queue[0];
    if (next !== undefined) this.#timer = setTimeout(() => this.#leave(), next.leavesAt - now);
  }
}
