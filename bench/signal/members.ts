// The load of bench/signal.ts: sockets that join rooms, stay, send data and time what comes of it. One process, so
// that sender and receivers have one clock.

import type { WebSocket } from 'ws';
import { mintToken, SIGNAL_PATH } from '../../signaling/index.ts';
import { exchange } from './exchange.ts';
import type { SignalHostReady } from './host.ts';

const PING_EVERY_MS = 5000;
/** Sockets of an address: half of what the server lets one have. */
const SOCKETS_PER_ADDRESS = 1000;
/** Opened at a time, as fewer than one address may have open and not joined. */
const AT_ONCE = 50;
/** Bytes of a message's payload, its time of sending included. */
const PAYLOAD_BYTES = 96;

export class Members {
  readonly #host: SignalHostReady;
  readonly #sockets: { socket: WebSocket; requests: number }[] = [];
  readonly #latencies: number[] = [];
  readonly #pings: NodeJS.Timeout;
  #received = 0;
  #opened = 0;

  constructor(host: SignalHostReady) {
    this.#host = host;
    let at = 0;
    // A part of them every tenth of the time, so that no burst of pings is in what is measured.
    this.#pings = setInterval(() => {
      const some = Math.ceil(this.#sockets.length / 50);
      for (let n = 0; n < some; n++) {
        this.#sockets[at++ % this.#sockets.length]?.socket.send('{"type":"ping","t":0}');
      }
    }, PING_EVERY_MS / 50);
  }

  get count(): number {
    return this.#sockets.length;
  }

  /** @param roomOf the room of the n-th */
  async join(count: number, roomOf: (n: number) => string): Promise<void> {
    for (let done = 0; done < count; done += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, i) => done + i);
      // oxlint-disable-next-line no-await-in-loop -- a few at a time
      await Promise.all(some.map((n) => this.joinOne(roomOf(n))));
    }
  }

  /** Milliseconds from `join` to its answer. */
  async joinOne(room: string, media: object = {}): Promise<number> {
    const n = this.#opened++;
    const [key, secret] = this.#host.key;
    const identity = `member-${n}`;
    const grants = { room, roomJoin: true };
    const token = key === '' ? '' : mintToken({ key, secret, identity, grants, ttlSeconds: 3600 });
    const { answerMs, socket } = await exchange(
      `${this.#host.url.replace(/^http/, 'ws')}${key === '' ? '' : SIGNAL_PATH}`,
      JSON.stringify({ type: 'join', i: 1, token, room, ...media }),
      '"joined"',
      `127.0.0.${2 + Math.floor(n / SOCKETS_PER_ADDRESS)}`,
    );
    socket.on('message', (data: Buffer) => this.#onMessage(data));
    this.#sockets.push({ socket, requests: 1 });
    return answerMs;
  }

  /**
   * Each sends to its room, one after the other at a pace; the latencies of every copy, milliseconds.
   * @param copies how many hear of one message
   */
  async talk(
    senders: readonly number[],
    messages: number,
    everyMs: number,
    copies: number,
  ): Promise<number[]> {
    this.#latencies.length = 0;
    this.#received = 0;
    const begun = performance.now();
    for (let n = 0; n < messages; n++) {
      const wait = begun + n * everyMs - performance.now();
      // oxlint-disable-next-line no-await-in-loop -- keeps the pace
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const member = this.#sockets[senders[n % senders.length]!]!;
      const payload = Buffer.alloc(PAYLOAD_BYTES);
      payload.writeDoubleBE(performance.now());
      const body = { type: 'data', i: ++member.requests, payload: payload.toString('base64') };
      member.socket.send(JSON.stringify(body));
    }
    const patience = performance.now() + 10_000;
    while (this.#received < messages * copies) {
      if (performance.now() > patience) {
        throw new Error(`${this.#received} of ${messages * copies} copies came`);
      }
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.#latencies.slice();
  }

  /** All leave, which is more than closing: nobody comes back to what is left. */
  async leave(): Promise<void> {
    clearInterval(this.#pings);
    const closed = this.#sockets.map(
      ({ socket }) => new Promise((resolve) => socket.once('close', resolve)),
    );
    for (const { socket } of this.#sockets) {
      socket.send('{"type":"leave"}');
      socket.close();
    }
    await Promise.all(closed);
  }

  close(): void {
    clearInterval(this.#pings);
    for (const { socket } of this.#sockets) socket.terminate();
  }

  /** Reads no JSON: the load must cost less than what it measures. */
  #onMessage(data: Buffer): void {
    if (!data.includes('"type":"data"')) return;
    const at = data.indexOf('"payload":"') + 11;
    const stamp = Buffer.from(data.toString('latin1', at, at + 12), 'base64');
    this.#latencies.push(performance.now() - stamp.readDoubleBE(0));
    this.#received++;
  }
}
