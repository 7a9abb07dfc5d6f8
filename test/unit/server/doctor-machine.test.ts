// What the doctor says of the machine: its clock, beside that of a time server and by the kernel, and its limits.

import { createSocket } from 'node:dgram';
import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../../shared/config/load.ts';
import { checkClock } from '../../../server/doctor/clock-check.ts';
import { checkLimits, readLimits } from '../../../server/doctor/limits-check.ts';
import { Report } from '../../../server/doctor/report.ts';

const closes: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

function said(): { report: Report; lines: string[] } {
  const lines: string[] = [];
  return { report: new Report((line) => lines.push(line.trimEnd())), lines };
}

/** A time server (RFC 4330) whose clock is ahead by so much; the fields can be spoilt. */
async function timeServer(
  aheadMs: number,
  spoil: (answer: Buffer) => void = () => undefined,
): Promise<string> {
  const socket = createSocket('udp4');
  closes.push(() => socket.close());
  socket.on('message', (question, { port, address }) => {
    const answer = Buffer.alloc(48);
    answer[0] = 0x24;
    answer[1] = 2;
    question.copy(answer, 24, 40, 48);
    const now = (Date.now() + aheadMs) / 1000 + 2_208_988_800;
    for (const at of [32, 40]) {
      answer.writeUInt32BE(Math.floor(now) % 2 ** 32, at);
      answer.writeUInt32BE(Math.floor((now % 1) * 2 ** 32), at + 4);
    }
    spoil(answer);
    socket.send(answer, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return `127.0.0.1:${socket.address().port}`;
}

test.each([
  [0, /^ok {4}clock {6}[012]\.\d{3} s (?:behind|ahead of) 127\.0\.0\.1:\d+$/, 0],
  [60_000, /^FAIL {2}clock {6}(?:5[89]|6[012])\.\d{3} s behind .*: tokens .* let chrony/, 1],
  [-60_000, /^FAIL {2}clock {6}(?:5[89]|6[012])\.\d{3} s ahead of .*: tokens .* let chrony/, 1],
  // Behind the era that ends in 2036: seconds begin again at zero.
  [86_400_000 * 365 * 12, /^FAIL {2}clock {6}37\d{7}\.\d{3} s behind /, 1],
])('a time server whose clock is ahead by %d ms', async (aheadMs, expected, failures) => {
  const { report, lines } = said();
  await checkClock(await timeServer(aheadMs), report);
  expect(lines).toEqual([expect.stringMatching(expected)]);
  expect(report.failures).toBe(failures);
});

test('what does not answer this question, or does not know the time, is no time server', async () => {
  const spoils: ((answer: Buffer) => void)[] = [
    (answer) => answer.fill(7, 24, 32),
    (answer) => answer.fill(0, 1, 2),
    (answer) => answer.fill(0x23, 0, 1),
  ];
  const servers = await Promise.all(spoils.map((spoil) => timeServer(0, spoil)));
  await Promise.all(
    servers.map(async (server) => {
      const { report, lines } = said();
      await checkClock(server, report);
      expect(lines).toEqual([`warn  clock      ${server}: no answer: ${FIREWALL}`]);
    }),
  );
});
const FIREWALL = 'let the firewall pass UDP to port 123, or ask another';

test('without a time server it says what the kernel says', async () => {
  const { report, lines } = said();
  await checkClock(undefined, report);
  expect(lines).toEqual([expect.stringMatching(/^(?:ok {4}|warn {2})clock {6}\S/)]);
  expect(report.failures).toBe(0);
});

const config = loadConfig({ environment: {}, ipv6Loopback: true });

test('limits that suffice, and each that does not with its fix', () => {
  const enough = { descriptors: 65_536, receiveBuffer: 4_194_304, sendBuffer: 8_000_000 };
  const good = said();
  checkLimits(enough, config, good.report);
  expect(good.lines.map((line) => line.slice(0, 6))).toEqual(['ok    ', 'ok    ', 'ok    ']);

  const few = said();
  checkLimits(
    { descriptors: 1024, receiveBuffer: 212_992, sendBuffer: 212_992 },
    config,
    few.report,
  );
  expect(few.lines).toEqual([
    expect.stringMatching(/^warn {2}limits {5}1024 descriptors, 16304 for .*LimitNOFILE=/),
    expect.stringMatching(
      /net\.core\.rmem_max is 212992, .*: sysctl -w net\.core\.rmem_max=4194304/,
    ),
    expect.stringMatching(
      /net\.core\.wmem_max is 212992, .*: sysctl -w net\.core\.wmem_max=4194304/,
    ),
  ]);

  const shared = loadConfig({
    environment: { STERNA_TURN_RELAY_PORTS_PER_WORKER: '8' },
    ipv6Loopback: true,
  });
  const ports = said();
  checkLimits({ ...enough, descriptors: 8192 }, shared, ports.report);
  expect(ports.lines[0]).toMatch(/^ok {4}limits {5}8192 descriptors/);
});

test('the limits of this process are read', () => {
  const { descriptors } = readLimits();
  expect(descriptors !== undefined && descriptors > 0).toBe(process.platform === 'linux');
});
