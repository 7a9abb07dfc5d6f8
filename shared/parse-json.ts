// Text that should be JSON, of a file or from outside: what it says, for a schema to judge. Called by: keys, doctor,
// cluster, development key.

/** Undefined, which no JSON says, for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
