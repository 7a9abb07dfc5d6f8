// Time as an argument: protocol code takes a Clock, tests hand in one they set.

/**
 * Milliseconds. `monotonic` never goes back and is for expiry; `wall` is Unix time and is for tokens and credentials.
 */
export interface Clock {
  monotonic(): number;
  wall(): number;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};
