// TURN credentials end; resuming the session brings fresh ones before an ICE restart needs them. Owned by room.ts.

import type { JoinedMessage } from '../signaling/protocol.ts';
import { ICE_RENEW_EARLY_MS, TIMER_MAX_MS } from './limits.ts';

export class IceRenewal {
  readonly #renew: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(renew: () => void) {
    this.#renew = renew;
  }

  /** `nowMs` by the server's clock. */
  schedule({ servers, expiresAt }: JoinedMessage['ice'], nowMs: number): void {
    this.stop();
    if (!servers.some(({ credential }) => credential !== undefined)) return;
    const leftMs = expiresAt - nowMs - ICE_RENEW_EARLY_MS;
    const delayMs = Math.min(Math.max(leftMs, ICE_RENEW_EARLY_MS), TIMER_MAX_MS);
    this.#timer = setTimeout(this.#renew, delayMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
