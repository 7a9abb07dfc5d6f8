// Commands to rooms as answers over HTTP: signaling's refusals become problems, and what changes something is audited.
// Called by: the room and participant APIs of the server entry.

import type { Caller } from '../gateway/caller.ts';
import { GatewayProblem } from '../gateway/problem.ts';
import type { RoomAnswer, RoomAnswers, RoomCommand } from '../signaling/index.ts';
import { problem } from './api-problem.ts';
import { actorOf } from './audit/audit.ts';
import type { Audit } from './audit/audit.ts';

/** Whoever has the room, or asks who has it. */
export interface RoomOwner {
  execute(command: RoomCommand): RoomAnswer | Promise<RoomAnswer>;
}

/** @throws GatewayProblem */
export async function run<Op extends keyof RoomAnswers>(
  rooms: RoomOwner,
  command: RoomCommand & { readonly op: Op },
): Promise<RoomAnswers[Op]> {
  const answer = await rooms.execute(command);
  if (answer !== null && 'reason' in answer && 'message' in answer) {
    throw problem(answer.reason, answer.message);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each command has its answer
  return answer as RoomAnswers[Op];
}

/** Writes down who did it and what came of it. */
export async function audited<Result>(
  audit: Audit,
  caller: Caller,
  action: string,
  target: Readonly<Record<string, unknown>>,
  act: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    const result = await act();
    audit.record(actorOf(caller), action, target, 'ok');
    return result;
  } catch (error) {
    const outcome = error instanceof GatewayProblem ? error.code : 'INTERNAL';
    audit.record(actorOf(caller), action, target, outcome);
    throw error;
  }
}
