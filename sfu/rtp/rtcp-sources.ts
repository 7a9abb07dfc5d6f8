// What sources are called and which have left: SDES and BYE (RFC 3550 s6.5, s6.6).
// Called by: the media transport. Allocates: nothing but in `text`.

import { RTCP_BYE, RTCP_SDES, type RtcpReader } from './rtcp-reader.ts';
import { int32 } from './words.ts';

/** RFC 3550 s12.2. */
const SDES_END = 0;
export const SDES_CNAME = 1;
/** Type and length of an item. */
export const SDES_ITEM_HEADER_BYTES = 2;

const EMPTY = new Uint8Array(0);

/** The CNAME of each source in an SDES packet; other items are passed over. */
export class Cnames {
  ssrc = 0;
  /** Of the name, in the bytes of the reader; `length` 0 for a source that has none here. */
  offset = 0;
  length = 0;
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #end = 0;
  #left = 0;

  /** Begins with the packet that the reader stands at; false where that is no SDES. */
  read(reader: RtcpReader): boolean {
    this.#left = 0;
    if (reader.type !== RTCP_SDES) return false;
    this.#bytes = reader.bytes;
    this.#at = reader.bodyOffset;
    this.#end = reader.bodyOffset + reader.bodyBytes;
    this.#left = reader.count;
    return true;
  }

  /** Goes to the next source; false after the last, or where a chunk does not end. */
  next(): boolean {
    if (this.#left === 0 || this.#at + 4 > this.#end) return false;
    this.#left--;
    const bytes = this.#bytes;
    const end = this.#end;
    const chunk = this.#at;
    this.ssrc = int32(bytes, chunk) >>> 0;
    this.length = 0;
    let at = chunk + 4;
    while (at < end && bytes[at] !== SDES_END) {
      if (at + SDES_ITEM_HEADER_BYTES > end) return this.#stop();
      const text = at + SDES_ITEM_HEADER_BYTES;
      const length = bytes[at + 1]!;
      if (text + length > end) return this.#stop();
      if (bytes[at] === SDES_CNAME && this.length === 0) {
        this.offset = text;
        this.length = length;
      }
      at = text + length;
    }
    if (at >= end) return this.#stop();
    // One zero at least ends the items, and more follow up to the next word.
    this.#at = chunk + ((at - chunk + 4) & ~3);
    return true;
  }

  /** The name as text. Allocates. */
  text(): string {
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + this.offset, this.length).toString('utf8');
  }

  #stop(): false {
    this.#left = 0;
    this.length = 0;
    return false;
  }
}

/** The sources that a BYE says have left. */
export class Byes {
  ssrc = 0;
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #left = 0;

  /** Begins with the packet that the reader stands at; false where that is no BYE, or they do not fit into it. */
  read(reader: RtcpReader): boolean {
    this.#left = 0;
    if (reader.type !== RTCP_BYE || 4 * reader.count > reader.bodyBytes) return false;
    this.#bytes = reader.bytes;
    this.#at = reader.bodyOffset;
    this.#left = reader.count;
    return true;
  }

  /** Goes to the next one; false after the last. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.ssrc = int32(this.#bytes, this.#at) >>> 0;
    this.#at += 4;
    return true;
  }
}
