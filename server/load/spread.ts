// How values are spread: half of them below, nearly all below, the greatest. Called by: load.ts.

export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** What is not a number does not count; zeros of nothing. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}
