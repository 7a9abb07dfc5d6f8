// Time as an argument: protocol code takes a Clock, tests hand in one they set.

/**
 * Milliseconds. `monotonic` never goes back and is for expiry; `wall` is Unix time and is for tokens and credentials.
 */
export interface Clock {
  monotonic(): number;
  wall(): number;
}

/** `performance.now` counts from the start of its thread; this makes it one clock for all threads of the machine. */
const THREAD_START_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  monotonic: () => THREAD_START_MS + performance.now(),
  wall: () => Date.now(),
};
