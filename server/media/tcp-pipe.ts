// One way of two TCP connections that were joined (RFC 6062 s5.4): what comes from one goes to the other, counted, as
// fast as its reader and the limits on bandwidth let it. What must wait is not read, so that nothing is ever dropped.
// Called by: TcpRelaysHost.

import type { Socket } from 'node:net';
import { systemClock } from '../../shared/clock.ts';
import type { TcpMeter } from '../../turn/index.ts';
import type { Paced, TcpPacer } from './tcp-pacer.ts';

/** For what was sent before the end, to a side that does not read it. */
const LINGER_MS = 5000;
/** As that, where a limit holds the last of it back: one read, at the lowest limit that there is. */
const GRANT_MS = 30_000;

export class TcpPipe implements Paced {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #meter: TcpMeter;
  readonly #direction: 'sent' | 'received';
  readonly #pacer: TcpPacer;
  /** Read, and not granted yet. */
  #left: Uint8Array | undefined;
  #isOver = false;

  /** Nothing is read before `start`. */
  constructor(
    from: Socket,
    to: Socket,
    direction: 'sent' | 'received',
    meter: TcpMeter,
    pacer: TcpPacer,
  ) {
    this.#from = from;
    this.#to = to;
    this.#meter = meter;
    this.#direction = direction;
    this.#pacer = pacer;
  }

  get isWaiting(): boolean {
    return this.#left !== undefined;
  }

  /** @param first what was read before */
  start(first: Uint8Array): void {
    const from = this.#from;
    const to = this.#to;
    from.on('data', (data) => this.#receive(data));
    from.on('end', () => this.#end());
    from.on('close', () => this.#close());
    to.on('drain', () => this.#regulate());
    to.on('close', () => this.proceed());
    if (first.length > 0) this.#receive(first);
    this.#regulate();
  }

  proceed(): boolean {
    const to = this.#to;
    let left = this.#left;
    if (left === undefined) {
      this.#regulate();
      return false;
    }
    const before = left.length;
    const now = systemClock.monotonic();
    // To nobody it is passed over, so that its end is seen.
    while (left !== undefined && !to.destroyed) {
      const granted = this.#meter.spend(left.length, now);
      if (granted === 0) break;
      this.#meter[this.#direction](granted);
      to.write(left.subarray(0, granted));
      left = granted < left.length ? left.subarray(granted) : undefined;
    }
    this.#left = to.destroyed ? undefined : left;
    if (this.#left === undefined) this.#pacer.delete(this);
    else this.#pacer.add(this);
    if (this.#left === undefined && this.#isOver) to.end();
    this.#regulate();
    return this.#left === undefined || this.#left.length < before;
  }

  #receive(data: Uint8Array): void {
    this.#left = data;
    this.proceed();
  }

  #end(): void {
    this.#isOver = true;
    if (this.#left === undefined) this.#to.end();
  }

  /** Whatever it was: what was read before still goes out, and then it is over. */
  #close(): void {
    this.#end();
    const to = this.#to;
    if (to.destroyed) return void this.proceed();
    const timer = setTimeout(() => to.destroy(), this.isWaiting ? GRANT_MS : LINGER_MS);
    to.once('close', () => clearTimeout(timer));
  }

  #regulate(): void {
    const from = this.#from;
    const isToWait = this.isWaiting || this.#to.writableNeedDrain;
    if (isToWait === from.isPaused()) return;
    if (isToWait) from.pause();
    else from.resume();
  }
}
