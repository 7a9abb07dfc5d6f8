// What a development server says to the person who started it: where to click, the key it made up, how to get
// a token.
// Called by: the serve command, once.

import { basename, relative } from 'node:path';
import { DEVELOPMENT_KEY } from '../shared/config/development.ts';
import type { Config } from '../shared/config/load.ts';
import { mintToken } from '../signaling/index.ts';
import type { Server } from './server.ts';

/** How long the link to the dashboard lasts, seconds: its secret is gone with the process in any case. */
const DASHBOARD_SECONDS = 24 * 3600;

export function developmentBanner(server: Server, config: Config, version: string): string {
  const self = commandName(process.argv[1] ?? 'sterna');
  const meeting = `${server.url}/?room=demo`;
  const lines = [
    `Sterna ${version}, development mode: this machine only, secrets made up for this run`,
    '',
    `  Meeting    ${meeting}`,
    '             open it in two browsers (or tabs) of this machine',
    `  Dashboard  ${server.url}/dashboard#token=${dashboardToken(config)}`,
    `  API key    ${DEVELOPMENT_KEY}`,
    `  Secret     ${config.keys[DEVELOPMENT_KEY] ?? ''}`,
    `  Media      ${server.media.length > 0 ? server.media.join('  ') : 'from peer to peer'}`,
    `  STUN/TURN  ${server.listeners.join('  ')}`,
    `  Token      ${self} token --room demo --identity ann    (in another terminal)`,
    '',
    `  Serve others: write a configuration file (sterna.example.yaml), then ${self} --config FILE`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function dashboardToken(config: Config): string {
  return mintToken({
    key: DEVELOPMENT_KEY,
    secret: config.keys[DEVELOPMENT_KEY] ?? '',
    identity: 'dashboard',
    grants: { roomAdmin: true },
    ttlSeconds: DASHBOARD_SECONDS,
  });
}

/** How this program was called: `sterna` when it is installed, by its file in a checkout. */
function commandName(script: string): string {
  return basename(script) === 'sterna' ? 'sterna' : `node ${relative(process.cwd(), script)}`;
}
