// Debian's Janus as the SFU benches run it: the videoroom and HTTP alone, rooms without transport-wide
// feedback, recordings or logs, and the one address that all servers of the bench use (Janus leaves loopback out).

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JANUS_ROOM } from './janus-signaling.ts';

const BINARY = 'janus';
const DEBIAN_CONFIG = '/etc/janus/janus.jcfg';
export const JANUS_PACKAGE = 'janus';

export interface JanusInstallation {
  readonly version: string;
  readonly plugins: string;
  readonly transports: string;
}

/** Undefined where it is not installed. */
export function findJanus(): JanusInstallation | undefined {
  const shown = spawnSync(BINARY, ['--version'], { encoding: 'utf8' });
  if (shown.error !== undefined) return undefined;
  const version = /Janus version: \d+ \((.*?)\)/.exec(shown.stdout)?.[1] ?? 'unknown';
  try {
    const config = readFileSync(DEBIAN_CONFIG, 'utf8');
    const folder = (name: string): string =>
      new RegExp(`^\\s*${name}_folder = "(.*?)"`, 'm').exec(config)?.[1] ?? '';
    return { version, plugins: folder('plugins'), transports: folder('transports') };
  } catch {
    return undefined;
  }
}

export interface JanusOptions {
  readonly port: number;
  readonly address: string;
  /** Threads that all connections share; undefined for one each, which is the default. */
  readonly eventLoops: number | undefined;
  /** From JANUS_ROOM on. */
  readonly rooms: number;
}

/** A folder of configuration for one run, and the command for it. */
export class JanusRun {
  readonly command: readonly string[];
  readonly #folder: string;

  constructor(installation: JanusInstallation, options: JanusOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), 'sterna-bench-janus-'));
    this.command = [BINARY, '--configs-folder', this.#folder];
    const plugins = this.#only(installation.plugins, 'libjanus_videoroom.so');
    const transports = this.#only(installation.transports, 'libjanus_http.so');
    const none = join(this.#folder, 'none');
    mkdirSync(none);
    const { port, address, eventLoops, rooms } = options;
    const loops = eventLoops === undefined ? '' : `event_loops = ${eventLoops}`;
    this.#write(
      'janus.jcfg',
      `general: {
         configs_folder = "${this.#folder}"
         plugins_folder = "${plugins}"
         transports_folder = "${transports}"
         events_folder = "${none}"
         loggers_folder = "${none}"
         debug_level = 2
         session_timeout = 0
         ${loops}
       }
       media: { ipv6 = false }
       nat: { ice_enforce_list = "${address}" }`,
    );
    this.#write(
      'janus.transport.http.jcfg',
      `general: { json = "compact" base_path = "/janus" http = true port = ${port} ip = "127.0.0.1" https = false }
       admin: { admin_http = false }`,
    );
    this.#write(
      'janus.plugin.videoroom.jcfg',
      Array.from(
        { length: rooms },
        (_, i) => `room-${JANUS_ROOM + i}: {
         publishers = 1000 bitrate = 0 fir_freq = 0 audiocodec = "opus" videocodec = "vp8"
         transport_wide_cc_ext = false record = false
       }`,
      ).join('\n'),
    );
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A folder that holds that one library. */
  #only(from: string, library: string): string {
    const folder = join(this.#folder, library.replace('.so', ''));
    mkdirSync(folder);
    symlinkSync(join(from, library), join(folder, library));
    return folder;
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text);
  }
}
