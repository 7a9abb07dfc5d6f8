// Finds the credentials of a check by the username fragment of ours in its USERNAME (RFC 8445 s7.3).
// Called by: IceLite. Allocates: nothing on `find`, so that checks for nobody cost next to nothing.

import { type IceGeneration, type IceObserver, startsWith } from './ice-session.ts';

/** Bounded by its caller. Nobody outside chooses the keys: they are random and ours. */
export class UfragRegistry<Owner extends IceObserver> {
  readonly #buckets = new Map<number, IceGeneration<Owner>[]>();

  /**
   * The generation whose local username fragment stands at `offset`, where LOCAL_UFRAG_CHARS bytes must be.
   */
  find(bytes: Uint8Array, offset: number): IceGeneration<Owner> | undefined {
    const bucket = this.#buckets.get(prefixOf(bytes, offset));
    if (bucket === undefined) return undefined;
    for (const generation of bucket) {
      if (startsWith(bytes, offset, generation.localUfrag)) return generation;
    }
    return undefined;
  }

  /** False when the username fragment is in use. */
  add(generation: IceGeneration<Owner>): boolean {
    const { localUfrag } = generation;
    if (this.find(localUfrag, 0) !== undefined) return false;
    const prefix = prefixOf(localUfrag, 0);
    const bucket = this.#buckets.get(prefix);
    if (bucket === undefined) this.#buckets.set(prefix, [generation]);
    else bucket.push(generation);
    return true;
  }

  delete(generation: IceGeneration<Owner>): void {
    const prefix = prefixOf(generation.localUfrag, 0);
    const rest = (this.#buckets.get(prefix) ?? []).filter((each) => each !== generation);
    if (rest.length === 0) this.#buckets.delete(prefix);
    else this.#buckets.set(prefix, rest);
  }
}

/** The first four characters, 24 random bits: as a hash as good as any. */
function prefixOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
