// WebSockets at other nodes whose rooms are here: each is a guest of signaling, which writes to it as to a WebSocket.
// Called by: cluster.ts with every message of other nodes, breaks and silence.

import type { Clock } from '../../shared/clock.ts';
import type { Guest, SignalingServer, Wire } from '../../signaling/index.ts';
import type { Content, ToOwner } from './envelope.ts';
import type { Links } from './links.ts';

const OPEN = 1;
const CLOSED = 3;

interface Visit {
  readonly wire: RemoteWire;
  guest: Guest;
}

export class Visits {
  readonly #links: Links;
  readonly #clock: Clock;
  readonly #signaling: SignalingServer;
  /** By node, and by the number that the node gave it. */
  readonly #visits = new Map<string, Map<number, Visit>>();

  constructor(links: Links, clock: Clock, signaling: SignalingServer) {
    this.#links = links;
    this.#clock = clock;
    this.#signaling = signaling;
  }

  get size(): number {
    let size = 0;
    for (const visits of this.#visits.values()) size += visits.size;
    return size;
  }

  peers(): Iterable<string> {
    return this.#visits.keys();
  }

  /** False when there are too many. */
  open(node: string, c: number, host: string, join: string): boolean {
    const send = (content: Content, text: string): void =>
      this.#links.send(node, content, text, this.#clock.monotonic());
    const wire = new RemoteWire(c, send, () => this.#closed(node, c));
    const guest = this.#signaling.receiveGuest(wire, host, () => send({ k: 'in', c }, ''));
    if (guest === null) return false;
    let visits = this.#visits.get(node);
    if (visits === undefined) {
      visits = new Map();
      this.#visits.set(node, visits);
      this.#links.expect(node, this.#clock.monotonic());
    }
    visits.set(c, { wire, guest });
    guest.receive(Buffer.from(join), false);
    return true;
  }

  /** False when it is not known here. */
  receive(node: string, content: ToOwner, text: string): boolean {
    const visit = this.#visits.get(node)?.get(content.c);
    if (visit === undefined) return false;
    switch (content.k) {
      case 'msg':
        visit.guest.receive(Buffer.from(text), content.binary === true);
        break;
      case 'control':
        visit.guest.receiveControl();
        break;
      case 'ack':
        visit.wire.acknowledged(content.bytes);
        break;
      case 'shut':
        this.#closed(node, content.c);
        break;
    }
    return true;
  }

  /** The way to that node is lost: its sessions are away. */
  end(node: string): void {
    for (const c of this.#visits.get(node)?.keys() ?? []) this.#closed(node, c);
  }

  #closed(node: string, c: number): void {
    const visits = this.#visits.get(node);
    const visit = visits?.get(c);
    if (visits === undefined || visit === undefined) return;
    visits.delete(c);
    if (visits.size === 0) this.#visits.delete(node);
    visit.wire.gone();
    visit.guest.closed();
  }
}

/** What signaling takes for a WebSocket. */
class RemoteWire implements Wire {
  readonly OPEN = OPEN;
  readonly #c: number;
  readonly #send: (content: Content, text: string) => void;
  readonly #onClosed: () => void;
  #readyState: typeof OPEN | typeof CLOSED = OPEN;
  #sentBytes = 0;
  #leftBytes = 0;

  constructor(c: number, send: (content: Content, text: string) => void, onClosed: () => void) {
    this.#c = c;
    this.#send = send;
    this.#onClosed = onClosed;
  }

  get readyState(): typeof OPEN | typeof CLOSED {
    return this.#readyState;
  }

  /** What has not left the other node for its client, as far as we know. */
  get bufferedAmount(): number {
    return this.#sentBytes - this.#leftBytes;
  }

  send(frame: string | Buffer): void {
    if (this.#readyState !== OPEN) return;
    const text = typeof frame === 'string' ? frame : frame.toString('utf8');
    this.#sentBytes += typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length;
    this.#send({ k: 'send', c: this.#c }, text);
  }

  close(code = 1000, reason: string | Buffer = ''): void {
    if (this.#readyState !== OPEN) return;
    this.#readyState = CLOSED;
    this.#send({ k: 'close', c: this.#c, code, reason: String(reason) }, '');
    // As a WebSocket does it: not while who closes it is still at it.
    setImmediate(this.#onClosed);
  }

  terminate(): void {
    this.close(1012);
  }

  acknowledged(bytes: number): void {
    this.#leftBytes = Math.min(this.#sentBytes, Math.max(this.#leftBytes, bytes));
  }

  /** Nothing reaches the other node any more. */
  gone(): void {
    this.#readyState = CLOSED;
  }
}
