// Which packet indexes have been there, per SSRC (RFC 3711 s3.3.2), kept as RFC 6479 s2 has it: a ring of words, of
// which those that the window leaves behind are cleared a word at a time, so nothing is ever shifted.
// Called by: PacketIndexes, RtcpIndexes. Allocates: when `grow` is called.

/** A power of two. One word may be partly behind the window, so the window is one word shorter than the ring. */
const WORDS = 32;

/**
 * RFC 3711 s3.3.2 wants 64 at least. Video has some hundreds of packets a second, and what was lost comes a round
 * trip or two later.
 */
export const REPLAY_WINDOW = (WORDS - 1) * 32;

export class ReplayWindows {
  #words = new Uint32Array(0);

  /** Room for so many SSRCs, each addressed by its slot. */
  grow(slots: number): void {
    const words = new Uint32Array(slots * WORDS);
    words.set(this.#words);
    this.#words = words;
  }

  /** `delta` is the index minus the highest one so far, `low` the low 32 bits of the index. */
  isNew(slot: number, low: number, delta: number): boolean {
    if (delta > 0) return true;
    if (delta <= -REPLAY_WINDOW) return false;
    const word = this.#words[slot * WORDS + ((low >>> 5) & (WORDS - 1))]!;
    return ((word >>> (low & 31)) & 1) === 0;
  }

  /** Takes note of an index that is new, of a packet that is authentic. */
  mark(slot: number, low: number, delta: number): void {
    const words = this.#words;
    const first = slot * WORDS;
    const at = low >>> 5;
    if (delta > 0) {
      const passed = Math.min(WORDS, (at - ((low - delta) >>> 5)) & 0x7ff_ffff);
      for (let i = 0; i < passed; i++) words[first + ((at - i) & (WORDS - 1))] = 0;
    }
    words[first + (at & (WORDS - 1))]! |= 1 << (low & 31);
  }
}
