// Links to other nodes over a medium that may lose messages and says nothing of it: each direction is numbered, and
// beats go where sessions are, so that a gap shows soon. A link with a gap breaks: all sessions over it are closed with
// a code that lets them resume, and a new stream begins. Nothing is sent twice here; resuming does that.
// Called by: cluster.ts, passages.ts, visits.ts, calls.ts. Time is an argument (monotonic, milliseconds).

import { randomBytes } from 'node:crypto';
import { decode, encode } from './envelope.ts';
import type { Content, Envelope } from './envelope.ts';

interface Link {
  /** What we send. */
  stream: string;
  sent: number;
  /** What it sends; empty before its first message. */
  theirs: string;
  heard: number;
  heardAt: number;
}

export interface LinkOptions {
  readonly node: string;
  /** Resolves with how many have got it. */
  readonly publish: (channel: string, message: string) => Promise<number>;
  /** All that was open over the link is lost. */
  readonly onBreak: (node: string) => void;
}

export interface LinkStats {
  readonly sent: number;
  readonly received: number;
  readonly gaps: number;
  readonly undelivered: number;
  /** That were none of ours. */
  readonly malformed: number;
}

export class Links {
  readonly #options: LinkOptions;
  readonly #links = new Map<string, Link>();
  #sent = 0;
  #received = 0;
  #gaps = 0;
  #undelivered = 0;
  #malformed = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  static channelOf(node: string): string {
    return `in:${node}`;
  }

  /** What cannot be delivered breaks the link, later. */
  send(node: string, content: Content, text: string, now: number): void {
    const link = this.#link(node, now);
    const { stream } = link;
    const { node: from, publish } = this.#options;
    const message = encode({ from, stream, n: ++link.sent, content, text });
    this.#sent++;
    const lost = (): void => {
      this.#undelivered++;
      // It may have broken meanwhile, and what goes over it now is on another stream.
      if (link.stream === stream) this.break(node);
    };
    publish(Links.channelOf(node), message).then((receivers) => receivers === 0 && lost(), lost);
  }

  /** Null for what is to be ignored. After a gap the link has broken before this returns. */
  receive(message: string, now: number): Envelope | null {
    const envelope = decode(message);
    if (envelope === null || envelope.from === this.#options.node) {
      this.#malformed++;
      return null;
    }
    this.#received++;
    const link = this.#link(envelope.from, now);
    link.heardAt = now;
    const { stream, n } = envelope;
    const isNew = stream !== link.theirs;
    if (!isNew && n <= link.heard) return null;
    const isWhole = link.theirs === '' || (!isNew && n === link.heard + 1);
    link.theirs = stream;
    link.heard = n;
    if (isWhole) return envelope;
    this.#gaps++;
    // A new stream says that the other side has broken it. To begin one in answer would be answered alike, for ever.
    if (isNew) this.#options.onBreak(envelope.from);
    else this.break(envelope.from);
    return envelope;
  }

  /** How long nothing has been heard of a node; 0 for one that there is no link to. */
  silentMs(node: string, now: number): number {
    const link = this.#links.get(node);
    return link === undefined ? 0 : now - link.heardAt;
  }

  /** Silence counts from now on. */
  expect(node: string, now: number): void {
    this.#link(node, now).heardAt = now;
  }

  break(node: string): void {
    const link = this.#links.get(node);
    if (link !== undefined) {
      link.stream = streamId();
      link.sent = 0;
    }
    this.#options.onBreak(node);
  }

  forget(node: string): void {
    this.#links.delete(node);
  }

  /** Forgets nodes of which nobody has heard for so long: most likely they are dead, and their ids never come again. */
  prune(silentMs: number, now: number): void {
    for (const [node, { heardAt }] of this.#links) {
      if (now - heardAt > silentMs) this.#links.delete(node);
    }
  }

  stats(): LinkStats {
    return {
      sent: this.#sent,
      received: this.#received,
      gaps: this.#gaps,
      undelivered: this.#undelivered,
      malformed: this.#malformed,
    };
  }

  #link(node: string, now: number): Link {
    let link = this.#links.get(node);
    if (link === undefined) {
      link = { stream: streamId(), sent: 0, theirs: '', heard: 0, heardAt: now };
      this.#links.set(node, link);
    }
    return link;
  }
}

function streamId(): string {
  return randomBytes(6).toString('base64url');
}
