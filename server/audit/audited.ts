// What somebody does over HTTP, with an entry in the audit log whatever comes of it. Called by: the APIs of the server
// entry.

import type { Caller } from '../../gateway/caller.ts';
import { GatewayProblem } from '../../gateway/problem.ts';
import { actorOf } from './audit.ts';
import type { Audit } from './audit.ts';

type Target = Readonly<Record<string, unknown>>;

/** @param made what the entry says of it in place of `target` where it was done */
export async function audited<Result>(
  audit: Audit,
  caller: Caller,
  action: string,
  target: Target,
  act: () => Result | Promise<Result>,
  made: (result: Result) => Target = () => target,
): Promise<Result> {
  try {
    const result = await act();
    audit.record(actorOf(caller), action, made(result), 'ok');
    return result;
  } catch (error) {
    const outcome = error instanceof GatewayProblem ? error.code : 'INTERNAL';
    audit.record(actorOf(caller), action, target, outcome);
    throw error;
  }
}
