// The PROXY protocol's header with random bytes: good headers with any addresses, such headers bent and cut. The
// reader says what an independent one says, nothing throws, and more bytes never change what was said.

import { isIPv4, isIPv6 } from 'node:net';
import { expect, it } from 'vitest';
import { readProxyHeader } from '../../server/media/proxy-protocol.ts';
import { breathe, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { Chance, mutate } from '../support/turn/fuzz.ts';

const INPUTS = fuzzRuns(20_000);
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const V1_MAX = 107;
const V2_MAX = 536;

const text = (said: string): Uint8Array => Buffer.from(said, 'latin1');

function v1(chance: Chance): Uint8Array {
  const host4 = (): string => chance.bytes(4).join('.');
  const host6 = (): string =>
    chance.pick(['::1', '::', '2001:db8::7', '::ffff:192.0.2.7', 'fe80::1%lo', '1:2:3:4:5:6:7:8']);
  const port = (): string =>
    chance.pick(['0', '1', '65535', '65536', '00', '-1', '', `${chance.below(0x10000)}`]);
  const host = chance.pick([host4, host6]);
  const family = chance.pick([host === host4 ? 'TCP4' : 'TCP6', 'TCP4', 'TCP6', 'UNKNOWN', 'UDP4']);
  const words = ['PROXY', family, host(), host(), port(), port()];
  if (chance.below(8) === 0) words.splice(chance.below(words.length), chance.below(3), host());
  return text(`${words.join(' ')}${chance.pick(['\r\n', '\r\n', '\r\n', '\n', '\r', ''])}`);
}

function v2(chance: Chance): Uint8Array {
  const family = chance.pick([0x00, 0x11, 0x11, 0x21, 0x21, 0x31, 0x12, chance.below(256)]);
  const body = chance.bytes(chance.pick([0, 11, 12, 35, 36, 40, 216, 520, 521, chance.below(600)]));
  const claimed = chance.below(8) === 0 ? chance.below(0x10000) : body.length;
  const command = chance.pick([0x20, 0x21, 0x21, 0x21, 0x22, 0x11, chance.below(256)]);
  const fixed = [command, family, claimed >> 8, claimed & 0xff];
  return Buffer.concat([text(SIGNATURE), Buffer.from(fixed), body]);
}

type Verdict = string;

/** The same rules another way: all of the text by one expression, all of the binary by its fields. */
function judge(bytes: Uint8Array): Verdict {
  const all = Buffer.from(bytes).toString('latin1');
  const starts = (start: string): boolean => all.startsWith(start.slice(0, all.length));
  if (starts('PROXY ')) return judgeText(all);
  if (!starts(SIGNATURE)) return 'broken';
  if (all.length < 16) return 'more';
  const at = (index: number): number => all.charCodeAt(index);
  const body = 256 * at(14) + at(15);
  const isLocal = at(12) === 0x20;
  const least = new Map([
    [0x00, 0],
    [0x11, 12],
    [0x21, 36],
    [0x31, 216],
  ]).get(at(13));
  if (!isLocal && (at(12) !== 0x21 || least === undefined || body < least)) return 'broken';
  if (16 + body > V2_MAX) return 'broken';
  if (all.length < 16 + body) return 'more';
  if (isLocal || (at(13) !== 0x11 && at(13) !== 0x21)) return `${16 + body} nobody`;
  const host = Buffer.from(all.slice(16, at(13) === 0x11 ? 20 : 32), 'latin1').toString('hex');
  const port = 16 + (at(13) === 0x11 ? 8 : 32);
  return `${16 + body} ${plain(host)} ${256 * at(port) + at(port + 1)}`;
}

function judgeText(all: string): Verdict {
  const line = /^(.*?)\r\n/s.exec(all.slice(0, V1_MAX))?.[1];
  if (line === undefined) return all.length < V1_MAX ? 'more' : 'broken';
  if (/^PROXY UNKNOWN(?: |$)/s.test(line)) return `${line.length + 2} nobody`;
  const port = '(0|[1-9][0-9]{0,4})';
  const parts = new RegExp(`^PROXY TCP([46]) ([^ %]+) ([^ %]+) ${port} ${port}$`, 's').exec(line);
  if (!parts) return 'broken';
  const [, family, source = '', destination = '', from, to] = parts;
  const isHost = family === '4' ? isIPv4 : isIPv6;
  if (!isHost(source) || !isHost(destination)) return 'broken';
  if (Number(from) > 0xffff || Number(to) > 0xffff) return 'broken';
  return `${line.length + 2} ${plain(hexOf(source))} ${Number(from)}`;
}

const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));

/** The bytes of an address, as URL has them. */
function hexOf(host: string): string {
  if (isIPv4(host)) return Buffer.from(host.split('.').map(Number)).toString('hex');
  const short = new URL(`http://[${host}]`).hostname.slice(1, -1);
  const [head = '', tail] = short.split('::');
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
}

/** IPv4 mapped into IPv6 is the IPv4 address. */
const plain = (hex: string): string => hex.replace(/^0{20}ffff/, '');

function read(bytes: Uint8Array): Verdict {
  const header = readProxyHeader(bytes);
  if (typeof header === 'string') return header;
  const { length, source } = header;
  return source === undefined
    ? `${length} nobody`
    : `${length} ${hexOf(source.host)} ${source.port}`;
}

it.each(fuzzSeeds('proxy-protocol'))(
  `${INPUTS} inputs: what a header says, and nothing else, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(INPUTS) },
  async (seed) => {
    const chance = new Chance(seed);
    const seen = { more: 0, broken: 0, nobody: 0, somebody: 0 };
    for (let index = 0; index < INPUTS; index++) {
      const header = chance.pick([v1, v2])(chance);
      const kind = index % 4;
      const bent = kind === 0 ? mutate(header, chance, v2(chance)) : header;
      const input = kind === 1 ? Buffer.concat([bent, chance.bytes(chance.length())]) : bent;
      const bytes = kind === 2 ? input.subarray(0, chance.below(input.length + 1)) : input;
      const said = read(bytes);
      const fail = (why: string): never => {
        throw new Error(`input ${index}, ${why}: ${Buffer.from(bytes).toString('hex')}`);
      };
      if (said !== judge(bytes)) fail(`${said} where it should be ${judge(bytes)}`);
      const longer = Buffer.concat([bytes, chance.bytes(chance.below(40))]);
      if (said !== 'more' && read(longer) !== said) fail('more bytes change it');
      if (said === 'more' && bytes.length >= V2_MAX) fail('waited for without an end');
      if (said === 'more' || said === 'broken') seen[said]++;
      else if (said.endsWith('nobody')) seen.nobody++;
      else seen.somebody++;
      // oxlint-disable-next-line eslint/no-await-in-loop -- a pause, now and then
      await breathe(index);
    }
    // The generators must keep reaching all of them.
    expect(Object.values(seen).every((count) => count > INPUTS / 40)).toBe(true);
  },
);
