// The API as OpenAPI 3.1 describes it, made of the table of routes: schemas are those that requests go through, so
// what is written there is what is done. Called by: the routes of /docs, once.

import { z } from 'zod';
import type { Access } from './access.ts';
import { isContent } from './route.ts';
import type { Content, Route } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

export interface Description {
  readonly openapi: '3.1.0';
  readonly info: Json;
  readonly components: Json;
  readonly paths: Readonly<Record<string, Json>>;
}

const NEEDED: Readonly<Record<Access, string>> = {
  public: 'Needs no credentials.',
  address: 'For the addresses that the configuration names.',
  bearer: 'The bearer is a join token, or an API key and its secret.',
  'room-create': 'Needs roomCreate, or roomAdmin, for the room.',
  'room-admin': 'Needs roomAdmin for the room.',
  'room-list': 'Needs roomList, or roomAdmin for all rooms.',
  'server-admin': 'Needs roomAdmin for all rooms.',
};

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457; `reason` is stable and for programs, `detail` is for people.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    reason: { type: 'string' },
    requestId: { type: 'string', description: 'By which the log knows the request.' },
  },
  required: ['type', 'title', 'status', 'detail', 'reason', 'requestId'],
};

export function describeApi(version: string, routes: readonly Route[]): Description {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sterna', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    components: {
      schemas: { Problem: PROBLEM },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token that an API key has signed, or `key:secret` itself.',
        },
      },
    },
    paths,
  };
}

function operation(route: Route): Json {
  const { summary, access, params, query, body, response } = route;
  const isOpen = access === 'public' || access === 'address';
  const parameters = [...fieldsOf(params, 'path'), ...fieldsOf(query, 'query')];
  return {
    summary,
    description: NEEDED[access],
    ...(isOpen ? {} : { security: [{ bearer: [] }] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined
      ? {}
      : { requestBody: { required: !isOptional(body), content: contentOf(body, 'input') } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(response).map(([status, schema]) => [status, answerOf(schema)]),
      ),
      default: {
        description: 'A problem.',
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
  };
}

function answerOf(schema: z.ZodType | Content): Json {
  const isEmpty = !isContent(schema) && schema instanceof z.ZodUndefined;
  if (isEmpty) return { description: 'Nothing.' };
  return { description: 'Done.', content: contentOf(schema, 'output') };
}

function contentOf(schema: z.ZodType | Content, io: 'input' | 'output'): Json {
  if (isContent(schema)) return { [schema.type]: { schema: { type: 'string' } } };
  return { 'application/json': { schema: schemaOf(schema, io) } };
}

function isOptional(schema: z.ZodType | Content): boolean {
  return !isContent(schema) && schema.safeParse(undefined).success;
}

/** Each field of an object as one parameter. */
function fieldsOf(schema: z.ZodType | undefined, where: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, OPTIONS('input'));
  return Object.entries(properties).map(([name, field]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: field,
  }));
}

const OPTIONS = (io: 'input' | 'output') =>
  ({ target: 'draft-2020-12', io, unrepresentable: 'any' }) as const;

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, OPTIONS(io));
  return rest;
}
