// Tokens that no longer count, though signature and dates hold: by `jti`, or by digest without one.
// Called by: tokens.ts. Bounded: expired entries make room; when there are none, revoking fails aloud.

import { SternaError } from '../shared/errors.ts';

const CAPACITY = 100_000;

export class Revocations {
  /** Token id to its `exp` in Unix milliseconds; Infinity where that is not known. */
  readonly #until = new Map<string, number>();
  readonly #capacity: number;

  constructor(capacity: number = CAPACITY) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#until.size;
  }

  has(id: string): boolean {
    return this.#until.size > 0 && this.#until.has(id);
  }

  /** Throws SternaError `REVOCATIONS_FULL` rather than forget a revocation that is still needed. */
  add(id: string, expiresAt: number, wallNow: number): void {
    if (!this.#until.has(id) && this.#until.size >= this.#capacity) this.#dropExpired(wallNow);
    if (!this.#until.has(id) && this.#until.size >= this.#capacity) {
      throw new SternaError('REVOCATIONS_FULL', `${this.#capacity} tokens are revoked already`);
    }
    this.#until.set(id, Math.max(expiresAt, this.#until.get(id) ?? 0));
  }

  #dropExpired(wallNow: number): void {
    for (const [id, expiresAt] of this.#until) if (expiresAt <= wallNow) this.#until.delete(id);
  }
}
