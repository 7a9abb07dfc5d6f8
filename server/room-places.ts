// What is asked of a room over HTTP is done where the room is: here, or at the node that has it. Each question is an
// operation with a name, the same at all nodes; what it refuses comes back as it was thrown there.
// Called by: the APIs of the server entry.

import { z } from 'zod';
import { GatewayProblem } from '../gateway/problem.ts';
import { SternaError } from '../shared/errors.ts';
import { problem } from './api-problem.ts';
import type { Outcome } from './cluster/calls.ts';
import type { Cluster } from './cluster/cluster.ts';

export interface Operation<Args, Result> {
  /** The same at all nodes. */
  readonly name: string;
  /** What comes from other nodes is checked as all that comes from outside. */
  readonly args: z.ZodType<Args>;
  readonly result: z.ZodType<Result>;
  /** Makes the room one of this node where nobody has it. */
  readonly makes?: true;
  /** At the node that has the room. Throws GatewayProblem for what it refuses. */
  run(args: Args): Result | Promise<Result>;
}

/** Rejects with a GatewayProblem: that of the node that has the room, or that it does not answer. */
export type Ask<Args, Result> = (room: string, args: Args) => Promise<Result>;

export interface RoomPlaces {
  /** How an operation is asked for, whichever node has the room. Called once for each. */
  offer<Args, Result>(operation: Operation<Args, Result>): Ask<Args, Result>;
  /** An operation that every node does, on what it has; those that do not answer are left out. */
  offerAll<Args, Result>(operation: Operation<Args, Result>): (args: Args) => Promise<Result[]>;
  /** Whether what this node knows of the room is what there is to know. */
  isHere(room: string): boolean;
  /** Keeps how a room of ours was made, for who takes it over. */
  describe(room: string, options: object): void;
}

const refused = z.object({
  status: z.int().min(400).max(599),
  reason: z.string().max(64),
  detail: z.string().max(4096),
  headers: z.record(z.string(), z.string()),
});

/** Where this is the only node. */
const HERE: RoomPlaces = {
  offer: (operation) => async (_room, args) => operation.run(args),
  offerAll: (operation) => async (args) => [await operation.run(args)],
  isHere: () => true,
  describe: () => undefined,
};

export function placesOf(cluster: Cluster | undefined): RoomPlaces {
  if (cluster === undefined) return HERE;
  return {
    offer: (operation) => offerAt(cluster, operation),
    offerAll: (operation) => offerEverywhere(cluster, operation),
    isHere: (room) => cluster.directory.has(room),
    describe: (room, options) => cluster.directory.describe(room, options),
  };
}

function answer<Args, Result>({ directory }: Cluster, operation: Operation<Args, Result>): void {
  const { name, makes = false } = operation;
  directory.answer(name, async (room, given) => {
    const args = operation.args.safeParse(given);
    if (!args.success || (makes && !directory.has(room))) return refusedAs(unavailable());
    try {
      return { ok: true, value: await operation.run(args.data) };
    } catch (error) {
      if (error instanceof GatewayProblem) return refusedAs(error);
      throw error;
    }
  });
}

function offerEverywhere<Args, Result>(
  cluster: Cluster,
  operation: Operation<Args, Result>,
): (args: Args) => Promise<Result[]> {
  answer(cluster, operation);
  return async (args) => {
    const outcomes = await cluster.directory.everywhere(operation.name, args).catch(() => {
      throw unavailable();
    });
    return outcomes.flatMap(({ ok, value }) => {
      const result = ok ? operation.result.safeParse(value) : null;
      return result?.success === true ? [result.data] : [];
    });
  };
}

function offerAt<Args, Result>(
  cluster: Cluster,
  operation: Operation<Args, Result>,
): Ask<Args, Result> {
  const { directory } = cluster;
  const { name, makes = false } = operation;
  answer(cluster, operation);
  return async (room, args) => {
    let outcome: Outcome;
    try {
      outcome = await directory.at(room, name, args, makes);
    } catch (error) {
      throw error instanceof SternaError ? unavailable() : error;
    }
    const result = outcome.ok ? operation.result.safeParse(outcome.value) : null;
    if (result?.success === true) return result.data;
    const refusal = refused.safeParse(outcome.value);
    if (!refusal.success) throw unavailable();
    const { status, reason, detail, headers } = refusal.data;
    throw new GatewayProblem(status, reason, detail, headers);
  };
}

function refusedAs({ status, code, message, headers }: GatewayProblem): Outcome {
  return { ok: false, value: { status, reason: code, detail: message, headers } };
}

function unavailable(): GatewayProblem {
  return problem('ROUTE_LOST', 'The node that has the room does not answer', {
    'retry-after': '1',
  });
}
