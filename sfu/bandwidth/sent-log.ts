// What was sent on one transport by its transport-wide sequence numbers, until feedback has told of it.
// Called by: SendSideEstimator. Allocates: nothing but when made.

/** At 1,000 packets a second, four seconds: feedback that is later than that is of no use. A power of two. */
const WINDOW = 4096;
const IN_FLIGHT = 1;
const TOLD = 2;

export class SentLog {
  /** Of the packet that was found: when it was sent, milliseconds. */
  sentAt = 0;
  /** And its bytes. */
  bytes = 0;
  /** And the number of the probe that it was part of; 0 for none. */
  probe = 0;
  /** Bytes sent of which nothing has been told. */
  inFlight = 0;
  readonly #sequences = new Uint16Array(WINDOW);
  readonly #states = new Uint8Array(WINDOW);
  readonly #sentAt = new Float64Array(WINDOW);
  readonly #bytes = new Uint32Array(WINDOW);
  readonly #probes = new Uint16Array(WINDOW);

  sent(sequence: number, bytes: number, probe: number, now: number): void {
    const slot = sequence & (WINDOW - 1);
    // Nothing was ever told of who was here: whoever receives is gone, or has never heard of feedback.
    if (this.#states[slot] === IN_FLIGHT) this.inFlight -= this.#bytes[slot]!;
    this.#sequences[slot] = sequence;
    this.#states[slot] = IN_FLIGHT;
    this.#sentAt[slot] = now;
    this.#bytes[slot] = bytes;
    this.#probes[slot] = probe;
    this.inFlight += bytes;
  }

  /** Whether that packet was sent, and this is the first that is told of it; sets what is known of it. */
  find(sequence: number): boolean {
    if (!this.look(sequence)) return false;
    this.#states[sequence & (WINDOW - 1)] = TOLD;
    this.inFlight -= this.bytes;
    return true;
  }

  /** Whether that packet was sent, and nothing was told of it yet; sets what is known of it. */
  look(sequence: number): boolean {
    const slot = sequence & (WINDOW - 1);
    if (this.#states[slot] !== IN_FLIGHT || this.#sequences[slot] !== sequence) return false;
    this.sentAt = this.#sentAt[slot]!;
    this.bytes = this.#bytes[slot]!;
    this.probe = this.#probes[slot]!;
    return true;
  }

  /** What was sent until now belongs to another way through the network: feedback of it counts for nothing. */
  clear(): void {
    this.#states.fill(0);
    this.inFlight = 0;
  }
}
