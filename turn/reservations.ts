// Relays held for a later Allocate with RESERVATION-TOKEN (RFC 8656 s7.2, s18.10). Tokens are random and serve once.

import { randomBytes } from 'node:crypto';
import type { Relay } from './allocation.ts';
import { RESERVATION_LIFETIME_MS } from './limits.ts';

export const RESERVATION_TOKEN_BYTES = 8;

interface Reservation {
  readonly relay: Relay;
  /** Who reserved: nobody else's allocation may take it. */
  readonly user: string;
  readonly expiresAt: number;
}

/** Bounded by the relay ports: each reservation holds one. */
export class Reservations {
  readonly #byToken = new Map<string, Reservation>();
  readonly #close: (relay: Relay) => void;

  constructor(close: (relay: Relay) => void) {
    this.#close = close;
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** Holds a relay; returns the 8-byte token for it. */
  hold(relay: Relay, user: string, now: number): Uint8Array {
    const token = randomBytes(RESERVATION_TOKEN_BYTES);
    const expiresAt = now + RESERVATION_LIFETIME_MS;
    this.#byToken.set(token.toString('hex'), { relay, user, expiresAt });
    return token;
  }

  /** Hands over the relay behind a token; undefined for one that is unknown, over or somebody else's. */
  take(token: Uint8Array, user: string, now: number): Relay | undefined {
    const id = Buffer.from(token).toString('hex');
    const reservation = this.#byToken.get(id);
    if (reservation === undefined || reservation.user !== user) return undefined;
    this.#byToken.delete(id);
    if (now < reservation.expiresAt) return reservation.relay;
    this.#close(reservation.relay);
    return undefined;
  }

  /** How many that user holds: they count against its quota. */
  heldBy(user: string): number {
    let held = 0;
    for (const reservation of this.#byToken.values()) if (reservation.user === user) held++;
    return held;
  }

  sweep(now: number): void {
    for (const [id, reservation] of this.#byToken) {
      if (now < reservation.expiresAt) continue;
      this.#byToken.delete(id);
      this.#close(reservation.relay);
    }
  }

  /** Closes every relay held. */
  clear(): void {
    this.sweep(Infinity);
  }
}
