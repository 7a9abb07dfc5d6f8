// vitest's asymmetric matchers with an honest type, for objects that are compared as a whole.

import { expect } from 'vitest';

export const anyNumber: unknown = expect.any(Number);
export const anything: unknown = expect.anything();
export const containing = (text: string): unknown => expect.stringContaining(text);
export const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
export const objectWith = (fields: object): unknown => expect.objectContaining(fields);
export const arrayWith = (items: unknown[]): unknown => expect.arrayContaining(items);
