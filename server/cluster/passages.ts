// WebSockets of this node whose rooms are at others: what a client sends goes to the owner of its room, and the owner's
// frames go to the client. Whatever is lost on the way closes the WebSocket with a code that lets it resume.
// Called by: routes.ts (open), cluster.ts (messages, breaks, deaths).

import type { Clock } from '../../shared/clock.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import { refusal } from '../../signaling/index.ts';
import type { JoinRequest, Passage, Refusal, SignalSocket } from '../../signaling/index.ts';
import { LIMITS } from '../../signaling/protocol.ts';
import { HOST_CHARS_MAX } from './envelope.ts';
import type { Content, ToEdge } from './envelope.ts';
import type { Links } from './links.ts';

/** Above what a session may send: the owner refuses with words, here a flood is kept off Redis. */
const RATE_SLACK = 2;
/** Of control frames only so many are worth passing on. */
const CONTROL_EVERY_MS = 1000;
/** The owner is told of what has left in steps of so many bytes; less than what it takes for an idle reader. */
const ACK_BYTES = 8192;
/** A frame that may itself exceed what may wait for a slow reader. */
const LARGE_CHARS = 65_536;
/** Smallest message that counts: an envelope is not free. */
const MESSAGE_BYTES_MIN = 64;

export const ROUTE_LOST: Refusal = refusal(
  'ROUTE_LOST',
  'The way to the node that has the room is lost',
);

/** `in`: frames of the owner come. `again`: the owner does not know the room (any more), or the way was lost. */
export type Opened = { readonly passage: Passage } | 'again' | 'silent';

export interface PassageStats {
  readonly open: number;
  readonly forwarded: number;
  readonly lost: number;
}

export class Passages {
  readonly #links: Links;
  readonly #clock: Clock;
  /** By node, and by number. */
  readonly #passages = new Map<string, Map<number, EdgePassage>>();
  #last = 0;
  #forwarded = 0;
  #lost = 0;

  constructor(links: Links, clock: Clock) {
    this.#links = links;
    this.#clock = clock;
  }

  /** Sends a join to the owner; `answered` gets what came of it, once. */
  open(
    node: string,
    request: JoinRequest,
    place: { at: number; room?: string; epoch?: number },
    answered: (opened: Opened) => void,
  ): { giveUp(): void } {
    const c = ++this.#last;
    const now = this.#clock.monotonic();
    let passages = this.#passages.get(node);
    if (passages === undefined) {
      passages = new Map();
      this.#passages.set(node, passages);
      this.#links.expect(node, now);
    }
    const passage = new EdgePassage(c, node, request, {
      clock: this.#clock,
      answered,
      send: (content, text) => {
        this.#forwarded++;
        this.#links.send(node, content, text, this.#clock.monotonic());
      },
      onEnd: () => this.#onEnd(node, c),
    });
    passages.set(c, passage);
    const host = request.requestHost.slice(0, HOST_CHARS_MAX);
    this.#links.send(node, { k: 'open', c, host, ...place }, request.join.toString('utf8'), now);
    return {
      giveUp: () => {
        if (!passage.isUnanswered) return;
        passage.closed();
        answered('silent');
      },
    };
  }

  /** Of the owner `from`; false when there is no such WebSocket. */
  receive(from: string, content: ToEdge, text: string): boolean {
    const passage = this.#passages.get(from)?.get(content.c);
    if (passage === undefined) return false;
    passage.hear(content, text);
    return true;
  }

  /** All that leads to that node ends. */
  end(node: string, why: Refusal): void {
    for (const passage of this.#passages.get(node)?.values() ?? []) {
      this.#lost++;
      passage.lose(why);
    }
  }

  /** Tells owners what has left of what had to wait for a slow reader. */
  acknowledge(): void {
    for (const passages of this.#passages.values()) {
      for (const passage of passages.values()) passage.acknowledge();
    }
  }

