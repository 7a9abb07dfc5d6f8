// API keys in a file that this user alone may read. It is written whole beside its place, synced and renamed, so that a
// crash leaves the old one or the new one.
// Called by: the key ring, as its store. One process at a time has the file.

import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SternaError } from '../errors.ts';
import { parseJson } from '../parse-json.ts';
import { storedKey } from './key-store.ts';
import type { KeyStore, StoredKey } from './key-store.ts';

const keyFile = z.strictObject({ version: z.literal(1), keys: z.array(storedKey) });

export class KeyFile implements KeyStore {
  readonly #path: string;
  readonly #keys = new Map<string, StoredKey>();
  #last: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<readonly StoredKey[]> {
    const text = await this.#read();
    if (text === undefined) return [];
    const parsed = keyFile.safeParse(parseJson(text));
    if (!parsed.success) {
      const at = parsed.error.issues[0]?.path.map(String).join('.');
      throw problem(`${this.#path} is no file of API keys${at ? ` (at ${at})` : ''}; remove it`);
    }
    for (const key of parsed.data.keys) this.#keys.set(key.key, key);
    return parsed.data.keys;
  }

  put(key: StoredKey): Promise<void> {
    return this.#change(() => this.#keys.set(key.key, key));
  }

  remove(key: string): Promise<void> {
    return this.#change(() => this.#keys.delete(key));
  }

  watch(): void {
    // Nobody else writes it.
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw problem(`cannot read ${this.#path}: ${codeOf(error)}`, error);
    }
  }

  /** One after the other. */
  #change(change: () => void): Promise<void> {
    const done = this.#keep(this.#last, change);
    this.#last = done.catch(() => {});
    return done;
  }

  /** What could not be written is taken back. */
  async #keep(last: Promise<void>, change: () => void): Promise<void> {
    await last;
    const before = [...this.#keys];
    change();
    try {
      await this.#write();
    } catch (error) {
      this.#keys.clear();
      for (const [name, key] of before) this.#keys.set(name, key);
      throw problem(`cannot write ${this.#path}: ${codeOf(error)}`, error);
    }
  }

  async #write(): Promise<void> {
    const draft = `${this.#path}.new`;
    const text = `${JSON.stringify({ version: 1, keys: [...this.#keys.values()] }, null, 1)}\n`;
    // What a crash has left there may have other rights.
    await rm(draft, { force: true });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, this.#path);
    // The name is kept with its folder.
    const folder = await open(dirname(this.#path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

function problem(why: string, cause?: unknown): SternaError {
  return new SternaError('KEYS_FILE', `gateway.keysFile: ${why}`, { cause });
}
