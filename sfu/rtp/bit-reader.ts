// Reads fields of some bits each (AV1 RTP specification, appendix A.8.1). Behind the end everything is 0, and is known
// to be. Called by: DependencyDescriptor. Allocates: nothing.

export class BitReader {
  /** Nothing was read behind the end. */
  ok = true;
  #bytes: Uint8Array = new Uint8Array(0);
  /** In bits. */
  #at = 0;
  #end = 0;

  begin(bytes: Uint8Array, offset: number, length: number): void {
    this.#bytes = bytes;
    this.#at = 8 * offset;
    this.#end = 8 * (offset + length);
    this.ok = true;
  }

  /** f(n), of 16 bits at most. */
  bits(count: number): number {
    if (this.#at + count > this.#end) {
      this.ok = false;
      return 0;
    }
    let value = 0;
    for (let left = count; left > 0;) {
      const inByte = 8 - (this.#at & 7);
      const taken = left < inByte ? left : inByte;
      const byte = this.#bytes[this.#at >> 3]!;
      value = (value << taken) | ((byte >> (inByte - taken)) & ((1 << taken) - 1));
      this.#at += taken;
      left -= taken;
    }
    return value;
  }

  /** ns(n): a number below `bound`, in fewer bits where it is small. */
  below(bound: number): number {
    let width = 0;
    for (let rest = bound; rest > 0; rest >>= 1) width++;
    const short = (1 << width) - bound;
    const value = this.bits(width - 1);
    return value < short ? value : (value << 1) - short + this.bits(1);
  }
}
