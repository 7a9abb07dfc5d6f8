import { expect, test } from 'vitest';
import { RequestLedger } from '../../../sdk/request-ledger.ts';
import type { PendingRequest, RequestBody } from '../../../sdk/request-ledger.ts';

const BOUNDS = { requestsMax: 4, bytesMax: 400, inFlightMax: 2 };
const attrs = (value: string): RequestBody => ({ type: 'attrs', meta: value });

function ledgerWith(...values: string[]): { ledger: RequestLedger; settled: string[] } {
  const ledger = new RequestLedger(BOUNDS);
  const settled: string[] = [];
  for (const value of values) {
    const added = ledger.add(
      attrs(value),
      () => settled.push(`${value} ok`),
      (error) => settled.push(`${value} ${error.message}`),
    );
    expect(added).toBe(true);
  }
  return { ledger, settled };
}

/** Takes everything that may go now, as a connection does. */
function send(ledger: RequestLedger): PendingRequest[] {
  const sent: PendingRequest[] = [];
  for (let next = ledger.nextUnsent(); next; next = ledger.nextUnsent()) {
    next.sent = true;
    sent.push(next);
  }
  return sent;
}

test('ids rise, and a join takes its own from the same row', () => {
  const { ledger } = ledgerWith('a');
  expect(ledger.nextId()).toBe(2);
  expect(send(ledger).map(({ id, text }) => [id, text])).toEqual([
    [1, '{"type":"attrs","meta":"a","i":1}'],
  ]);
});

test('only so many are on their way at once; an answer lets the next one go', () => {
  const { ledger, settled } = ledgerWith('a', 'b', 'c');
  expect(send(ledger).map(({ id }) => id)).toEqual([1, 2]);
  ledger.settle(1)?.resolve();
  expect(send(ledger).map(({ id }) => id)).toEqual([3]);
  expect(settled).toEqual(['a ok']);
});

test('after a resume the unanswered go out again under their old ids', () => {
  const { ledger } = ledgerWith('a', 'b');
  send(ledger);
  ledger.settle(1);
  ledger.markUnsent();
  expect(send(ledger).map(({ id }) => id)).toEqual([2]);
});

test('a postponed request comes last, under a new id', () => {
  const { ledger, settled } = ledgerWith('a', 'b');
  const [first] = send(ledger);
  if (!first) throw new Error('nothing was sent');
  ledger.postpone(first);
  ledger.settle(2)?.resolve();
  const [again] = send(ledger);
  expect(again).toMatchObject({ id: 3, refusals: 1, text: '{"type":"attrs","meta":"a","i":3}' });
  expect(ledger.settle(1)).toBeUndefined();
  ledger.settle(3)?.resolve();
  expect(settled).toEqual(['b ok', 'a ok']);
});

test('count and bytes are bounded, and room is made again by answers', () => {
  const { ledger } = ledgerWith('a', 'b', 'c', 'd');
  expect(ledger.add(attrs('e'), Object, Object)).toBe(false);
  ledger.settle(1);
  expect(ledger.add(attrs('x'.repeat(400)), Object, Object)).toBe(false);
  expect(ledger.add(attrs('e'), Object, Object)).toBe(true);
  expect(ledger.size).toBe(4);
});

test('draining gives everything back once, oldest first', () => {
  const { ledger, settled } = ledgerWith('a', 'b');
  for (const request of ledger.drain()) request.reject(new Error('over'));
  expect(ledger.drain()).toEqual([]);
  expect(settled).toEqual(['a over', 'b over']);
});
