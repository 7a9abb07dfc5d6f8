// What the values of the configuration are made of: numbers, texts and lists with bounds, each with its message, which
// reads on from "expected". Called by: schema.ts.
/* oxlint-disable typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- zod infers them */

import { z } from 'zod';
import { opaqueString } from '../stun/opaque-string.ts';
import { isCidr, isWebOrigin } from './network-values.ts';

export function integer(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function text(min: number, max: number, what: string) {
  const error = `${what} of ${min} to ${max} characters`;
  return z.string().min(min, { error }).max(max, { error });
}

/** What goes into a long-term key must pass OpaqueString, RFC 8489 s9.2.2. */
export function credential(max: number, what: string) {
  return text(1, max, what).refine((value) => opaqueString(value) !== undefined, {
    error: `${what} without control characters`,
  });
}

/** A string that `read` accepts; its answer may be a text that says what was expected. */
export function checked(read: (value: string) => unknown, expected?: string) {
  return z
    .string()
    .max(512, { error: 'at most 512 characters' })
    .superRefine((value, context) => {
      const answer = read(value);
      if (typeof answer === 'string') context.addIssue({ code: 'custom', message: answer });
      else if (answer === false) context.addIssue({ code: 'custom', message: expected ?? '' });
    });
}

export function listOf<Item extends z.ZodType>(item: Item, max: number) {
  return z.array(item).max(max, { error: `at most ${max} entries` });
}

export const cidr = checked(isCidr, 'an address range, such as 10.0.0.0/8 or fd00::/8');

export const origin = checked(
  (value) => value === '*' || isWebOrigin(value),
  'an origin, such as https://meet.example.org, or "*"',
);

export const filePath = z.string().max(4096, { error: 'a path of at most 4096 characters' });

/** A certificate with its key; both empty for none. @param whom reads on from "and its chain" */
export function tlsFiles(whom: string) {
  return z.strictObject({
    cert: filePath.default('').describe(`PEM file of the certificate and its chain, ${whom}`),
    key: filePath.default('').describe('PEM file of its private key'),
  });
}
