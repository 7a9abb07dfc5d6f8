// What the overview routes tell: of this node, and of all others where there are several. While these cannot be asked
// the answer is of this node alone, for that is when somebody looks.
// Called by: server.ts, which hands it to the gateway.

import { z } from 'zod';
import { errorList, nodeNumbers, overview } from '../gateway/routes/overview.ts';
import type { OverviewApi } from '../gateway/routes/overview.ts';
import { systemClock } from '../shared/clock.ts';
import type { SignalingServer } from '../signaling/index.ts';
import type { Cluster } from './cluster/cluster.ts';
import { nodeNumbersMaker } from './node-numbers.ts';
import type { NodeParts } from './node-numbers.ts';
import type { Operation, RoomPlaces } from './room-places.ts';
import { pageOfRows, RoomRows } from './room-rows.ts';

const nothing = z.object({});
const rowsQuery = z.object({ search: z.string(), count: z.int().min(1) });
const errorsQuery = z.object({ limit: z.int().min(1) });

export interface OverviewParts extends NodeParts {
  readonly places: RoomPlaces;
  readonly cluster: Cluster | undefined;
  readonly rooms: SignalingServer['rooms'];
}

export function overviewApiOf(parts: OverviewParts): OverviewApi {
  const { places, cluster, id, name, media, lines } = parts;
  const rows = new RoomRows({
    node: name,
    clock: systemClock,
    rooms: parts.rooms,
    summaries: () => media.rooms(),
  });
  const numbers = everywhere(places, {
    name: 'overview.node',
    args: nothing,
    result: nodeNumbers,
    run: nodeNumbersMaker(parts),
  });
  const rooms = everywhere(places, {
    name: 'overview.rooms',
    args: rowsQuery,
    result: overview,
    run: (query) => rows.list(query),
  });
  const errors = everywhere(places, {
    name: 'overview.errors',
    args: errorsQuery,
    result: errorList,
    run: ({ limit }) => ({
      lines: lines.list(limit).map((line) => Object.assign({ node: name }, line)),
      warnings: lines.warnings,
      errors: lines.errors,
    }),
  });
  return {
    nodes: async () => {
      const [nodes, known] = await Promise.all([
        numbers({}),
        cluster?.nodes().catch(() => undefined),
      ]);
      const answered = new Set(nodes.map((node) => node.id));
      return {
        self: id,
        nodes: nodes.toSorted((a, b) => (a.name + a.id < b.name + b.id ? -1 : 1)),
        missing: known?.filter((node) => !answered.has(node.id)) ?? [],
        redis: cluster === undefined ? 'none' : known === undefined ? 'down' : 'up',
      };
    },
    overview: async (query) => {
      const { limit, offset, search } = query;
      return pageOfRows(await rooms({ search, count: offset + limit }), query);
    },
    errors: async (limit) => {
      const told = await errors({ limit });
      const all = told.flatMap((one) => one.lines).toSorted((a, b) => b.at - a.at);
      return {
        lines: all.slice(0, limit),
        warnings: told.reduce((sum, one) => sum + one.warnings, 0),
        errors: told.reduce((sum, one) => sum + one.errors, 0),
      };
    },
  };
}

/** At every node, or at this one alone while the others cannot be reached. */
function everywhere<Args, Result>(
  places: RoomPlaces,
  operation: Operation<Args, Result>,
): (args: Args) => Promise<Result[]> {
  const ask = places.offerAll(operation);
  return (args) => ask(args).catch(async () => [await operation.run(args)]);
}
