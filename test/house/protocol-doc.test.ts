// docs/protocol.md says what the code does: its tables of codes, limits, grants and fields are compared.

import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { simulateRequest } from '../../gateway/routes/participants.ts';
import { claims, grants } from '../../signaling/claims.ts';
import { CODES, SIGNAL_PATH, SUBPROTOCOL } from '../../signaling/codes.ts';
import { DEFAULT_SIGNALING_LIMITS } from '../../signaling/limits.ts';
import { clientMessage, LIMITS, simulation, SIMULATE_MS_MAX } from '../../signaling/protocol.ts';
import {
  IMPAIRED_BYTES_MAX,
  IMPAIRED_LINK_BYTES_MAX,
  IMPAIRED_LINK_PACKETS_MAX,
  IMPAIRED_MS_MAX,
  IMPAIRED_QUEUE_MS,
} from '../../sfu/transport/limits.ts';
import { readRootFile } from './source-files.ts';

const text = readRootFile('docs/protocol.md');

/** The text below a heading, to the next one of the same or a higher level. */
function section(heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const start = text.indexOf(`\n${heading}\n`);
  expect(start, heading).toBeGreaterThan(0);
  const rest = text.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The rows of the tables in a section, without their heads; backticks taken off. */
function rows(heading: string): string[][] {
  const lines = section(heading).split('\n');
  return lines.flatMap((line, i) => {
    const isRow = line.startsWith('| ') && !(lines[i + 1] ?? '').startsWith('|---');
    if (!isRow) return [];
    const cells = line.split('|').slice(1, -1);
    return [cells.map((cell) => cell.replaceAll('`', '').trim())];
  });
}

test('the table of codes is the table of codes', () => {
  const expected = Object.entries(CODES).map(([reason, row]) => [
    reason,
    String(row.code),
    String(row.http),
    row.retry,
    row.action,
    row.summary,
  ]);
  expect(rows('## Codes')).toEqual(expected);
});

test('codes are unique and in the range for applications (RFC 6455 s7.4.2)', () => {
  const codes = Object.values(CODES).map(({ code }) => code);
  expect(new Set<number>(codes).size).toBe(codes.length);
  for (const code of codes) expect(code >= 4000 && code <= 4999).toBe(true);
});

test('refusals before the upgrade have the status of their code', () => {
  const listed = rows('## Connecting').map(([status, reason]) => [reason, Number(status)]);
  const table = new Map<string, number>(
    Object.entries(CODES).map(([name, row]) => [name, row.http]),
  );
  expect(listed).toEqual(listed.map(([reason]) => [reason, table.get(String(reason))]));
  expect(listed).toHaveLength(5);
});

test('the table of limits is LIMITS', () => {
  const listed = rows('## Limits').map(([name, value]) => [name, Number(value)]);
  expect(listed).toEqual(Object.entries(LIMITS));
});

test('numbers in the text are those of the code', () => {
  const {
    violationsMax,
    violationWindowMs,
    pushRing,
    replyCache,
    peopleEveryMs,
    resumeMs,
    offers,
    simulations,
  } = DEFAULT_SIGNALING_LIMITS;
  for (const phrase of [
    `${violationsMax} refusals within ${violationWindowMs / 1000} seconds`,
    `${pushRing.messages} pushes or ${pushRing.bytes / 1024} KiB`,
    `the last ${replyCache.replies} replies`,
    `up to ${peopleEveryMs} ms`,
    `(${resumeMs / 1000} s)`,
    `${DEFAULT_SIGNALING_LIMITS.preJoinBytesMax / 1024} KiB in sum`,
    `over ${DEFAULT_SIGNALING_LIMITS.payloadBytesMax / 1024} KiB`,
    `(${DEFAULT_SIGNALING_LIMITS.bufferedBytesMax / 1024 / 1024} MiB, then SLOW_CONSUMER)`,
    `base64, at most ${LIMITS.dataBytes} bytes decoded`,
    `\`sdp\` | string | at most ${LIMITS.sdpBytes} bytes`,
    `may make ${offers.perSecond} offers a second, and ${offers.burst} at once`,
    `${replyCache.bytes / 1024} KiB of them`,
    `once a second, and ${simulations.burst} times at once`,
    `default ${IMPAIRED_QUEUE_MS}: what`,
    `${IMPAIRED_LINK_BYTES_MAX / 2 ** 20} MiB and ${IMPAIRED_LINK_PACKETS_MAX} packets each way`,
    `${IMPAIRED_BYTES_MAX / 2 ** 20} MiB in a media worker`,
  ]) {
    expect(text).toContain(phrase);
  }
});

test('the tables of grants and claims are those of the schema', () => {
  const defaults = new Map<string, boolean | string | undefined>(Object.entries(grants.parse({})));
  const expected = Object.keys(grants.shape).map((name) => [name, `${defaults.get(name) ?? ''}`]);
  const listed = rows('## Tokens and grants').filter((row) => row.length === 3);
  expect(listed.map(([name, value]) => [name, value])).toEqual(expected);
  const claimRows = rows('## Tokens and grants').filter((row) => row.length === 2);
  const claimNames = claimRows.flatMap(([name = '']) => name.split(', '));
  expect(claimNames.toSorted()).toEqual(Object.keys(claims.shape).toSorted());
});

describe('messages of the client', () => {
  test.each(clientMessage.options.map(({ shape }) => [shape.type.value, shape] as const))(
    '%s has the fields of its schema',
    (type, shape) => {
      const listed = rows(`### ${type}`).map(([name]) => name);
      const fields = Object.entries<z.ZodType>(shape)
        .filter(([name]) => name !== 'type')
        .map(([name, schema]) => (schema.safeParse(undefined).success ? `${name}?` : name));
      expect(listed).toEqual(fields);
    },
  );
});

/** The JSON lines of a section. */
function examples(heading: string): unknown[] {
  const blocks = [...section(heading).matchAll(/^```json\n(.*?)^```$/gms)];
  return blocks.flatMap(([, block = '']) =>
    block
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
  );
}

describe('examples', () => {
  test.each(['join', 'offer', 'mute', 'subscribe', 'mod', 'simulate'])('%s is taken', (type) => {
    const [example] = examples(`### ${type}`);
    expect(clientMessage.parse(example)).toEqual(example);
    expect(example).toMatchObject({ type });
  });

  test('what is typed by hand and what resumes is taken, too', () => {
    const all = [...examples('## By hand'), ...examples('## Resuming')];
    for (const example of all) expect(clientMessage.parse(example)).toEqual(example);
    expect(all.length).toBeGreaterThan(4);
  });
});

test('the API takes what the message takes, and the media worker lets it last as long', () => {
  expect(z.toJSONSchema(simulateRequest)).toEqual({
    ...z.toJSONSchema(simulation),
    additionalProperties: false,
  });
  expect(SIMULATE_MS_MAX).toBe(IMPAIRED_MS_MAX);
});

test('paths and versions are those of the code', () => {
  expect(text).toContain(`ws://127.0.0.1:7880${SIGNAL_PATH}`);
  expect(text).toContain(`# The signaling protocol \`${SUBPROTOCOL}\``);
});

test('links lead somewhere', () => {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const [, anchor] of text.matchAll(/\]\(#([^)]+)\)/g)) expect(headings).toContain(anchor);
  for (const [, path = ''] of text.matchAll(/\]\(\.\.\/([^)]+\.ts)\)/g)) {
    expect(readRootFile(path).length).toBeGreaterThan(0);
  }
});
