// Commands to rooms as answers over HTTP: signaling's refusals become problems.
// Called by: the room and participant APIs of the server entry.

import type { RoomAnswer, RoomAnswers, RoomCommand } from '../signaling/index.ts';
import { problem } from './api-problem.ts';

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
