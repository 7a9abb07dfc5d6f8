// Follows the chain of an audit file line by line, and says where it breaks first and how.
// Called by: the `audit verify` command. Memory: one line.

import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { readRecord, RECOVERED, ZERO_HASH } from './record.ts';
import type { ReadRecord } from './record.ts';

export type FaultKind = 'changed' | 'removed' | 'inserted' | 'reordered' | 'torn';

export interface Fault {
  readonly line: number;
  readonly kind: FaultKind;
  readonly why: string;
}

/** What a crash left half-written, and the record behind it tells of. */
export interface TornLine {
  readonly line: number;
  readonly bytes: number;
}

export interface Verdict {
  readonly fault: Fault | undefined;
  /** Records up to the fault. */
  readonly records: number;
  readonly lastSeq: number;
  readonly lastHash: string;
  readonly torn: readonly TornLine[];
}

export interface VerifyOptions {
  /** Hash of the last record of the file before; the chain begins with this one when left out. */
  readonly from?: string | undefined;
  /** Hash of a record that has to be there. */
  readonly expectHash?: string | undefined;
}

/** Lines that are no records, with the newlines between them. */
interface OddLines {
  readonly line: number;
  bytes: number;
  readonly hash: Hash;
}

export class ChainVerifier {
  readonly #from: string | undefined;
  readonly #expectHash: string | undefined;
  readonly #torn: TornLine[] = [];
  #line = 0;
  #records = 0;
  #seq = 0;
  #hash: string;
  #found: boolean;
  #fault: Fault | undefined;
  /** Where records are missing, the one that might stand further down. */
  #missing: { seq: number; prev: string } | undefined;
  /** The next record says whether they have to be some. */
  #odd: OddLines | undefined;

  constructor({ from, expectHash }: VerifyOptions = {}) {
    this.#from = from;
    this.#hash = from ?? ZERO_HASH;
    this.#expectHash = expectHash;
    this.#found = expectHash === undefined || expectHash === this.#hash;
  }

  /** The next line without its newline. */
  line(bytes: Buffer): void {
    this.#line++;
    const record = readRecord(bytes);
    if (this.#fault !== undefined) return this.#lookForMissing(record);
    if (record === null) this.#oddLine(bytes);
    else if (this.#odd !== undefined) this.#behindOdd(this.#odd, record);
    else if (!this.#follows(record)) this.#breaks(record);
    else if (record.action === RECOVERED) this.#fault = unfounded(this.#line);
    else this.#accept(record);
  }

  /** What stands behind the last newline. */
  rest(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#line++;
    if (this.#fault !== undefined) return;
    const why = 'the last line has no end: it was cut, or the server was killed while it wrote';
    if (this.#odd === undefined) this.#fault = { line: this.#line, kind: 'torn', why };
  }

  verdict(): Verdict {
    if (this.#odd !== undefined) this.#fault ??= changed(this.#odd.line);
    if (!this.#found) {
      const why = `no record has the hash ${this.#expectHash}: the end is missing`;
      this.#fault ??= { line: this.#line + 1, kind: 'removed', why };
    }
    return {
      fault: this.#fault,
      records: this.#records,
      lastSeq: this.#seq,
      lastHash: this.#hash,
      torn: this.#torn,
    };
  }

  #follows({ seq, prev }: ReadRecord): boolean {
    const first = this.#records === 0 && this.#from !== undefined;
    return prev === this.#hash && (first || seq === this.#seq + 1);
  }

  #accept({ seq, hash }: ReadRecord): void {
    this.#records++;
    this.#seq = seq;
    this.#hash = hash;
    this.#found ||= hash === this.#expectHash;
  }

  #oddLine(bytes: Buffer): void {
    if (this.#odd === undefined) {
      this.#odd = {
        line: this.#line,
        bytes: bytes.length,
        hash: createHash('sha256').update(bytes),
      };
    } else {
      this.#odd.bytes += 1 + bytes.length;
      this.#odd.hash.update('\n').update(bytes);
    }
  }

  #behindOdd({ line, bytes, hash }: OddLines, record: ReadRecord): void {
    const follows = this.#follows(record);
    const { action, target } = record;
    const tells = action === RECOVERED;
    const digest = hash.digest('hex');
    if (follows && tells && target['bytes'] === bytes && target['sha256'] === digest) {
      this.#odd = undefined;
      this.#torn.push({ line, bytes });
      return this.#accept(record);
    }
    const why = 'is no record, and those around it follow each other';
    this.#fault = follows && !tells ? { line, kind: 'inserted', why } : changed(line);
  }

  #breaks({ seq, prev }: ReadRecord): void {
    const line = this.#line;
    const [at, last] = [`record ${seq}`, `record ${this.#seq}`];
    if (this.#records === 0) {
      const start =
        this.#from === undefined
          ? 'the beginning is missing; where it goes on from another file, say --from'
          : 'the beginning is missing, or it is another file that it goes on from';
      this.#fault = { line, kind: 'removed', why: `the first is ${at}, after ${prev}: ${start}` };
    } else if (seq <= this.#seq) {
      const why = `${at} comes behind ${last}, and does not follow it`;
      this.#fault = { line, kind: 'inserted', why };
    } else if (seq === this.#seq + 1) {
      const why = `${at} was made after another ${last} than the one in the line before`;
      this.#fault = { line, kind: 'changed', why };
      return;
    } else {
      const why = `${at} follows ${last}: what was between is missing`;
      this.#fault = { line, kind: 'removed', why };
    }
    this.#missing = { seq: this.#seq + 1, prev: this.#hash };
  }

  #lookForMissing(record: ReadRecord | null): void {
    const { seq, prev } = this.#missing ?? {};
    const { line, kind } = this.#fault ?? {};
    if (record === null || line === undefined || kind !== 'removed') return;
    if (record.seq !== seq || record.prev !== prev) return;
    const why = `record ${seq} stands further down, in line ${this.#line}`;
    this.#fault = { line, kind: 'reordered', why };
  }
}

function unfounded(line: number): Fault {
  return { line, kind: 'removed', why: 'the torn line that this record tells of is missing' };
}

function changed(line: number): Fault {
  return { line, kind: 'changed', why: 'it is not what its hash was made of' };
}
