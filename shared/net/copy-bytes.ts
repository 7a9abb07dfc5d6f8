// Copies bytes between two buffers without a view of the part that is copied: `set(subarray())` would allocate one for
// each packet. By words where the two lie alike within a word, and by shifted words where they do not.
// Called by: the datagram rings and the send queue. Allocates: nothing but one view a buffer, the first time.

/** Below it the words do not pay. */
const WORDS_MIN = 32;

const views = new WeakMap<ArrayBufferLike, Uint32Array>();

/** Throws RangeError when it would read or write outside either. They must not overlap. */
export function copyBytes(
  target: Uint8Array,
  targetAt: number,
  source: Uint8Array,
  sourceAt: number,
  length: number,
): void {
  if (
    length < 0 ||
    targetAt < 0 ||
    sourceAt < 0 ||
    targetAt + length > target.length ||
    sourceAt + length > source.length
  ) {
    throw new RangeError('copy outside of a buffer');
  }
  let done = 0;
  if (length >= WORDS_MIN) {
    const lead = -(target.byteOffset + targetAt) & 3;
    for (; done < lead; done++) target[targetAt + done] = source[sourceAt + done]!;
    const words = (length - lead) >> 2;
    const to = wordsOf(target.buffer);
    const from = wordsOf(source.buffer);
    const toWord = (target.byteOffset + targetAt + lead) >> 2;
    const start = source.byteOffset + sourceAt + lead;
    done += 4 * copyWords(to, toWord, from, start, words);
  }
  for (; done < length; done++) target[targetAt + done] = source[sourceAt + done]!;
}

/** @param start byte of the source's buffer. Returns how many words it could copy. */
function copyWords(
  to: Uint32Array,
  toWord: number,
  from: Uint32Array,
  start: number,
  count: number,
): number {
  const fromWord = start >> 2;
  const shift = (start & 3) << 3;
  if (shift === 0) {
    const words = Math.min(count, from.length - fromWord);
    for (let i = 0; i < words; i++) to[toWord + i] = from[fromWord + i]!;
    return words;
  }
  const words = Math.min(count, from.length - fromWord - 1);
  let low = from[fromWord]!;
  for (let i = 0; i < words; i++) {
    const high = from[fromWord + i + 1]!;
    to[toWord + i] = (low >>> shift) | (high << (32 - shift));
    low = high;
  }
  return Math.max(0, words);
}

/** A buffer's whole words; its last one to three bytes stay outside. */
function wordsOf(buffer: ArrayBufferLike): Uint32Array {
  let view = views.get(buffer);
  if (view === undefined) {
    view = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
    views.set(buffer, view);
  }
  return view;
}
