// One WebSocket of `sterna.v1` without any care: sends what it is told, correlates replies, notes pushes and its end.

import { once } from 'node:events';
import { WebSocket } from 'ws';
import { signalUrl } from '../../../sdk/signal-url.ts';

/** Any message of the server's; a test asks for the fields that it knows. */
export interface Said {
  readonly type: string;
  readonly re?: number;
  readonly reason?: string;
  readonly [field: string]: unknown;
}

const PING_EVERY_MS = 2000;

export class Signaling {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (said: Said) => void>();
  readonly #ping: NodeJS.Timeout;
  /** The id of the next request: those of a session go on over another socket. */
  nextId: number;
  /** Replies and errors by type or reason. */
  readonly counts = new Map<string, number>();
  closed = false;
  /** What the server said before it closed. */
  bye = '';
  onPush: (said: Said) => void = () => undefined;

  private constructor(socket: WebSocket, firstId: number) {
    this.#socket = socket;
    this.nextId = firstId;
    socket.on('message', (bytes: Buffer) => this.#receive(JSON.parse(bytes.toString()) as Said));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      clearInterval(this.#ping);
      for (const resolve of this.#waiting.values()) resolve({ type: 'closed' });
      this.#waiting.clear();
    });
    this.#ping = setInterval(() => this.send({ type: 'ping', t: 0 }), PING_EVERY_MS);
  }

  static async open(url: string, firstId = 1): Promise<Signaling> {
    const socket = new WebSocket(signalUrl(url), 'sterna.v1');
    await once(socket, 'open');
    return new Signaling(socket, firstId);
  }

  /** The reply, an `error` or, where the socket has gone, `closed`. */
  request(message: Readonly<Record<string, unknown>>): Promise<Said> {
    if (this.closed) return Promise.resolve({ type: 'closed' });
    const i = this.nextId++;
    const replied = new Promise<Said>((resolve) => void this.#waiting.set(i, resolve));
    this.send({ i, ...message });
    return replied;
  }

  send(message: object): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    if (!this.closed) this.#socket.send(text);
  }

  async leave(): Promise<void> {
    if (this.closed) return;
    const gone = once(this.#socket, 'close');
    this.send({ type: 'leave', i: this.nextId++ });
    await gone;
  }

  /** As a process that is killed. */
  drop(): void {
    this.#socket.terminate();
  }

  #receive(said: Said): void {
    const what = said.reason ?? said.type;
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    if (said.type === 'bye') this.bye = said.reason ?? '';
    if (said.re === undefined) {
      this.onPush(said);
      return;
    }
    this.#waiting.get(said.re)?.(said);
    this.#waiting.delete(said.re);
  }
}
