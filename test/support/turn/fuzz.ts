// Seeded randomness and mutations for fuzz tests: the same seed makes the same run.

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer in [0, n): mulberry32. */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * n);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** Lengths that are edges more often than not. */
  length(): number {
    return this.pick([0, 0, 1, 2, 3, 4, 4, 5, 7, 8, 8, 9, 16, 19, 20, 20, 21, 32, 64, 500]);
  }
}

type Mutation = (bytes: Uint8Array, chance: Chance, other: Uint8Array) => Uint8Array;

const EDGES = [0x00, 0x01, 0x03, 0x04, 0x08, 0x12, 0x13, 0x3f, 0x40, 0x4f, 0x50, 0x7f, 0x80, 0xff];

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes, chance) {
    const copy = bytes.slice();
    for (let n = 1 + chance.below(4); n > 0 && copy.length > 0; n--) {
      copy[chance.below(copy.length)]! ^= 1 << chance.below(8);
    }
    return copy;
  },
  function setEdges(bytes, chance) {
    const copy = bytes.slice();
    for (let n = 1 + chance.below(3); n > 0 && copy.length > 0; n--) {
      copy[chance.below(copy.length)] = chance.pick(EDGES);
    }
    return copy;
  },
  function lieAboutLengths(bytes, chance) {
    const copy = bytes.slice();
    // Message and attribute lengths stand at offsets 2, 22, 26, 30...
    const at = chance.below(2) === 0 ? 2 : 22 + 4 * chance.below(20);
    if (at + 1 < copy.length) {
      copy[at] = chance.pick([0, 0, 0, 0xff, 1]);
      copy[at + 1] = chance.below(256);
    }
    return copy;
  },
  function cut(bytes, chance) {
    return bytes.slice(0, chance.below(bytes.length + 1));
  },
  function cutRight(bytes, chance) {
    // Cut at a multiple of 4, and the length field made right: well formed as far as it goes.
    const end = Math.min(bytes.length, 20 + 4 * chance.below(40));
    return relength(bytes.slice(0, end));
  },
  function lengthen(bytes, chance) {
    const extra = chance.bytes(4 * chance.below(20));
    const copy = new Uint8Array(bytes.length + extra.length);
    copy.set(bytes);
    copy.set(extra, bytes.length);
    return chance.below(2) === 0 ? relength(copy) : copy;
  },
  function splice(bytes, chance, other) {
    const head = bytes.slice(0, 4 * chance.below((bytes.length >> 2) + 1));
    const tail = other.slice(4 * chance.below((other.length >> 2) + 1));
    const copy = new Uint8Array(head.length + tail.length);
    copy.set(head);
    copy.set(tail, head.length);
    return relength(copy);
  },
  function retype(bytes, chance) {
    const copy = bytes.slice();
    if (copy.length > 1) {
      copy[0] = chance.pick([0, 0, 0, 1, 1, 2, 0x3f]);
      copy[1] = chance.below(32);
    }
    return copy;
  },
];

function relength(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= 20) {
    bytes[2] = (bytes.length - 20) >> 8;
    bytes[3] = (bytes.length - 20) & 0xff;
  }
  return bytes;
}

/** The bytes changed in one to three ways; `other` lends its parts. */
export function mutate(bytes: Uint8Array, chance: Chance, other: Uint8Array): Uint8Array {
  let mutated = bytes;
  for (let n = 1 + chance.below(3); n > 0; n--) {
    mutated = chance.pick(MUTATIONS)(mutated, chance, other);
  }
  return mutated;
}
