// Times for tests of allocation. Numbers amid other things are kept boxed, as an engine keeps the time of a turn: so
// none is boxed for each call, which would count against who is called.

const TIMES = 4096;

/** What returns a later time each time it is called, until it begins again. */
export function boxedTimes(stepMs: number): () => number {
  const times: unknown[] = Array.from({ length: TIMES }, (_, i) => 1e9 + 0.1 + stepMs * i);
  times.push('');
  let at = 0;
  return () => {
    at = at === TIMES - 1 ? 0 : at + 1;
    return times[at] as number;
  };
}