  peers(): Iterable<string> {
    return this.#passages.keys();
  }

  stats(): PassageStats {
    let open = 0;
    for (const passages of this.#passages.values()) open += passages.size;
    return { open, forwarded: this.#forwarded, lost: this.#lost };
  }

  #onEnd(node: string, c: number): void {
    const passages = this.#passages.get(node);
    passages?.delete(c);
    if (passages?.size === 0) this.#passages.delete(node);
  }
}

interface PassageOptions {
  readonly clock: Clock;
  readonly answered: (opened: Opened) => void;
  readonly send: (content: Content, text: string) => void;
  readonly onEnd: () => void;
}

class EdgePassage implements Passage {
  readonly node: string;
  readonly #c: number;
  readonly #socket: SignalSocket;
  readonly #onJoined: () => void;
  readonly #options: PassageOptions;
  readonly #messages = new TokenBucket(
    RATE_SLACK * LIMITS.ratePerSecond,
    RATE_SLACK * LIMITS.rateBurst,
  );
  readonly #bytes = new TokenBucket(
    RATE_SLACK * LIMITS.rateBytesPerSecond,
    RATE_SLACK * LIMITS.rateBytesBurst,
  );
  #controlAt = -Infinity;
  #isAnswered = false;
  #isOver = false;
  #received = 0;
  #acknowledged = 0;

  constructor(c: number, node: string, request: JoinRequest, options: PassageOptions) {
    this.node = node;
    this.#c = c;
    this.#socket = request.socket;
    this.#onJoined = () => request.onJoined();
    this.#options = options;
  }

  get isUnanswered(): boolean {
    return !this.#isAnswered && !this.#isOver;
  }

  receive(data: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    const now = this.#options.clock.monotonic();
    const bytes = Math.max(data.length, MESSAGE_BYTES_MIN);
    if (!this.#messages.spend(1, now) || !this.#bytes.spend(bytes, now)) {
      this.closed();
      this.#socket.bye(refusal('RATE_LIMITED', 'Too many messages or bytes in a second', 1000));
      return;
    }
    const c = this.#c;
    if (isBinary) this.#options.send({ k: 'msg', c, binary: true }, '');
    else this.#options.send({ k: 'msg', c }, data.toString('utf8'));
  }

  receiveControl(): void {
    const now = this.#options.clock.monotonic();
    if (this.#isOver || now - this.#controlAt < CONTROL_EVERY_MS) return;
    this.#controlAt = now;
    this.#options.send({ k: 'control', c: this.#c }, '');
  }

  closed(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#options.send({ k: 'shut', c: this.#c }, '');
  }

  hear(content: ToEdge, text: string): void {
    switch (content.k) {
      case 'send':
        this.#answer();
        this.#received += Buffer.byteLength(text);
        if (text.length > LARGE_CHARS) this.#socket.sendLarge(text);
        else this.#socket.send(text);
        return this.acknowledge();
      case 'in':
        return this.#onJoined();
      case 'close':
        this.#answer();
        this.#finish();
        return this.#socket.closeAs(content.code, content.reason);
      case 'no':
        return this.lose(ROUTE_LOST);
    }
  }

  /** One that is not answered yet may find another way. */
  lose(why: Refusal): void {
    if (this.#isOver) return;
    this.#finish();
    if (this.#isAnswered) this.#socket.bye(why);
    else this.#options.answered('again');
  }

  /** Tells the owner what has left, if it is much more than what was told. */
  acknowledge(): void {
    const bytes = this.#received - this.#socket.buffered;
    if (bytes - this.#acknowledged < ACK_BYTES) return;
    this.#acknowledged = bytes;
    this.#options.send({ k: 'ack', c: this.#c, bytes }, '');
  }

  #answer(): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#options.answered({ passage: this });
  }

  #finish(): void {
    this.#isOver = true;
    this.#options.onEnd();
  }
}
