// How often something may be done, as the configuration writes it: `600/m` is 600 times in any minute.
// Called by: schema.ts to check it; the gateway to read it.

export interface Rate {
  readonly limit: number;
  readonly windowMs: number;
}

/** Below what counters of 20 bits hold. */
const LIMIT_MAX = 1_000_000;
const WINDOWS_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Undefined for what is no rate. */
export function parseRate(text: string): Rate | undefined {
  const [, digits, unit] = /^([1-9]\d{0,6})\/([smh])$/.exec(text) ?? [];
  const limit = Number(digits);
  if (unit === undefined || limit > LIMIT_MAX) return undefined;
  return {
    limit,
    windowMs: unit === 's' ? WINDOWS_MS.s : unit === 'm' ? WINDOWS_MS.m : WINDOWS_MS.h,
  };
}
