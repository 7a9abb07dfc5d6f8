// A record of the audit log: one line of JSON that ends in the SHA-256 of all that stands before the hash, and has the
// hash of the record before it as `prev`. So nothing can be changed, left out, put in or moved but by making anew all
// that comes behind it.
// Called by: audit-log.ts, verify.ts.

import { createHash } from 'node:crypto';
import { sanitize } from '../../shared/log-fields.ts';
import type { Actor, AuditTarget } from './audit.ts';

/** `prev` of the first record. */
export const ZERO_HASH: string = '0'.repeat(64);

/** The action of the record that tells of a line which a crash left half-written. */
export const RECOVERED = 'audit.recovered';

/** No line is longer: a target that would make it so is left out. */
export const LINE_BYTES_MAX = 65_536;
const TARGET_CHARS_MAX = 8192;

/** `,"hash":"<64 hex digits>"}` */
const TAIL_BYTES = 75;
const TAIL = /^,"hash":"([0-9a-f]{64})"\}$/;

export interface RecordFields {
  readonly seq: number;
  /** Unix time, milliseconds. */
  readonly time: number;
  readonly actor: Actor;
  readonly action: string;
  readonly target: AuditTarget;
  readonly outcome: string;
  /** Hash of the record before it. */
  readonly prev: string;
}

/** What a chain is followed by. */
export interface ReadRecord {
  readonly seq: number;
  readonly action: string;
  readonly target: Readonly<Record<string, unknown>>;
  readonly prev: string;
  readonly hash: string;
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The line, its newline included, and its hash. */
export function encodeRecord(fields: RecordFields): { line: Buffer; hash: string } {
  const { seq, time, action, outcome, prev } = fields;
  const actor = sanitize(fields.actor);
  const whole = sanitize(fields.target);
  const target = JSON.stringify(whole).length > TARGET_CHARS_MAX ? { left: 'out' } : whole;
  const at = new Date(time).toISOString();
  const head = JSON.stringify({ seq, time: at, actor, action, target, outcome, prev }).slice(0, -1);
  const hash = sha256(head);
  return { line: Buffer.from(`${head},"hash":"${hash}"}\n`), hash };
}

/** Null for a line (without its newline) that is no whole record. */
export function readRecord(line: Buffer): ReadRecord | null {
  const end = line.length - TAIL_BYTES;
  const hash = TAIL.exec(line.toString('latin1', Math.max(0, end)))?.[1];
  if (hash === undefined || sha256(line.subarray(0, end)) !== hash) return null;
  try {
    return asRecord(JSON.parse(line.toString('utf8')), hash);
  } catch {
    return null;
  }
}

function asRecord(value: unknown, hash: string): ReadRecord | null {
  if (!isObject(value)) return null;
  const { seq, action, target, prev } = value;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return null;
  if (typeof action !== 'string' || typeof prev !== 'string' || !isObject(target)) return null;
  return { seq, action, target, prev, hash };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
