// MOBILITY-TICKET as the server seals it.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { newTicketId, TicketSeal } from '../../../turn/ticket.ts';

const SEAL = new TicketSeal(randomBytes(32));
const TICKET = { worker: 31, serial: 0xffff_fffe, id: newTicketId() };

it('says what was sealed, wherever it lies in memory', () => {
  const sealed = SEAL.seal(TICKET);
  expect(SEAL.open(sealed)).toEqual(TICKET);
  const around = Buffer.concat([Buffer.from('xyz'), sealed, Buffer.from('xyz')]);
  expect(SEAL.open(around.subarray(3, 3 + sealed.length))).toEqual(TICKET);
});

it('is text of at most 32 characters, all that the client of coturn has room for', () => {
  expect(Buffer.from(SEAL.seal(TICKET)).toString('latin1')).toMatch(/^[\w-]{1,32}$/);
});

it('shows nothing of what it says', () => {
  const one = SEAL.seal(TICKET);
  const next = SEAL.seal({ ...TICKET, serial: TICKET.serial + 1 });
  const same = one.filter((byte, i) => byte === next[i]).length;
  expect(same).toBeLessThan(one.length / 2);
});

it('is none of ours with another secret, another length, or one bit changed', () => {
  const sealed = SEAL.seal(TICKET);
  expect(new TicketSeal(randomBytes(32)).open(sealed)).toBeUndefined();
  for (let length = 0; length < sealed.length; length++) {
    expect(SEAL.open(sealed.subarray(0, length))).toBeUndefined();
  }
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const changed = sealed.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(SEAL.open(changed)).toBeUndefined();
  }
});

it('has an identifier that nobody has had', () => {
  expect(new Set(Array.from({ length: 1000 }, newTicketId)).size).toBe(1000);
});
