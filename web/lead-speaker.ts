// Who is large in the speaker layout: who speaks, until somebody else does and has been heard for long enough not to be
// a cough. Pure.

/** So long somebody stays while still speaking; milliseconds. */
const STAYS_MS = 3_000;

export class LeadSpeaker {
  #sid: string | null = null;
  #since = 0;

  /** Null: nobody has spoken yet, or who did has left. */
  get sid(): string | null {
    return this.#sid;
  }

  /** Who speaks now, the loudest first; true when somebody else leads. */
  hear(speaking: readonly string[], now: number): boolean {
    const [loudest] = speaking;
    if (loudest === undefined || loudest === this.#sid) return false;
    const stillSpeaks = this.#sid !== null && speaking.includes(this.#sid);
    if (stillSpeaks && now - this.#since < STAYS_MS) return false;
    this.#sid = loudest;
    this.#since = now;
    return true;
  }

  forget(sid: string): void {
    if (this.#sid === sid) this.#sid = null;
  }
}
