// One WebSocket, seen from above: send a frame, say `bye`, close. Knows nothing of sessions or messages.
// Called by: session.ts, conversation.ts. A reader that lets too much pile up is cut off here.

import type { WebSocket } from 'ws';
import { CODES } from './codes.ts';
import type { Reason } from './codes.ts';
import { byeFrame, refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';

const TEXT = { binary: false } as const;
/** RFC 6455 s7.4.1: normal closure, after `leave`. */
const CLOSE_NORMAL = 1000;

/** Unsent bytes above which nothing is added that can be missed. */
const IDLE_BYTES_MAX = 16_384;

/** What is used of a WebSocket. */
export type Wire = Pick<
  WebSocket,
  'OPEN' | 'readyState' | 'bufferedAmount' | 'close' | 'terminate'
> & { send(frame: string | Buffer, options: typeof TEXT): void };

export class SignalSocket {
  readonly #ws: Wire;
  readonly #bufferedBytesMax: number;
  #allowance = 0;
  #closedFor: Reason | 'LEFT' | null = null;

  constructor(ws: Wire, bufferedBytesMax: number) {
    this.#ws = ws;
    this.#bufferedBytesMax = bufferedBytesMax;
  }

  /** Neither side has begun to close. */
  get open(): boolean {
    return this.#closedFor === null && this.#ws.readyState === this.#ws.OPEN;
  }

  /** Why this side closed it; null when it did not. */
  get closedFor(): Reason | 'LEFT' | null {
    return this.#closedFor;
  }

  /** Bytes that are not sent yet. */
  get buffered(): number {
    return this.#ws.bufferedAmount;
  }

  /** Sends a text frame; does nothing once closing. */
  send(frame: string | Buffer): void {
    if (!this.open) return;
    const buffered = this.#ws.bufferedAmount;
    if (buffered <= this.#bufferedBytesMax) {
      this.#allowance = 0;
    } else if (buffered > this.#bufferedBytesMax + this.#allowance) {
      this.bye(refusal('SLOW_CONSUMER', 'Too much is waiting to be read by this client'));
      return;
    }
    this.#ws.send(frame, TEXT);
  }

  /** As `send`, for a message that may itself exceed the bound: it is not held against its reader. */
  sendLarge(frame: string): void {
    this.send(frame);
    this.#allowance = Buffer.byteLength(frame);
  }

  /** As `send`, for what its reader can do without: dropped while more than a little is waiting. */
  sendIfIdle(frame: string): void {
    if (this.open && this.#ws.bufferedAmount <= IDLE_BYTES_MAX) this.#ws.send(frame, TEXT);
  }

  /** The last message, then the close with its code; `closeTimeoutMs` bounds the closing handshake. */
  bye(why: Refusal): void {
    if (!this.open) return;
    this.#closedFor = why.reason;
    this.#ws.send(byeFrame(why), TEXT);
    this.#ws.close(CODES[why.reason].code, why.reason);
  }

  /** Closes after `leave`, without `bye`. */
  closeAfterLeave(): void {
    if (!this.open) return;
    this.#closedFor = 'LEFT';
    this.#ws.close(CLOSE_NORMAL, 'LEFT');
  }

  /** Closes as another node has said, which has sent its last message as well. */
  closeAs(code: number, reason: string): void {
    if (!this.open) return;
    this.#closedFor = isReason(reason) ? reason : 'LEFT';
    this.#ws.close(code, reason);
  }

  /** Destroys the socket. */
  terminate(): void {
    this.#ws.terminate();
  }
}

function isReason(text: string): text is Reason {
  return Object.hasOwn(CODES, text);
}
