// A UDP path between one client and a server that lets only so much through towards the client: a queue of bounded
// time, whose end is dropped; and that may lose some of it in any case. What the client sends passes, from the first
// address that it uses: there is one way.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** RFC 7983 s7. */
const MEDIA_MIN = 128;
const MEDIA_MAX = 191;

export class UdpBottleneck {
  /** Towards the client, bits a second. */
  bps = Number.POSITIVE_INFINITY;
  /** What would have to wait for longer is dropped. */
  queueMs = 300;
  /** Of so many datagrams of SRTP one is lost; 0 for none. */
  losesOneIn = 0;
  dropped = 0;
  #media = 0;
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
      this.#client ??= from;
      if (from.port !== this.#client.port || from.address !== this.#client.address) return;
      this.#far.send(bytes, this.#to.port, this.#to.host);
    });
    this.#far.on('message', (bytes) => this.#take(bytes));
  }

  /** On the address of the server that it stands before. */
  static async to(host: string, port: number): Promise<UdpBottleneck> {
    const bottleneck = new UdpBottleneck({ host, port });
    await Promise.all([bind(bottleneck.#near, host), bind(bottleneck.#far, host)]);
    return bottleneck;
  }

  get port(): number {
    return this.#near.address().port;
  }

  close(): void {
    this.#client = undefined;
    clearTimeout(this.#timer);
    this.#near.close();
    this.#far.close();
  }

  #take(bytes: Buffer): void {
    const isMedia = bytes[0]! >= MEDIA_MIN && bytes[0]! <= MEDIA_MAX && !isRtcp(bytes);
    if (isMedia && this.losesOneIn > 0 && ++this.#media % this.losesOneIn === 0) {
      this.dropped++;
      return;
    }
    const now = performance.now();
    const begins = Math.max(now, this.#freeAt);
    if (begins - now > this.queueMs) {
      this.dropped++;
      return;
    }
    this.#freeAt = begins + (bytes.length * 8000) / this.bps;
    this.#queue.push({ bytes, leavesAt: this.#freeAt });
    if (this.#queue.length === 1) this.#leave();
  }

  #leave(): void {
    const client = this.#client;
    const now = performance.now();
    while (this.#queue.length > 0 && this.#queue[0]!.leavesAt <= now + 0.5) {
      const { bytes } = this.#queue.shift()!;
      if (client !== undefined) this.#near.send(bytes, client.port, client.address);
    }
    const next = this.#queue[0];
    if (next !== undefined) this.#timer = setTimeout(() => this.#leave(), next.leavesAt - now);
  }
}

/** RFC 5761 s4. */
function isRtcp(bytes: Buffer): boolean {
  return bytes[1]! >= 192 && bytes[1]! <= 223;
}

async function bind(socket: Socket, host: string): Promise<void> {
  socket.bind(0, host);
  await once(socket, 'listening');
}
