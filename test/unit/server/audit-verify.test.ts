// Every way to change an audit file is found, and the first line that is wrong is named.

import { describe, expect, test } from 'vitest';
import type { Actor } from '../../../server/audit/audit.ts';
import { encodeRecord, readRecord, sha256, ZERO_HASH } from '../../../server/audit/record.ts';
import type { AuditTarget } from '../../../server/audit/audit.ts';
import { auditVerify } from '../../../server/commands/audit-verify.ts';
import { UsageError } from '../../../server/commands/command.ts';
import { ChainVerifier } from '../../../server/audit/verify.ts';
import type { Verdict, VerifyOptions } from '../../../server/audit/verify.ts';

const SERVER: Actor = { type: 'server' };
const COUNT = 6;

class Chain {
  readonly lines: string[] = [];
  readonly hashes: string[] = [];
  seq: number;
  prev: string;

  constructor(seq = 0, prev = ZERO_HASH) {
    this.seq = seq;
    this.prev = prev;
  }

  add(action = 'room.create', target: AuditTarget = { room: `r${this.seq}` }): this {
    const fields = { seq: ++this.seq, time: 1e12 + this.seq, actor: SERVER, action, target };
    const { line, hash } = encodeRecord({ ...fields, outcome: 'ok', prev: this.prev });
    this.prev = hash;
    this.hashes.push(hash);
    this.lines.push(line.toString().trimEnd());
    return this;
  }

  static of(count: number): Chain {
    const chain = new Chain();
    for (let i = 0; i < count; i++) chain.add();
    return chain;
  }
}

function verify(lines: readonly string[], options?: VerifyOptions, rest = ''): Verdict {
  const verifier = new ChainVerifier(options);
  for (const line of lines) verifier.line(Buffer.from(line));
  verifier.rest(Buffer.from(rest));
  return verifier.verdict();
}

/** `2 changed`, or `ok`. */
function told(lines: readonly string[], options?: VerifyOptions, rest?: string): string {
  const { fault } = verify(lines, options, rest);
  return fault === undefined ? 'ok' : `${fault.line} ${fault.kind}`;
}

const { lines, hashes } = Chain.of(COUNT);
const all = lines.map((_, i) => i);
const without = (at: number): string[] => lines.filter((_, i) => i !== at);
const inserted = (at: number, line: string): string[] => lines.toSpliced(at, 0, line);

test('a file as it was written is whole', () => {
  expect(verify(lines)).toEqual({
    fault: undefined,
    records: COUNT,
    lastSeq: COUNT,
    lastHash: hashes.at(-1),
    torn: [],
  });
  expect(verify([])).toMatchObject({ fault: undefined, records: 0, lastHash: ZERO_HASH });
});

describe.each(all)('line %i', (at) => {
  test('no byte of it can be changed', () => {
    const line = lines[at]!;
    for (let i = 0; i < line.length; i++) {
      const other = line[i] === '0' ? '1' : '0';
      const changed = `${line.slice(0, i)}${other}${line.slice(i + 1)}`;
      expect(told(lines.with(at, changed))).toBe(`${at + 1} changed`);
    }
    expect(told(lines.with(at, ''))).toBe(`${at + 1} changed`);
  });

  test('cannot be made anew', () => {
    const fields = readRecord(Buffer.from(lines[at]!))!;
    const forged = encodeRecord({
      seq: fields.seq,
      time: 5,
      actor: SERVER,
      action: 'nothing',
      target: {},
      outcome: 'ok',
      prev: fields.prev,
    });
    const text = forged.line.toString().trimEnd();
    // The last one proves nothing but by a hash that was noted elsewhere.
    const last = at === COUNT - 1;
    expect(told(lines.with(at, text))).toBe(last ? 'ok' : `${at + 2} changed`);
    const expectHash = hashes.at(-1);
    expect(told(lines.with(at, text), { expectHash })).toBe(
      last ? `${COUNT + 1} removed` : `${at + 2} changed`,
    );
  });

  test('cannot be left out', () => {
    const last = at === COUNT - 1;
    expect(told(without(at))).toBe(last ? 'ok' : `${at + 1} removed`);
    expect(told(without(at), { expectHash: hashes.at(-1) })).toBe(`${at + 1} removed`);
  });

  test('cannot be there twice, wherever', () => {
    for (let to = 0; to <= COUNT; to++) {
      const kind = to <= at ? 'reordered' : 'inserted';
      const where = inserted(to, lines[at]!);
      // In front of itself, the second one is the copy.
      const line = to === at ? to + 2 : to + 1;
      expect(told(where)).toBe(`${line} ${to === at ? 'inserted' : kind}`);
    }
  });

  test('cannot be moved', () => {
    for (const to of all) {
      if (to === at) continue;
      const moved = without(at).toSpliced(to, 0, lines[at]!);
      expect(told(moved)).toBe(`${Math.min(at, to) + 1} reordered`);
    }
  });

  test('cannot be followed by another', () => {
    expect(told(inserted(at, 'anything'))).toBe(`${at + 1} inserted`);
    const foreign = new Chain(at, hashes[at - 1]).add('forged').lines[0]!;
    expect(told(inserted(at, foreign))).toBe(`${at + 2} inserted`);
  });
});

