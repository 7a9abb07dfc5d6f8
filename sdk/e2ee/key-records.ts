// Chain keys from one participant to one other, under the key of the two: numbered, so that nothing is sent twice under
// a nonce and nothing is heard twice. Called by: key-agreement.ts.

import { concat, readUint32, uint32 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { readChain, writeChain } from './media-key.ts';
import type { ChainKey } from './media-key.ts';

const NONCE_BYTES = 12;
const SEQUENCE_BYTES = 4;
const LABEL = 'AES-GCM';

function nonceOf(sequence: number): Bytes {
  return concat(new Uint8Array(NONCE_BYTES - SEQUENCE_BYTES), uint32(sequence));
}

export class RecordWriter {
  readonly #key: CryptoKey;
  #sequence = 0;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  async write(chain: ChainKey): Promise<Bytes> {
    const sequence = this.#sequence++;
    const head = uint32(sequence);
    const algorithm = { name: LABEL, iv: nonceOf(sequence), additionalData: head };
    const sealed = await crypto.subtle.encrypt(algorithm, this.#key, writeChain(chain));
    return concat(head, new Uint8Array(sealed));
  }
}

export class RecordReader {
  readonly #key: CryptoKey;
  #last = -1;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Null for what is not theirs, was changed, or was heard before. */
  async read(record: Bytes): Promise<ChainKey | null> {
    const sequence = readUint32(record, 0);
    if (sequence <= this.#last) return null;
    const additionalData = record.slice(0, SEQUENCE_BYTES);
    const algorithm = { name: LABEL, iv: nonceOf(sequence), additionalData };
    try {
      const sealed = record.subarray(SEQUENCE_BYTES);
      const opened = await crypto.subtle.decrypt(algorithm, this.#key, sealed);
      this.#last = sequence;
      return readChain(new Uint8Array(opened));
    } catch {
      return null;
    }
  }
}
