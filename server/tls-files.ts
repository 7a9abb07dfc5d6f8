// A certificate and its key on disk, of `turn.tls` or `gateway.tls`: read at the start, and anew when they change.
// Who shows them to clients, over TLS or DTLS, takes a new pair over together with the others, or nobody does.
// Called by: MediaHost and the server, which have one each; TurnTls, DtlsHost and the gateway show what they hold.

import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type TlsGroup, type TlsPair, tlsPairProblem } from '../shared/config/tls-pair.ts';
import { SternaError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';

/** How often the files are looked at. */
const POLL_MS = 3000;

export interface TlsFilesParts {
  readonly log: Logger;
  /** Whose they are. */
  readonly group: TlsGroup;
  /** Paths. */
  readonly cert: string;
  readonly key: string;
  /** Of the files; POLL_MS when left out. */
  readonly pollMs?: number | undefined;
}

/** Throws where a pair is of no use to it; what it returns takes the pair over. */
export type TlsUse = (pair: TlsPair) => () => void;

/** What the files held at one look; `name` is equal where they held the same. */
interface Look {
  readonly name: string;
  readonly pair?: TlsPair;
  /** Why it is not to be used. */
  readonly problem?: string;
}

export class TlsFiles {
  readonly #parts: TlsFilesParts;
  readonly #poll: NodeJS.Timeout;
  readonly #uses: TlsUse[] = [];
  #pair: TlsPair;
  /** Names of looks: what is served, what was seen last, what was refused last. */
  #served: string;
  #seen: string;
  #refused: string | undefined;
  #isLooking = false;

  private constructor(parts: TlsFilesParts, pair: TlsPair, name: string) {
    this.#parts = parts;
    this.#pair = pair;
    this.#served = name;
    this.#seen = name;
    this.#poll = setInterval(() => void this.#lookAgain(), parts.pollMs ?? POLL_MS).unref();
  }

  /** Rejects where the files are not what the check of the configuration has seen. */
  static async open(parts: TlsFilesParts): Promise<TlsFiles> {
    const { pair, problem, name } = await lookAt(parts);
    if (pair === undefined) throw new SternaError('TLS_UNAVAILABLE', problem ?? '');
    return new TlsFiles(parts, pair, name);
  }

  /** What is served. */
  get pair(): TlsPair {
    return this.#pair;
  }

  /** Tells of what the files hold from now on; what they hold now is taken over at once. Throws as `use` does. */
  tell(use: TlsUse): void {
    use(this.#pair)();
    this.#uses.push(use);
  }

  /** Reads the files at once; bad ones are logged and the old ones go on. */
  reload(): Promise<void> {
    return this.#look(true);
  }

  close(): void {
    clearInterval(this.#poll);
  }

  /** One look after the other: two at the same time would see the same half of a change. */
  async #lookAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look(false);
    } finally {
      this.#isLooking = false;
    }
  }

  /** Files are written one after the other: unless it is `atOnce`, what they hold has to be the same at two looks. */
  async #look(atOnce: boolean): Promise<void> {
    const { name, pair, problem } = await lookAt(this.#parts);
    const isToBeTaken = atOnce || name === this.#seen;
    this.#seen = name;
    if (!isToBeTaken || name === this.#served) return;
    if (pair === undefined) return this.#refuse(name, problem);
    try {
      const takeOver = this.#uses.map((use) => use(pair));
      for (const take of takeOver) take();
    } catch (error) {
      return this.#refuse(name, error instanceof Error ? error.message : String(error));
    }
    this.#pair = pair;
    this.#served = name;
    this.#refused = undefined;
    const { validTo } = new X509Certificate(pair.cert);
    const { log, group } = this.#parts;
    log.info(`${group}.tls-reloaded`, { validTo });
  }

  #refuse(name: string, problem: string | undefined): void {
    const { log, group } = this.#parts;
    if (name !== this.#refused) log.error(`${group}.tls-refused`, { problem });
    this.#refused = name;
  }
}

async function lookAt({ group, cert, key }: TlsFilesParts): Promise<Look> {
  let pair: TlsPair;
  try {
    pair = { cert: await readFile(cert), key: await readFile(key) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { name: problem, problem };
  }
  const name = `${digest(pair.cert)} ${digest(pair.key)}`;
  const wrong = tlsPairProblem(pair, group);
  if (wrong === undefined) return { name, pair };
  const path = wrong.field === 'cert' ? cert : key;
  return { name, problem: `${group}.tls.${wrong.field}: expected ${wrong.expected}, got ${path}` };
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