test('an end that was cut is found with a hash that was noted elsewhere', () => {
  expect(told([], { expectHash: hashes[0] })).toBe('1 removed');
  for (let kept = 1; kept < COUNT; kept++) {
    const cut = lines.slice(0, kept);
    expect(told(cut, { expectHash: hashes[COUNT - 1] })).toBe(`${kept + 1} removed`);
    expect(told(cut, { expectHash: hashes[kept - 1] })).toBe('ok');
  }
  expect(told(lines, { expectHash: hashes[2] })).toBe('ok');
});

test('a last line without its end is torn, even where the newline alone is missing', () => {
  for (const length of [1, 40, lines.at(-1)!.length]) {
    const rest = lines.at(-1)!.slice(0, length);
    expect(told(lines.slice(0, -1), {}, rest)).toBe(`${COUNT} torn`);
  }
});

describe('what a crash left half-written', () => {
  const half = '{"seq":7,"time":"20';
  const torn = { bytes: half.length, sha256: sha256(half) };

  test('is no fault where the next record tells of it', () => {
    const chain = Chain.of(COUNT);
    const more = new Chain(chain.seq, chain.prev).add('audit.recovered', torn).add();
    const file = [...chain.lines, half, ...more.lines];
    expect(verify(file)).toMatchObject({
      fault: undefined,
      records: COUNT + 2,
      torn: [{ line: COUNT + 1, bytes: half.length }],
    });
    expect(told(file.with(COUNT, `${half}2`))).toBe(`${COUNT + 1} changed`);
    expect(told(file.toSpliced(COUNT, 0, half))).toBe(`${COUNT + 1} changed`);
    const twice = [half, '{"seq":7,"ti'].join('\n');
    const again = { bytes: twice.length, sha256: sha256(twice) };
    const after = new Chain(chain.seq, chain.prev).add('audit.recovered', again);
    expect(told([...chain.lines, ...twice.split('\n'), ...after.lines])).toBe('ok');
    expect(told(file.toSpliced(COUNT, 1))).toBe(`${COUNT + 1} removed`);
  });

  test('is one where another record follows, or none', () => {
    const chain = Chain.of(COUNT);
    const next = new Chain(chain.seq, chain.prev).add('room.create', torn);
    expect(told([...chain.lines, half, ...next.lines])).toBe(`${COUNT + 1} inserted`);
    expect(told([...chain.lines, half])).toBe(`${COUNT + 1} changed`);
  });
});

test('a file that goes on from another one is whole with the hash of its end alone', () => {
  const second = new Chain(COUNT, hashes.at(-1)).add('audit.reopened').add();
  expect(told(second.lines)).toBe('1 removed');
  expect(told(second.lines, { from: hashes.at(-1) })).toBe('ok');
  expect(told(second.lines, { from: hashes[0] })).toBe('1 removed');
  expect(told(second.lines.slice(1), { from: hashes.at(-1) })).toBe('1 removed');
  expect(told(lines, { from: hashes.at(-1) })).toBe('1 removed');
});

function encode(target: AuditTarget, actor: Actor = SERVER): string {
  const fields = { seq: 1, time: 0, actor, action: 'a', target, outcome: 'ok', prev: ZERO_HASH };
  return encodeRecord(fields).line.toString();
}

describe('a record', () => {
  test('is one line, whatever others call themselves', () => {
    const nasty = 'x\n{"seq":2}\u2028\u202e"}\ud800 eyJhbGciOiJI.eyJzdWIiOiJ4.c2lnbmF0dXJl';
    const line = encode({ room: nasty }, { type: 'participant', sid: 'PA_1', identity: nasty });
    expect(line.split('\n')).toHaveLength(2);
    expect(line).not.toMatch(/c2lnbmF0dXJl|\u2028|\u202e/);
    expect(readRecord(Buffer.from(line.trimEnd()))).toMatchObject({ seq: 1, action: 'a' });
  });

  test('has no secret, and no end of text', () => {
    const line = encode({ password: 'hush', turnSecret: 'hush', text: 'x'.repeat(100_000) });
    expect(line).not.toContain('hush');
    expect(line.length).toBeLessThan(4096);
    const many = Object.fromEntries(all.map((i) => [`t${i}`, 'x'.repeat(2000)]));
    expect(encode(many)).toContain('"target":{"left":"out"}');
  });

  test.each(['', '{}', 'x'.repeat(200), `{"a":1,"hash":"${'0'.repeat(64)}"}`])(
    'is not made of %s',
    (text) => expect(readRecord(Buffer.from(text))).toBeNull(),
  );

  test.each([
    '[1',
    '{"seq":0,"action":"a","target":{},"prev":""',
    '{"seq":1,"action":"a","target":[],"prev":""',
    '{"seq":"1","action":"a","target":{},"prev":""',
    '{"seq":1,"action":"a","target":{}',
  ])('is not made of %s and a hash that is right', (head) => {
    const text = `${head},"hash":"${sha256(head)}"}`;
    expect(readRecord(Buffer.from(text))).toBeNull();
  });
});

test.each([[[]], [['--from', ZERO_HASH]], [['file', '--from', 'abc']], [['file', 'file']]])(
  'the command line %j is refused',
  async (argv) => {
    const silent = { print: () => undefined, warn: () => undefined };
    const run = auditVerify.run(argv, { environment: {}, terminal: false, ...silent });
    await expect(run).rejects.toThrow(UsageError);
  },
);
