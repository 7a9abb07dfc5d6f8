// What the server remembers of allocations that may move, and for how long.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { Allocation, Listener } from '../../../turn/allocation.ts';
import { Mobility } from '../../../turn/mobility.ts';
import { Traffic } from '../../../turn/traffic.ts';
import { address } from '../../support/turn/world.ts';

const CLIENT = address('127.0.0.1', 5001);

function enrolled(): { mobility: Mobility; allocation: Allocation } {
  const mobility = new Mobility(randomBytes(32), 0, () => false, new Traffic());
  const listener = new Listener(-1, address('127.0.0.1', 3478));
  const credential = { username: 'user', user: 'user', grant: undefined };
  const allocation = new Allocation(listener, CLIENT, credential, randomBytes(12));
  mobility.enrol(allocation);
  return { mobility, allocation };
}

it('finds an allocation by its ticket until it is forgotten', () => {
  const { mobility, allocation } = enrolled();
  const ticket = mobility.read(allocation.mobility!.ticket)!;
  expect(mobility.find(ticket, 0)).toBe(allocation);
  mobility.forget(allocation);
  expect(mobility.find(ticket, 0)).toBeUndefined();
});

it('ends an allocation without a ticket with its connection', () => {
  const { mobility, allocation } = enrolled();
  allocation.mobility = undefined;
  expect(mobility.survives(allocation, 0)).toBe(false);
});

it('keeps no 5-tuple of a connection that has ended', () => {
  const { mobility, allocation } = enrolled();
  const { listener } = allocation;
  listener.allocations.set(CLIENT, allocation);
  expect(mobility.survives(allocation, 0)).toBe(true);
  expect(listener.allocations.size).toBe(0);
  expect(allocation.listener).not.toBe(listener);
});
