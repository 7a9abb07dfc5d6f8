// A UDP path between one client and a server that lets only so much through towards the client: a queue of bounded
// time, whose end is dropped; and that may lose some of it in any case. What the client sends passes.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

const QUEUE_MS = 300;
/** RFC 7983 s7. */
const MEDIA_MIN = 128;
const MEDIA_MAX = 191;

export class UdpBottleneck {
  /** Towards the client, bits a second. */
  bps = Number.POSITIVE_INFINITY;
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

  private constructor(to: { host: string; port: number }) {
    this.#to = to;
    this.#near.on('message', (bytes, from) => {
      this.#client = from;
      this.#far.send(bytes, this.#to.port, this.#to.host);
    });
    this.#far.on('message', (bytes) => this.#take(bytes));
  }

  static async to(host: string, port: number): Promise<UdpBottleneck> {
    const proxy = new UdpBottleneck({ host, port });
    await Promise.all([listening(proxy.#near), listening(proxy.#far)]);
    return proxy;
  }

  get port(): number {
    return this.#near.address().port;
  }

  close(): void {
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
    if (begins - now > QUEUE_MS) {
      this.dropped++;
      return;
    }
    this.#freeAt = begins + (bytes.length * 8000) / this.bps;
    if (this.#freeAt - now < 1) this.#deliver(bytes);
    else setTimeout(() => this.#deliver(bytes), this.#freeAt - now);
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

/** RFC 5761 s4. */
function isRtcp(bytes: Buffer): boolean {
  return bytes[1]! >= 192 && bytes[1]! <= 223;
}

async function listening(socket: Socket): Promise<void> {
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
}
