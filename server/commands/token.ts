// `sterna token`: prints a join token, signed with an API key of the configuration or of the running
// development server.

import { nearest } from '../../shared/config/keys.ts';
import { mintToken } from '../../signaling/index.ts';
import { apiKey } from './api-key.ts';
import { CONFIG_FLAGS, CONFIG_FLAGS_HELP, EXIT_OK, readFlags, UsageError } from './command.ts';
import type { Command, Flags } from './command.ts';

const GRANTS = [
  'roomJoin',
  'canPublish',
  'canSubscribe',
  'canPublishData',
  'roomAdmin',
  'hidden',
  'simulate',
] as const;
type Grant = (typeof GRANTS)[number];

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const TTL_SECONDS_MAX = 365 * 86_400;

export const token: Command = {
  name: 'token',
  summary: 'print a token that lets one participant join a room',
  help: `  -r, --room ROOM          the room; may be left out with --admin, for all rooms
  -i, --identity ID        who the participant is, unique in the room
  -n, --name NAME          the name that others see
      --ttl TIME           how long the token is good to join with: 90s, 15m, 1h (default), 7d
      --grant NAME=BOOL    ${GRANTS.slice(0, 4).join(', ')},
                           ${GRANTS.slice(4).join(' or ')}; repeatable
      --admin              the same as --grant roomAdmin=true; may create rooms by the API
      --key NAME           which API key signs, when there are several
${CONFIG_FLAGS_HELP}

Without a configuration the key of the development server that runs on this machine is used.`,

  run: (argv, context) => {
    const flags = readFlags('token', argv, {
      ...CONFIG_FLAGS,
      room: { type: 'string', short: 'r' },
      identity: { type: 'string', short: 'i' },
      name: { type: 'string', short: 'n' },
      ttl: { type: 'string' },
      grant: { type: 'string', multiple: true },
      admin: { type: 'boolean' },
      key: { type: 'string' },
    });
    const identity = flags.get('identity');
    if (identity === undefined)
      throw new UsageError('--identity is missing: who is the token for?');
    const grants = readGrants(flags);
    const ttlSeconds = readTtl(flags.get('ttl') ?? '1h');
    const key = apiKey(flags, context);
    const name = flags.get('name');
    const text = mintToken({
      key: key.name,
      secret: key.secret,
      identity,
      ...(name === undefined ? {} : { name }),
      grants,
      ttlSeconds,
    });
    context.print(`${text}\n`);
    return Promise.resolve(EXIT_OK);
  },
};

function readGrants(flags: Flags): { room?: string } & Partial<Record<Grant, boolean>> {
  const room = flags.get('room');
  const admin = flags.has('admin');
  const grants: Partial<Record<Grant, boolean>> = { roomJoin: room !== undefined };
  if (admin) grants.roomAdmin = true;
  for (const pair of flags.all('grant')) {
    const [name = '', value = ''] = pair.split('=', 2);
    const grant = GRANTS.find((candidate) => candidate === name);
    if (grant === undefined) {
      const hit = nearest(name, GRANTS);
      const hint = hit === undefined ? `one of ${GRANTS.join(', ')}` : `did you mean ${hit}?`;
      throw new UsageError(`--grant ${name}: unknown grant, ${hint}`);
    }
    if (value !== 'true' && value !== 'false') {
      throw new UsageError(`--grant ${name}: expected ${name}=true or ${name}=false`);
    }
    grants[grant] = value === 'true';
  }
  if (room !== undefined) return { room, ...grants };
  if (grants.roomAdmin === true) return grants;
  throw new UsageError('--room is missing: which room is the token for?');
}

function readTtl(text: string): number {
  const parts = /^(\d{1,9})([smhd])$/.exec(text);
  const seconds = Number(parts?.[1]) * (UNITS[parts?.[2] ?? ''] ?? Number.NaN);
  if (seconds >= 1 && seconds <= TTL_SECONDS_MAX) return seconds;
  throw new UsageError(`--ttl: expected a time such as 90s, 15m, 1h or 7d, at most 365d`);
}
