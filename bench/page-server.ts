// What benches of the page need: a `sterna serve` in development mode on ports of the system's, and how Chromium is
// started. Called by: join-browser.ts, page.ts.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { IceServers } from './join-page.ts';

export const CHROMIUM = {
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
  ],
};

const readyLine = z.looseObject({ event: z.literal('server.ready'), url: z.string() });
const listenersLine = z.looseObject({ listeners: z.array(z.string()) });

/** A server of the bench: its page, and its TURN as the browser alone uses it. */
export interface Started {
  readonly url: string;
  readonly turn: IceServers;
  close(): Promise<void>;
}

export async function start(mainFile: string, forwards: boolean): Promise<Started> {
  const user = { username: 'bench', credential: randomBytes(12).toString('hex') };
  const server = spawn(process.execPath, [mainFile, 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      STERNA_GATEWAY_PORT: '0',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_SFU_ENABLED: String(forwards),
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
      STERNA_TURN_SECRETS: randomBytes(16).toString('hex'),
      // For the browser alone, which asks nobody for a credential.
      STERNA_TURN_USERS: `${user.username}=${user.credential}`,
    },
  });
  const close = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const closed = new Promise((resolve) => server.once('close', resolve));
    server.kill('SIGTERM');
    await closed;
  };
  try {
    const { url, turn } = await started(server);
    return { url, turn: [{ urls: turn, ...user }], close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resolves with the URLs of the page and of TURN that the log of the server names. */
async function started(server: ChildProcess): Promise<{ url: string; turn: string }> {
  if (server.stdout === null) throw new Error('the server has no standard output');
  for await (const line of createInterface({ input: server.stdout })) {
    if (!line.includes('"server.ready"')) continue;
    // Nobody reads on, so the pipe must not fill.
    server.stdout.resume();
    const { url } = readyLine.parse(JSON.parse(line));
    const [listener = ''] = listenersLine.parse(JSON.parse(line)).listeners;
    return { url, turn: `${listener.replace('udp://', 'turn:')}?transport=udp` };
  }
  throw new Error('the server ended before it was ready');
}
