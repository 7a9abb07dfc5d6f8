// Which encodings a sender sends: those that the server says somebody wants. One change at a time; where the browser
// refuses one, more is sent than anybody needs. Owned by sfu-senders.ts.

import { ENCODINGS_RETRIES_MAX, ENCODINGS_RETRY_MS } from './limits.ts';

/** By `rid`; '' for one without. What is not named is wanted. */
export type WantedEncodings = Readonly<Record<string, boolean>>;

export class ActiveEncodings {
  readonly #sender: Pick<RTCRtpSender, 'getParameters' | 'setParameters'>;
  #wanted: WantedEncodings = {};
  #applied: WantedEncodings | null = null;
  #isRunning = false;

  constructor(sender: Pick<RTCRtpSender, 'getParameters' | 'setParameters'>) {
    this.#sender = sender;
  }

  /** Resolves when it is so, or has been given up. */
  async set(wanted: WantedEncodings): Promise<void> {
    this.#wanted = wanted;
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let failures = 0; this.#applied !== this.#wanted && failures <= ENCODINGS_RETRIES_MAX;) {
      const next = this.#wanted;
      try {
        // oxlint-disable-next-line no-await-in-loop -- the browser takes one change at a time
        await this.#apply(next);
        this.#applied = next;
        failures = 0;
      } catch {
        failures += 1;
        // oxlint-disable-next-line no-await-in-loop -- a negotiation may be under way
        await new Promise((resolve) => setTimeout(resolve, ENCODINGS_RETRY_MS));
      }
    }
    this.#isRunning = false;
  }

  async #apply(wanted: WantedEncodings): Promise<void> {
    const parameters = this.#sender.getParameters();
    let differs = false;
    for (const encoding of parameters.encodings) {
      const active = wanted[encoding.rid ?? ''] ?? true;
      if (encoding.active === active) continue;
      encoding.active = active;
      differs = true;
    }
    if (differs) await this.#sender.setParameters(parameters);
  }
}
