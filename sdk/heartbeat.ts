// Pings of the signaling socket. A socket that says nothing for `timeoutMs` is lost, whatever its
// readyState claims; the answers give the round trip and the offset of the server's clock. Used by
// signal-connection.ts.

/** A probe that is not answered this soon counts as silence. */
const PROBE_TIMEOUT_MS = 2_000;

export interface HeartbeatSink {
  send(ping: { type: 'ping'; t: number; rtt?: number }): void;
  onSilence(): void;
}

export class Heartbeat {
  readonly #now: () => number;
  readonly #sink: HeartbeatSink;
  #ticks: ReturnType<typeof setInterval> | undefined;
  #probing: ReturnType<typeof setTimeout> | undefined;
  #timeoutMs = 0;
  #heardAtMs = 0;
  #rttMs: number | undefined;
  #clockOffsetMs = 0;

  /** `now` is the wall clock in milliseconds: it is compared with the server's. */
  constructor(now: () => number, sink: HeartbeatSink) {
    this.#now = now;
    this.#sink = sink;
  }

  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  start(rhythm: { everyMs: number; timeoutMs: number }): void {
    this.stop();
    const everyMs = Math.max(rhythm.everyMs, 250);
    this.#timeoutMs = Math.max(rhythm.timeoutMs, everyMs * 2);
    this.#heardAtMs = this.#now();
    this.#ticks = setInterval(() => this.#tick(), everyMs);
    this.#ping();
  }

  stop(): void {
    clearInterval(this.#ticks);
    clearTimeout(this.#probing);
    this.#ticks = undefined;
    this.#probing = undefined;
  }

  /** Anything from the server proves that it is there. */
  heard(): void {
    this.#heardAtMs = this.#now();
    clearTimeout(this.#probing);
    this.#probing = undefined;
  }

  onPong(sentAt: number, serverAt: number): void {
    const now = this.#now();
    const rttMs = now - sentAt;
    if (!(rttMs >= 0 && rttMs <= this.#timeoutMs) || !Number.isFinite(serverAt)) return;
    this.#rttMs = rttMs;
    this.#clockOffsetMs = serverAt - (sentAt + rttMs / 2);
  }

  /** Pings at once and expects the answer soon. */
  probe(): void {
    if (this.#ticks === undefined || this.#probing !== undefined) return;
    this.#probing = setTimeout(() => {
      this.#probing = undefined;
      this.#sink.onSilence();
    }, PROBE_TIMEOUT_MS);
    this.#ping();
  }

  #tick(): void {
    if (this.#now() - this.#heardAtMs > this.#timeoutMs) this.#sink.onSilence();
    else this.#ping();
  }

  #ping(): void {
    const rtt = this.#rttMs;
    this.#sink.send({ type: 'ping', t: this.#now(), ...(rtt === undefined ? {} : { rtt }) });
  }
}
