// Lists in pages: `limit` and `after` of a query, which are text, and what every page says of the next one.
// Called by: the routes that list.

import { z } from 'zod';

/** The query of a list; `after` is what the page before called `next`. */
export function pageQuery(usual: number, most: number) {
  return z.strictObject({
    limit: z
      .string()
      .regex(/^[0-9]{1,4}$/, { error: 'expected a number' })
      .transform(Number)
      .pipe(z.int().min(1).max(most))
      .default(usual),
    after: z.string().min(1).max(256).optional(),
  });
}

export type PageQuery = z.output<ReturnType<typeof pageQuery>>;

/** What to ask on with, as `after`; null on the last page. */
export const nextPage = z.string().nullable();
