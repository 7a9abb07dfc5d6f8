// `sterna load`: many bots in one room, and what they measured. The Node client is loaded here and nowhere else, so
// that a server never has libdatachannel in it.

import { readDevKey } from '../dev-key.ts';
import { Load } from '../load/load.ts';
import { RECEIVE_MAX } from '../load/options.ts';
import type { LoadOptions } from '../load/options.ts';
import { isGood, progressLine, reportText } from '../load/report.ts';
import { apiKey } from './api-key.ts';
import {
  CONFIG_FLAGS,
  CONFIG_FLAGS_HELP,
  EXIT_FAILED,
  EXIT_OK,
  readFlags,
  UsageError,
} from './command.ts';
import type { Command, Context, Flags } from './command.ts';
import { stopSignal } from './stop-signal.ts';

const MEMBERS_MAX = 10_000;
const RAMP_MAX = 1000;
const BITRATE_MIN = 50_000;
const BITRATE_MAX = 50_000_000;
const SECONDS_MAX = 24 * 3600;
const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 };
const MULTIPLES: Readonly<Record<string, number>> = { '': 1, k: 1000, m: 1_000_000 };
/** Back to the start of the line, and nothing to its right (ECMA-48). */
const CLEAR_LINE = '\r\u001B[K';

export const load: Command = {
  name: 'load',
  summary: 'join many bots to a room, send and receive media, and report',
  help: `  -u, --url URL            the server; left out: the development server of this machine
  -r, --room ROOM          default: load
  -p, --publishers N       bots that send; default 1
  -s, --subscribers N      bots that receive; default 10
      --video CODEC        vp8 (default) or none
      --bitrate BPS        of each picture: 500k, 1.5m; default 1m
      --audio              sound as well (silence, told as speech)
      --receive N          so many pictures each subscriber receives, at most; default all, up to ${RECEIVE_MAX}
      --duration TIME      from when all have joined: 30s (default), 5m, 1h
      --ramp N             joins a second; default 20
      --json               the report as JSON
      --key NAME           API key that signs the bots' tokens
      --secret SECRET      its secret; left out: the key is in the configuration
${CONFIG_FLAGS_HELP}

Without a key that of the development server that runs on this machine is used. Progress goes
to standard error, the report to standard output; Ctrl-C ends the load with its report.
Exit code 0: everybody joined and stayed, sent or received. 1: somebody did not.`,

  run: async (argv, context) => {
    const options = readOptions(argv, context);
    const { json, ...asked } = options;
    // A server that is asked for nothing of this never loads it.
    const client = await import('../../sdk/node/index.ts');
    const stop = new AbortController();
    void stopSignal().then(() => stop.abort());
    const running = new Load(asked, client);
    const report = await running.run(stop.signal, (progress) => {
      const line = progressLine(progress);
      context.warn(context.terminal ? `${CLEAR_LINE}${line}` : `${line}\n`);
    });
    if (context.terminal) context.warn(CLEAR_LINE);
    context.print(json ? `${JSON.stringify(report)}\n` : reportText(report));
    return isGood(report) ? EXIT_OK : EXIT_FAILED;
  },
};

function readOptions(argv: string[], context: Context): LoadOptions & { json: boolean } {
  const flags = readFlags('load', argv, {
    ...CONFIG_FLAGS,
    url: { type: 'string', short: 'u' },
    room: { type: 'string', short: 'r' },
    publishers: { type: 'string', short: 'p' },
    subscribers: { type: 'string', short: 's' },
    video: { type: 'string' },
    bitrate: { type: 'string' },
    audio: { type: 'boolean' },
    receive: { type: 'string' },
    duration: { type: 'string' },
    ramp: { type: 'string' },
    json: { type: 'boolean' },
    key: { type: 'string' },
    secret: { type: 'string' },
  });
  const video = flags.get('video') ?? 'vp8';
  if (video !== 'vp8' && video !== 'none') {
    throw new UsageError(`--video ${video}: expected vp8 or none`);
  }
  const audio = flags.has('audio');
  if (video === 'none' && !audio) throw new UsageError('--video none needs --audio');
  const publishers = whole(flags, 'publishers', 1, 0, MEMBERS_MAX);
  const subscribers = whole(flags, 'subscribers', 10, 0, MEMBERS_MAX);
  if (publishers + subscribers === 0) throw new UsageError('--publishers and --subscribers are 0');
  const numbers = {
    publishers,
    subscribers,
    bitrate: readBitrate(flags.get('bitrate') ?? '1m'),
    receive: whole(flags, 'receive', RECEIVE_MAX, 1, RECEIVE_MAX),
    durationMs: 1000 * readSeconds(flags.get('duration') ?? '30s'),
    ramp: whole(flags, 'ramp', 20, 1, RAMP_MAX),
  };
  return {
    ...numbers,
    room: flags.get('room') ?? 'load',
    video: video === 'vp8',
    audio,
    json: flags.has('json'),
    url: readUrl(flags.get('url')),
    key: readKey(flags, context),
  };
}

function readUrl(given: string | undefined): string {
  const url = given ?? readDevKey()?.url;
  if (url === undefined) {
    throw new UsageError('--url is missing: which server? (none runs on this machine)');
  }
  if (!/^(?:https?|wss?):\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`--url ${url}: expected an address such as https://meet.example.org`);
  }
  return url;
}

function readKey(flags: Flags, context: Context): LoadOptions['key'] {
  const secret = flags.get('secret');
  if (secret === undefined) return apiKey(flags, context);
  const name = flags.get('key');
  if (name === undefined) throw new UsageError('--secret needs --key: whose secret is it?');
  return { name, secret };
}

function whole(flags: Flags, name: string, otherwise: number, min: number, max: number): number {
  const text = flags.get(name);
  if (text === undefined) return otherwise;
  // As in 50/s.
  const value = /^\d{1,6}(?:\/s)?$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} ${text}: expected a number from ${min} to ${max}`);
}

function readBitrate(text: string): number {
  const parts = /^(\d{1,9}(?:\.\d{1,3})?)([km]?)$/i.exec(text);
  const bps = Number(parts?.[1]) * (MULTIPLES[parts?.[2]?.toLowerCase() ?? ''] ?? Number.NaN);
  if (bps >= BITRATE_MIN && bps <= BITRATE_MAX) return bps;
  throw new UsageError(`--bitrate ${text}: expected 50k to 50m, such as 500k or 1.5m`);
}

function readSeconds(text: string): number {
  const parts = /^(\d{1,6})([smh]?)$/.exec(text);
  const seconds = Number(parts?.[1]) * (UNITS[parts?.[2] ?? ''] ?? Number.NaN);
  if (seconds >= 1 && seconds <= SECONDS_MAX) return seconds;
  throw new UsageError(`--duration ${text}: expected a time such as 30s, 5m or 1h, at most 24h`);
}
