// The list of allocations over several media workers: one order, pages across them, and workers that do not answer.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { Allocations } from '../../../server/media/allocations.ts';
import type { MediaWorker } from '../../../server/media/media-worker.ts';
import { TurnClient } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';

type Thread = Pick<MediaWorker, 'ask'>;

let worlds: CoreWorld[];

beforeEach(async () => {
  worlds = [];
  for (const count of [2, 0, 3]) {
    const world = new CoreWorld();
    worlds.push(world);
    for (let n = 0; n < count; n++) {
      // oxlint-disable-next-line no-await-in-loop -- ids are given in this order
      await (await TurnClient.of(world)).allocate();
    }
  }
});

afterEach(async () => {
  await Promise.all(worlds.map((world) => world.close()));
});

/** A TURN server of this thread, asked as one of another thread is. */
function threadOf({ server: { desk }, engine }: CoreWorld): Thread {
  const ask = (question: Parameters<Thread['ask']>[0]): Promise<unknown> => {
    const { type } = question;
    if (type === 'allocations') {
      const page = desk.page(question.after, question.max, engine.now);
      return Promise.resolve({ type, page });
    }
    if (type === 'allocation') {
      return Promise.resolve({ type, allocation: desk.describe(question.allocation, engine.now) });
    }
    if (type !== 'end-allocation') return Promise.reject(new Error(`no answer to ${type}`));
    return Promise.resolve({ type, ended: desk.end(question.allocation, engine.now) });
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each question gets the answer of its type above
  return { ask } as Thread;
}

const SILENT: Thread = { ask: () => Promise.reject(new Error('a media worker does not answer')) };

function threads(): Thread[] {
  return worlds.map((world) => threadOf(world));
}

async function pages(allocations: Allocations, max: number): Promise<string[][]> {
  const found: string[][] = [];
  let after: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page says where the next begins
    const list = await allocations.list(after, max);
    found.push(list?.allocations.map(({ id }) => id) ?? ['none']);
    after = list?.next ?? undefined;
  } while (after !== undefined && found.length < 9);
  return found;
}

test('pages go from one worker to the next, and the last one says so', async () => {
  const allocations = new Allocations(threads());
  expect(await pages(allocations, 9)).toEqual([['0-1', '0-2', '2-1', '2-2', '2-3']]);
  expect(await pages(allocations, 2)).toEqual([['0-1', '0-2'], ['2-1', '2-2'], ['2-3']]);
  expect(await pages(allocations, 5)).toEqual([['0-1', '0-2', '2-1', '2-2', '2-3']]);
  expect(await allocations.list('0-1', 1)).toMatchObject({
    allocations: [{ id: '0-2', worker: 0 }],
    next: '0-2',
    unanswered: [],
  });
});

test('goes on behind an allocation that has ended since, and behind a worker that is not there', async () => {
  const allocations = new Allocations(threads());
  expect(await allocations.end('2-1')).toBe('ended');
  expect((await allocations.list('2-1', 1))?.allocations.map(({ id }) => id)).toEqual(['2-2']);
  expect(await allocations.list('7-1', 1)).toEqual({
    allocations: [],
    next: null,
    unanswered: [],
  });
});

test('a worker that does not answer is named, and the list has the others', async () => {
  const [first, second] = threads();
  const allocations = new Allocations([first!, second!, SILENT]);
  const list = await allocations.list(undefined, 9);
  expect(list?.allocations.map(({ id }) => id)).toEqual(['0-1', '0-2']);
  expect([list?.next, list?.unanswered]).toEqual([null, [2]]);
  expect(await allocations.describe('2-1')).toBe('unavailable');
  expect(await allocations.end('2-1')).toBe('unavailable');
});

test('one is found by its id alone', async () => {
  const allocations = new Allocations(threads());
  expect(await allocations.describe('2-3')).toMatchObject({ id: '2-3', worker: 2, user: 'user' });
  for (const id of ['2-4', '1-1', '9-1', '', '2', '2-', '-1', '2-1x', '2--1', '0x2-1', '2-1e1']) {
    // oxlint-disable-next-line no-await-in-loop -- nothing waits
    expect(await allocations.describe(id)).toBe('no-allocation');
    // oxlint-disable-next-line no-await-in-loop -- as above
    expect(await allocations.end(id)).toBe('no-allocation');
  }
  expect(await allocations.list('x', 1)).toBeUndefined();
  expect((await pages(allocations, 9)).flat()).toHaveLength(5);
});
