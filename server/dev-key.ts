// How `sterna token` and `sterna doctor` learn the random secrets of a development server of the same user:
// from a file in the folder for temporary files, readable by that user alone, there while the server runs.
// That folder is everybody's, so nothing in it is trusted before its owner and mode are checked: another user
// can put a folder or a link of that name there first, and then the server goes without the file.
// Called by: the commands.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { SternaError } from '../shared/errors.ts';
import { parseJson } from '../shared/parse-json.ts';

const FILE_BYTES_MAX = 4096;

const devKey = z.object({
  pid: z.int().positive(),
  /** Of the page. */
  url: z.string(),
  key: z.string(),
  secret: z.string(),
  /** TURN REST secret; empty when there is none. */
  turnSecret: z.string(),
  listeners: z.array(z.string()),
  /** Where media of rooms is received. */
  media: z.array(z.string()),
});

export type DevKey = z.output<typeof devKey>;

/** @param parent the folder for temporary files; another one in tests */
export function devKeyFile(parent: string = tmpdir()): string {
  return join(folderIn(parent), 'dev.json');
}

function folderIn(parent: string): string {
  return join(parent, `sterna-${userInfo().uid}`);
}

/**
 * Writes the file; the returned function removes it, unless a later server has replaced it. @throws
 * SternaError
 */
export function publishDevKey(value: DevKey, parent: string = tmpdir()): () => void {
  const folder = folderIn(parent);
  mkdirSync(folder, { mode: 0o700, recursive: true });
  requirePrivate(lstatSync(folder), 'directory', folder);
  const file = devKeyFile(parent);
  const draft = `${file}.${randomBytes(8).toString('hex')}`;
  // `wx` neither follows a link nor opens a file that is there.
  writeFileSync(draft, JSON.stringify(value), { mode: 0o600, flag: 'wx' });
  renameSync(draft, file);
  return () => {
    if (readDevKey(parent)?.pid === value.pid) unlinkSync(file);
  };
}

/**
 * What the running development server of this user has written; undefined when none runs. @throws SternaError
 */
export function readDevKey(parent: string = tmpdir()): DevKey | undefined {
  const folder = lstatSync(folderIn(parent), { throwIfNoEntry: false });
  if (folder === undefined) return undefined;
  requirePrivate(folder, 'directory', folderIn(parent));
  const text = readPrivate(devKeyFile(parent));
  if (text === undefined) return undefined;
  const value = devKey.safeParse(parseJson(text));
  return value.success && isRunning(value.data.pid) ? value.data : undefined;
}

function readPrivate(file: string): string | undefined {
  let fd: number;
  try {
    // Neither a link nor a pipe that never ends; both flags are missing on Windows.
    fd = openSync(
      file,
      constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw notPrivate(file, error);
  }
  try {
    const stats = fstatSync(fd);
    requirePrivate(stats, 'file', file);
    return stats.size > FILE_BYTES_MAX ? undefined : readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function requirePrivate(stats: Stats, kind: 'file' | 'directory', path: string): void {
  const rightKind = kind === 'file' ? stats.isFile() : stats.isDirectory();
  const { uid } = userInfo();
  // Windows has no such modes; there the folder for temporary files is the user's own.
  const ours = uid === -1 || (stats.uid === uid && (stats.mode & 0o077) === 0);
  if (!rightKind || !ours) throw notPrivate(path);
}

function notPrivate(path: string, cause?: unknown): SternaError {
  const message = `${path} is not private to this user, so it is not used; remove it`;
  return new SternaError('DEV_KEY', message, { cause });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
