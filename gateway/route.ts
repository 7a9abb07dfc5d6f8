// What a route is: its path, who may use it, the schemas of what it takes and answers, and its handler. One table of
// these drives registration, 405 answers, authorization, limits, latency and the description of the API.
// Called by: the files of routes/, which define them; route-table.ts, which serves them.

import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Access } from './access.ts';
import type { Caller } from './caller.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** What is not JSON: of a request it comes as a Buffer, whatever its type says; the handler judges that. */
export interface Content {
  readonly type: string;
  readonly schema: z.ZodType<string>;
}

export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** By status: of success, and of refusals that are more than a problem. */
export type Answers = Readonly<Record<number, z.ZodType | Content>>;

type OutputOf<Given> = Given extends z.ZodType ? z.output<Given> : undefined;
type BodyOf<Body> = Body extends Content ? Buffer | undefined : OutputOf<Body>;
type AnswerOf<Given> = Given extends Content
  ? string | Buffer
  : Given extends z.ZodType
    ? z.input<Given>
    : never;

export interface Answer {
  readonly status: number;
  /** Text and bytes go as they are, all else as JSON; undefined is no content. */
  readonly body: unknown;
  /** In lower case. They stand in for what every answer has. */
  readonly fields: Fields | undefined;
}

export interface Call<Params, Query, Body, Given extends Answers> {
  readonly params: OutputOf<Params>;
  readonly query: OutputOf<Query>;
  readonly body: BodyOf<Body>;
  readonly caller: Caller;
  readonly request: FastifyRequest;
  /** Makes the answer, which the handler returns. */
  reply<Status extends keyof Given & number>(
    this: void,
    status: Status,
    body: AnswerOf<Given[Status]>,
    fields?: Fields,
  ): Answer;
}

export interface RouteDefinition<Params, Query, Body, Given extends Answers> {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/rooms/{room}`. */
  readonly path: string;
  /** One sentence, for who reads the description of the API. */
  readonly summary: string;
  readonly access: Access;
  /** Each schema takes the strings of the path or the query. Strict ones refuse what they do not know. */
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly response: Given;
  /** Which room it is about, where `access` asks and the path has no `{room}`. */
  roomOf?(body: BodyOf<Body>): string;
  /** Header fields of every answer, refusals included. */
  readonly fields?: Fields;
  /** Anybody may ask as often as they like: it costs nothing and tells nothing. */
  readonly unlimited?: true;
  /** Refuses by throwing, before the body is read. */
  guard?(request: FastifyRequest): void;
  /** What is refused is thrown as GatewayProblem. */
  handler(call: Call<Params, Query, Body, Given>): Answer | Promise<Answer>;
}

type Schema = z.ZodType | undefined;

/** A route of any schemas. */
export type Route = RouteDefinition<Schema, Schema, Schema | Content, Answers>;

/** Infers what the handler gets and may answer. */
export function defineRoute<
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | Content | undefined = undefined,
  const Given extends Answers = Answers,
>(route: RouteDefinition<Params, Query, Body, Given>): Route {
  return route;
}

export function isContent(schema: z.ZodType | Content): schema is Content {
  return !('_zod' in schema);
}
