// What is known of another participant: its hello once that is believed, and the keys to and from it. Owned by
// key-agreement.ts; time is an argument.

import type { Bytes } from './bytes.ts';
import type { RecordReader, RecordWriter } from './key-records.ts';
import { COSTLY_BURST, COSTLY_PER_SECOND } from './limits.ts';
import { isNewer } from './media-key.ts';
import type { ChainKey } from './media-key.ts';
import type { Verdict } from './trust.ts';
import type { Hello } from './wire.ts';

export interface Believed {
  readonly hello: Hello;
  readonly hash: Bytes;
  readonly fingerprint: string;
  readonly verdict: Exclude<Verdict, 'changed'>;
}

export class AgreementPeer {
  readonly sid: string;
  readonly identity: string;
  believed: Believed | null = null;
  /** Its key is not the one that was known under its name. */
  isChanged = false;
  /** Opens what it tells, since its newest seal. */
  reader: RecordReader | null = null;
  writer: RecordWriter | null = null;
  /** Of its newest seal, and of ours. */
  sealHeard = -1;
  sealNext = 0;
  #newest: Pick<ChainKey, 'epoch' | 'generation'> | null = null;
  #allowance = COSTLY_BURST;
  #allowedAtMs: number;

  constructor(sid: string, identity: string, nowMs: number) {
    this.sid = sid;
    this.identity = identity;
    this.#allowedAtMs = nowMs;
  }

  /** It has told a key. */
  get hasTold(): boolean {
    return this.#newest !== null;
  }

  /** False for a key that is older than one it has told, or the same. */
  takeKey({ epoch, generation }: ChainKey): boolean {
    if (!isNewer({ epoch, generation }, this.#newest)) return false;
    this.#newest = { epoch, generation };
    return true;
  }

  /** What costs milliseconds is done for it so often and no more. */
  mayCost(nowMs: number): boolean {
    const seconds = Math.max(0, nowMs - this.#allowedAtMs) / 1000;
    this.#allowance = Math.min(COSTLY_BURST, this.#allowance + seconds * COSTLY_PER_SECOND);
    this.#allowedAtMs = nowMs;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }
}
