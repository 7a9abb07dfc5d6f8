// Links of a document to tests by their titles: a title that no test has would be a promise. Called by: the house tests
// of documents that name tests.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './source-files.ts';

export interface TestLink {
  readonly title: string;
  readonly file: string;
}

export const linksIn = (text: string): TestLink[] =>
  [...text.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[\w/.-]+)\)/g)].map(
    ([, title = '', file = '']) => ({ title, file }),
  );

/** The titles of `it`, `test`, `describe` and the drivers of protocol tests. */
const TITLE = /(?:\b(?:it|test|describe|on[A-Z]\w*)|\))\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g;

function titlesOf(file: string): string[] {
  const path = join(ROOT, file);
  if (!existsSync(path)) return [];
  return [...readFileSync(path, 'utf8').matchAll(TITLE)].map(([, , title = '']) => title);
}

/** Links whose title is in no title of that file. */
export function brokenLinks(text: string): TestLink[] {
  return linksIn(text).filter(
    ({ title, file }) => !titlesOf(file).some((each) => each.includes(title)),
  );
}
