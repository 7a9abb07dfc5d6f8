// The description of the API: GET /docs/openapi.json for programs, GET /docs as a page without a script.
// Called by: http-server.ts, with all other routes.

import { z } from 'zod';
import { describeApi } from '../openapi.ts';
import type { Description } from '../openapi.ts';
import { escaped, PAGE_FIELDS, plainPage } from '../plain-page.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

const HTML = { type: 'text/html', schema: z.string() };

export function docsRoutes(version: string, routes: readonly Route[]): Route[] {
  const description = describeApi(version, routes);
  const page = pageOf(description);
  return [
    defineRoute({
      method: 'GET',
      path: '/docs/openapi.json',
      summary: 'This API as OpenAPI 3.1.',
      access: 'public',
      response: { 200: z.looseObject({ openapi: z.string() }) },
      handler: ({ reply }) => reply(200, { ...description }),
    }),
    defineRoute({
      method: 'GET',
      path: '/docs',
      summary: 'This API as a page.',
      access: 'public',
      response: { 200: HTML },
      handler: ({ reply }) => reply(200, page, PAGE_FIELDS),
    }),
  ];
}

interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}

function pageOf({ info, paths }: Description): string {
  const sections = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- describeApi made it
      sectionOf(method.toUpperCase(), path, operation as Operation),
    ),
  );
  const body = `<p>Every request that needs credentials has <code>Authorization: Bearer</code> with a token, or with
<code>key:secret</code>. For programs: <a href="/docs/openapi.json">openapi.json</a>.</p>
${sections.join('\n')}`;
  return plainPage(`Sterna ${String(info['version'])}: HTTP API`, body);
}

function sectionOf(method: string, path: string, operation: Operation): string {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const named = parameters.map(
    ({ name, in: where, required }) => `${name} (${where}${required ? '' : ', optional'})`,
  );
  return [
    `<section><h2>${method} ${escaped(path)}</h2><p>${escaped(summary)} ${escaped(description)}</p>`,
    named.length === 0 ? '' : `<p>Parameters: ${escaped(named.join(', '))}.</p>`,
    requestBody === undefined ? '' : foldOf('Request', requestBody.content),
    ...Object.entries(responses).map(([status, { content }]) =>
      content === undefined || status === 'default' ? '' : foldOf(`Answer ${status}`, content),
    ),
    '</section>',
  ].join('');
}

function foldOf(title: string, content: object): string {
  const text = escaped(JSON.stringify(content, null, 2));
  return `<details><summary>${title}</summary><pre>${text}</pre></details>`;
}
