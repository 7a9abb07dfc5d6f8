// Commands to a media worker by the thousand: none is lost, and none keeps datagrams waiting.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { libc } from '../../shared/native/libc.ts';
import { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { Timer } from '../../shared/net/timer-wheel.ts';
import { Wake } from '../../shared/net/wake.ts';
import { held } from '../support/fault/held.ts';
import { program } from '../support/program.ts';
import { Seam } from '../support/net/seam.ts';

const COMMANDS = 100_000;
/** What may be taken between two looks at the sockets. */
const COMMANDS_PER_TURN_MAX = 128;

const outcome = z.object({
  sent: z.number(),
  echoed: z.number(),
  answered: z.number(),
  inOrder: z.boolean(),
  echoedWhileAsked: z.number(),
  code: z.number(),
  before: z.number(),
  most: z.number(),
  after: z.number(),
});

const inMiB = (bytes: number): number => Math.round(bytes / 1024 / 1024);

it('100,000 are answered while datagrams go on', async () => {
  const file = program(new URL('../support/fault/command-flood.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', file, String(COMMANDS)],
    { timeout: 60_000, killSignal: 'SIGKILL' },
  );
  const result = outcome.parse(JSON.parse(stdout));
  expect(result).toMatchObject({ answered: COMMANDS, inOrder: true, code: 0 });
  expect(result.echoed).toBe(result.sent);
  // More than were under way before the first answer.
  expect(result.echoedWhileAsked).toBeGreaterThan(32);
  expect(inMiB(result.after - result.before)).toBeLessThan(64);
  held(
    `${result.echoed} of ${result.sent} datagrams echoed, ${result.echoedWhileAsked} of them between the answers; ` +
      `memory ${inMiB(result.before)} MiB before, ${inMiB(result.most)} at most, ${inMiB(result.after)} after`,
  );
});

it('they are taken a few at a time, and one that throws costs no other', () => {
  const { port1, port2 } = new MessageChannel();
  const wake = new Wake();
  const faults: unknown[] = [];
  const taken: number[] = [];
  let most = 0;
  let sinceWait = 0;
  const kernel = libc();
  const seam = new Seam({
    epoll_wait: (...call) => {
      sinceWait = 0;
      return kernel.epoll_wait(...call);
    },
  });
  const engine = new LinuxEngine(
    { now: () => performance.now(), onFault: (error) => faults.push(error), libc: seam.libc },
    wake.fd,
  );
  for (let n = 1; n <= 5000; n++) port1.postMessage(n);
  wake.wake();
  // Without this a command that is forgotten would hang the test.
  engine.timers.schedule(new Timer(() => engine.stop()), performance.now() + 5000);
  engine.run(port2, (n: number) => {
    taken.push(n);
    most = Math.max(most, ++sinceWait);
    if (n === 5000) engine.stop();
    if (n % 1000 === 7) throw new Error(`cannot bear ${n}`);
  });
  port1.close();
  wake.close();
  expect(taken).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
  expect(faults).toHaveLength(5);
  expect(most).toBeLessThanOrEqual(COMMANDS_PER_TURN_MAX);
  held(`5,000 in order, at most ${most} between two looks at the sockets, 5 faults reported`);
});
