// Watches one RTCPeerConnection: ICE restarts (RFC 8445 s9) after `failed` and after a lasting
// `disconnected`, the path in use, and the phases of the timeline. Timers only; no media, no SDP.

import { connectionPathOf, samePath } from './connection-path.ts';
import type { ConnectionPath } from './connection-path.ts';
import {
  DISCONNECTED_GRACE_MS,
  FIRST_FRAME_POLLS_MAX,
  FIRST_FRAME_POLL_MS,
  PATH_POLL_MS,
  RESTART_CHECK_MS,
} from './limits.ts';
import { restartDelayMs } from './negotiation.ts';
import { entriesOf, numberIn } from './stats-entry.ts';
import type { LinkPhase } from './timeline.ts';

export interface HealthSink {
  onState(state: RTCPeerConnectionState): void;
  onPhase(phase: LinkPhase): void;
  onPath(path: ConnectionPath): void;
  /** The moment to restart ICE, with the newest servers. */
  onRestart(): void;
}

export class LinkHealth {
  readonly #pc: RTCPeerConnection;
  readonly #polite: boolean;
  readonly #sink: HealthSink;
  #restarts = 0;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #pathTimer: ReturnType<typeof setInterval> | undefined;
  #frameTimer: ReturnType<typeof setTimeout> | undefined;
  #framePolls = 0;
  #path: ConnectionPath | null = null;
  #closed = false;

  constructor(pc: RTCPeerConnection, polite: boolean, sink: HealthSink) {
    this.#pc = pc;
    this.#polite = polite;
    this.#sink = sink;
    pc.addEventListener('iceconnectionstatechange', () => this.#onIceState());
    pc.addEventListener('connectionstatechange', () => this.#onState());
  }

  /** Restarts ICE now; again later, and more rarely, until the connection is good. */
  restart(): void {
    if (this.#closed) return;
    this.#restarts += 1;
    this.#sink.onRestart();
    this.#scheduleRestart(RESTART_CHECK_MS + restartDelayMs(this.#restarts, this.#polite));
  }

  /** Looks for the first decoded frame from now on. */
  watchFirstFrame(): void {
    if (this.#framePolls === 0) void this.#pollFirstFrame();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#restartTimer);
    clearInterval(this.#pathTimer);
    clearTimeout(this.#frameTimer);
  }

  #onIceState(): void {
    const state = this.#pc.iceConnectionState;
    if (state === 'connected' || state === 'completed') this.#sink.onPhase('iceConnected');
  }

  #onState(): void {
    if (this.#closed) return;
    const state = this.#pc.connectionState;
    if (state === 'connected') this.#onConnected();
    else if (state === 'disconnected') this.#scheduleRestart(DISCONNECTED_GRACE_MS);
    else if (state === 'failed') {
      this.#scheduleRestart(restartDelayMs(this.#restarts, this.#polite));
    }
    this.#sink.onState(state);
  }

  #onConnected(): void {
    clearTimeout(this.#restartTimer);
    this.#restarts = 0;
    this.#sink.onPhase('iceConnected');
    this.#sink.onPhase('dtlsConnected');
    void this.#readPath();
    if (this.#pathTimer !== undefined) return;
    this.#pathTimer = setInterval(() => void this.#readPath(), PATH_POLL_MS);
    const transport = this.#pc.getTransceivers()[0]?.sender.transport?.iceTransport;
    transport?.addEventListener('selectedcandidatepairchange', () => void this.#readPath());
  }

  #scheduleRestart(delayMs: number): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = setTimeout(() => {
      if (this.#pc.connectionState !== 'connected') this.restart();
    }, delayMs);
  }

  async #readPath(): Promise<void> {
    try {
      const path = connectionPathOf(await this.#pc.getStats());
      if (this.#closed || !path || samePath(path, this.#path)) return;
      this.#path = path;
      this.#sink.onPath(path);
    } catch {
      // Closed in between.
    }
  }

  async #pollFirstFrame(): Promise<void> {
    this.#framePolls += 1;
    try {
      const inbound = entriesOf(await this.#pc.getStats(), 'inbound-rtp');
      if (this.#closed) return;
      if (inbound.some((entry) => numberIn(entry, 'framesDecoded') > 0)) {
        this.#sink.onPhase('firstFrame');
        return;
      }
    } catch {
      return;
    }
    if (this.#framePolls >= FIRST_FRAME_POLLS_MAX) return;
    this.#frameTimer = setTimeout(() => void this.#pollFirstFrame(), FIRST_FRAME_POLL_MS);
  }
}
