// Debian's simple-whip-client, a WHIP publisher of others: trickles, sends If-Match, deletes on Ctrl-C.
// It aborts as it is packaged: it speaks libsoup 2, and libgupnp-igd, which libnice loads for UPnP, libsoup 3.
// A stub in the place of libgupnp-igd, made anew by gcc for each run, keeps that one out.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../e2e/child.ts';
import type { Resource } from './scripted-peer.ts';

/** What libnice 0.1.21 wants of it. */
const STUB = ['thread_new', 'get_type', 'add_port', 'remove_port_local']
  .map((name) => `void *gupnp_simple_igd_${name}(void) { return 0; }`)
  .join('\n');

const VIDEO =
  'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! queue ! ' +
  'vp8enc deadline=1 cpu-used=8 keyframe-max-dist=60 ! rtpvp8pay pt=96 ssrc=2';
const AUDIO =
  'audiotestsrc is-live=true ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1 ! queue ! ' +
  'opusenc ! rtpopuspay pt=100 ssrc=1';

export interface WhipClientOptions {
  /** All candidates in the offer, and no PATCH. */
  trickle?: boolean;
  /** Takes the ICE servers from the Link header fields. */
  followLinks?: boolean;
}

export class WhipClient {
  readonly #child: Child;
  readonly #folder: string;

  constructor(
    { url, bearer }: Resource,
    { trickle = true, followLinks = false }: WhipClientOptions = {},
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), 'sterna-whip-client-'));
    const source = join(this.#folder, 'stub.c');
    const library = 'libgupnp-igd-1.0.so.4';
    writeFileSync(source, STUB);
    const output = join(this.#folder, library);
    const flags = ['-shared', '-nostdlib', '-fPIC', `-Wl,-soname,${library}`];
    execFileSync('gcc', [...flags, '-o', output, source]);
    const options = ['-o', ...(trickle ? [] : ['-n']), ...(followLinks ? ['-f'] : [])];
    this.#child = new Child(
      'whip-client',
      ['-u', url, '-t', bearer, ...options, '-A', AUDIO, '-V', VIDEO, '-l', '6'],
      { environment: { LD_LIBRARY_PATH: this.#folder } },
    );
  }

  get output(): string {
    return this.#child.output;
  }

  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#child.printed(pattern);
  }

  /** Ctrl-C, which sends DELETE; resolves when it has ended. */
  async leave(): Promise<void> {
    this.#child.interrupt();
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async kill(): Promise<void> {
    await this.#child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
