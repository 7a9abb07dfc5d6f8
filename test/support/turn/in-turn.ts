// Asynchronous steps one after the other, where their order is what a test is about.

/** Runs `body` for each item, waiting for one before the next; returns the results. */
export async function inTurn<T, R>(
  items: Iterable<T>,
  body: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    // oxlint-disable-next-line eslint/no-await-in-loop -- this is the point
    results.push(await body(item, results.length));
  }
  return results;
}

/** 0, 1, ... n - 1. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
