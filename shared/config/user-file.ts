// The users of `turn.userFile`: a line each, name and password with a colon between. They count as entries of
// `turn.users`, and are checked as those are.
// Called by: load.ts.

import { ConfigError } from './config-error.ts';
import type { Sources } from './sources.ts';
import { isRecord, readText } from './yaml-file.ts';

const USERS = ['turn', 'users'];

/** @throws ConfigError that names the line. */
export function addUserFile(sources: Sources, file: string): void {
  const origin = sources.originOf(['turn', 'userFile']);
  const text = readText(file, 'turn.userFile: expected a readable file of users', origin);
  const given = sources.valueAt(USERS) ?? {};
  // What is no map the schema refuses.
  if (!isRecord(given)) return;
  const users = new Map(Object.entries(given));
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const at = `${file}:${index + 1}`;
    const colon = entry.indexOf(':');
    const name = entry.slice(0, Math.max(colon, 0)).trim();
    const password = entry.slice(colon + 1).trim();
    if (name === '' || password === '' || name === '__proto__') {
      throw new ConfigError(`turn.userFile: expected "name:password" (${at})`);
    }
    if (users.has(name)) throw new ConfigError(`turn.userFile: expected each user once (${at})`);
    users.set(name, password);
  }
  sources.set(USERS, Object.fromEntries(users), file);
}
