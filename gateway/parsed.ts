// What came from outside, through its schema; a complaint names the first wrong field.
// Called by: the route table.

import type { z } from 'zod';
import { GatewayProblem } from './problem.ts';

/** @throws GatewayProblem 400 */
export function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? 'body' : issue.path.join('.');
  const detail = `${field}: ${issue?.message ?? 'not valid'}.`;
  throw new GatewayProblem(400, 'BAD_MESSAGE', detail.slice(0, 300));
}
