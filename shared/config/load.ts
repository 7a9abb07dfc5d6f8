// The configuration of a process: file, environment and flags into one checked value, or one line that says
// what is wrong. Decides between development mode and a configured server.
// Called by: the commands of server/.

import { complain, ConfigError } from './config-error.ts';
import {
  addDevelopmentValues,
  dropIpv6Defaults,
  findPublicAddress,
  hasIpv6Loopback,
  randomSecret,
} from './development.ts';
import { findProblem, findWarnings } from './relations.ts';
import type { Problem } from './relations.ts';
import { settingsSchema } from './schema.ts';
import type { Settings } from './schema.ts';
import { FILE_VARIABLE, Sources, unknownKey } from './sources.ts';
import type { ConfigFlag, Environment } from './sources.ts';
import { findTlsProblem } from './tls-pair.ts';
import { addUserFile } from './user-file.ts';

export interface Config extends Settings {
  /** `development`: no file and no API keys, so loopback only and secrets made up at the start. */
  readonly mode: 'development' | 'configured';
  readonly file: string | undefined;
  /** Settings that work but are probably not meant, a sentence each. */
  readonly warnings: readonly string[];
}

export interface ConfigInput {
  /** Path given by `--config`; the `STERNA_CONFIG` variable counts when it is left out. */
  file?: string | undefined;
  environment: Environment;
  flags?: readonly ConfigFlag[];
  /** `keys` asks for API keys alone, enough to mint tokens; otherwise TURN credentials are needed too. */
  needs?: 'keys' | 'all';
  /** Whether a person reads the log: development mode then prints it for people, unless told otherwise. */
  terminal?: boolean;
  /** Makes the secrets of development mode; 256 random bits when left out. */
  secret?: () => string;
  /** Whether the machine has `::1`; asked of the machine when left out. */
  ipv6Loopback?: boolean;
}

/** @throws ConfigError with a message of one line. */
export function loadConfig(input: ConfigInput): Config {
  const sources = new Sources();
  const fromFlag = input.file !== undefined;
  const file = input.file ?? (input.environment[FILE_VARIABLE] || undefined);
  if (file !== undefined) sources.addFile(file, fromFlag ? '--config' : FILE_VARIABLE);
  sources.addEnvironment(input.environment);
  for (const flag of input.flags ?? []) sources.addFlag(flag);
  const userFile = sources.valueAt(['turn', 'userFile']);
  if (typeof userFile === 'string' && userFile !== '') addUserFile(sources, userFile);

  const development = file === undefined && !sources.has(['keys']);
  if (development) {
    addDevelopmentValues(sources, input.secret ?? randomSecret, input.terminal ?? false);
  }
  if (!(input.ipv6Loopback ?? hasIpv6Loopback())) dropIpv6Defaults(sources);

  const settings = checkKeys(sources);
  if (!development) refuseMissing(settings, file, input.needs ?? 'all');
  const problem =
    findProblem(settings) ??
    (development ? findPublicAddress(settings) : undefined) ??
    (input.needs === 'keys' ? undefined : findTlsProblem(settings));
  if (problem) throw complain({ ...problem, origin: originOf(sources, problem) });
  return {
    ...settings,
    mode: development ? 'development' : 'configured',
    file,
    warnings: findWarnings(settings),
  };
}

type Issue = NonNullable<ReturnType<typeof settingsSchema.safeParse>['error']>['issues'][number];

function checkKeys(sources: Sources): Settings {
  const result = settingsSchema.safeParse(sources.values);
  if (result.success) return result.data;
  const { issues } = result.error;
  // An unknown key is often why another one seems to be missing or wrong, so it is named first.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (!issue) throw new ConfigError('expected a configuration');
  throw complaintOf(issue, sources);
}

function complaintOf(issue: Issue, sources: Sources): ConfigError {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const at = [...path, issue.keys[0] ?? ''];
    return unknownKey(at, sources.originOf(at));
  }
  const origin = sources.originOf(path);
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'another name';
    return complain({ path, expected: `${expected} as its name`, origin });
  }
  return complain({ path, expected: expectedOf(issue), value: sources.valueAt(path), origin });
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'a map of keys',
  record: 'a map of names and values',
  array: 'a list',
  boolean: 'true or false',
  string: 'text (in quotes where it looks like a number)',
};

function expectedOf(issue: Issue): string {
  if (issue.code === 'invalid_type') return KINDS[issue.expected] ?? issue.message;
  if (issue.code === 'invalid_value') return `one of ${issue.values.map(String).join(', ')}`;
  return issue.message;
}

/** A configured server does not make up credentials. */
function refuseMissing(
  { keys, turn }: Settings,
  file: string | undefined,
  needs: 'keys' | 'all',
): void {
  const origin = file ?? 'environment and flags';
  const value = undefined;
  if (Object.keys(keys).length === 0) {
    const expected = 'at least one API key, "name: secret of 32 characters or more"';
    throw complain({ path: ['keys'], expected, value, origin });
  }
  const { secrets, users, oauth, userSources } = turn;
  const { redis, http } = userSources;
  const others = Object.keys(users).length + Object.keys(oauth.keys).length;
  const looksUp = redis.url !== '' || http.url !== '';
  if (needs === 'all' && secrets.length === 0 && others === 0 && !looksUp) {
    const expected =
      'a secret here, a user in turn.users, one of turn.userSources, or a key in turn.oauth.keys';
    throw complain({ path: ['turn', 'secrets'], expected, value, origin });
  }
}

function originOf(sources: Sources, { path, value }: Problem): string {
  const list = sources.valueAt(path);
  const index = Array.isArray(list) ? list.lastIndexOf(value) : -1;
  return sources.originOf(index < 0 ? path : [...path, String(index)]);
}
