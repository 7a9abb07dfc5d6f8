// The address table against a Map that does the same by strings.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AddressKey, AddressTable } from '../../../shared/net/address-table.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';

/** Few hosts and ports, so that keys meet again and probe sequences collide. */
const host = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => new TransportAddress().setV4(0x7f000000 + n, 0)),
  fc
    .integer({ min: 0, max: 40 })
    .map((n) => new TransportAddress().setV6(0x7f000000 + n, 0, 0, 0, 0)),
  fc.integer({ min: 0, max: 40 }).map((n) => new TransportAddress().setV6(0x7f000000, 0, 0, n, 0)),
);
const anyAddress = fc.tuple(host, fc.integer({ min: 0, max: 3 })).map(([base, port]) => {
  const address = base.copy();
  address.port = port;
  return address;
});
const operation = fc.tuple(fc.constantFrom('set', 'set', 'delete', 'get'), anyAddress, fc.nat());

const rising = (a: number, b: number): number => a - b;

const KEYS: Record<AddressKey, (address: TransportAddress) => string> = {
  host: (address) => `${address.family} ${address.host}`,
  'host-and-port': (address) => `${address.family} ${address.toString()}`,
};

describe.each(['host', 'host-and-port'] as const)('keyed by %s', (key) => {
  it('behaves like a Map through any sequence of operations', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const table = new AddressTable<number>(key);
        const model = new Map<string, number>();
        for (const [what, address, value] of operations) {
          const name = KEYS[key](address);
          if (what === 'set') {
            table.set(address.copy(), value);
            model.set(name, value);
          }
          const deleted = what === 'delete' && table.delete(address);
          expect(deleted).toBe(what === 'delete' && model.delete(name));
          expect(table.get(address)).toBe(model.get(name));
        }
        expect(table.size).toBe(model.size);
        expect(table.values().toSorted(rising)).toEqual([...model.values()].toSorted(rising));
      }),
      { numRuns: 200 },
    );
  });

  it('finds every one of many keys after half of them are gone', () => {
    const table = new AddressTable<number>(key);
    const keys = Array.from({ length: 5000 }, (_, i) => new TransportAddress().setV4(i * 7919, 9));
    for (const [i, address] of keys.entries()) table.set(address, i);
    for (const [i, address] of keys.entries()) if (i % 2 === 0) table.delete(address);
    const wrong = keys.filter((address, i) => table.get(address) !== (i % 2 === 0 ? undefined : i));
    expect(wrong).toEqual([]);
    expect(table.size).toBe(2500);
  });
});

describe('an empty table', () => {
  it('has nothing, deletes nothing, lists nothing', () => {
    const table = new AddressTable<number>('host');
    const address = new TransportAddress().setV4(1, 1);
    expect([table.get(address), table.delete(address), table.values(), table.size]).toEqual([
      undefined,
      false,
      [],
      0,
    ]);
  });

  it('is empty again when all is deleted, and takes new keys', () => {
    const table = new AddressTable<string>('host-and-port');
    const address = new TransportAddress().setV4(1, 1);
    table.set(address, 'a');
    expect([table.delete(address), table.delete(address)]).toEqual([true, false]);
    table.set(address, 'b');
    expect([table.get(address), table.size]).toEqual(['b', 1]);
  });
});

it('values() is a copy: deleting while walking it is safe', () => {
  const table = new AddressTable<TransportAddress>('host');
  for (let i = 0; i < 100; i++) {
    const address = new TransportAddress().setV4(i, 0);
    table.set(address, address);
  }
  for (const address of table.values()) table.delete(address);
  expect(table.size).toBe(0);
});
