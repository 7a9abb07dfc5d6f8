// Every constant of the registry against the list of IANA: none wrong, none missing, none too many.

import { describe, expect, it } from 'vitest';
import * as registry from '../../../shared/stun/registry.ts';
import {
  IANA_ATTRIBUTES,
  IANA_ERROR_CODES,
  IANA_METHODS,
  IANA_PASSWORD_ALGORITHMS,
} from '../../rfc/iana-stun.ts';

const { ATTRIBUTES, ERROR_REASONS, isComprehensionOptional, knownAttributes, reasonPhrase } =
  registry;

/** The exported constants with that prefix, by their name without it. */
function constants(prefix: string): Record<string, unknown> {
  const entries = Object.entries(registry).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

function expected(
  rows: ReadonlyArray<readonly [number, string, string]>,
  nameOf: (name: string) => string,
): Record<string, number> {
  return Object.fromEntries(rows.map(([value, name]) => [nameOf(name), value]));
}

const split = (name: string): string => upper(name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_'));
const upper = (name: string): string => name.toUpperCase().replaceAll(/[- ]/g, '_');

describe('the STUN registry', () => {
  it('has the methods of IANA', () => {
    expect(constants('METHOD_')).toEqual(expected(IANA_METHODS, split));
  });

  it('has the attributes of IANA', () => {
    expect(constants('ATTR_')).toEqual(expected(IANA_ATTRIBUTES, upper));
  });

  it('has the error codes of IANA', () => {
    const { REASONS: _, ...codes } = constants('ERROR_');
    expect(codes).toEqual(expected(IANA_ERROR_CODES, upper));
  });

  it('has the password algorithms of IANA', () => {
    const algorithms = constants('PASSWORD_ALGORITHM_');
    expect(algorithms).toEqual(expected(IANA_PASSWORD_ALGORITHMS, upper));
  });

  it('has one table row an attribute, in the order of the types, each naming its RFC', () => {
    const rows = ATTRIBUTES.map(({ type, name, section }) => [type, name, section.slice(0, 8)]);
    expect(rows).toEqual(IANA_ATTRIBUTES);
    for (const { section } of ATTRIBUTES) expect(section).toMatch(/^RFC \d{4} s\d+(\.\d+)*$/);
  });

  it('has the reason phrases of IANA', () => {
    expect([...ERROR_REASONS]).toEqual(IANA_ERROR_CODES.map(([code, name]) => [code, name]));
    expect(reasonPhrase(438)).toBe('Stale Nonce');
    expect(reasonPhrase(439)).toBe('');
  });
});

describe('knownAttributes', () => {
  it('holds exactly the comprehension-required types it was given', () => {
    const types = ATTRIBUTES.map(({ type }) => type);
    const known = knownAttributes([...types, 0x0000, 0x7fff, 0xffff]);
    const held: number[] = [];
    for (let type = 0; type < 0x8000; type++) {
      if (((known[type >> 3] ?? 0) >> (type & 7)) & 1) held.push(type);
    }
    const required = types.filter((type) => !isComprehensionOptional(type));
    expect(held).toEqual([0x0000, ...required, 0x7fff]);
  });
});
