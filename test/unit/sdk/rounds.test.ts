import { expect, test } from 'vitest';
import { Rounds } from '../../../sdk/rounds.ts';

interface Open {
  end(): void;
  fail(error: Error): void;
}

/** Rounds that a test ends. */
function script(): { rounds: Rounds; open: Open[] } {
  const open: Open[] = [];
  const rounds = new Rounds(
    () => new Promise((resolve, reject) => open.push({ end: resolve, fail: reject })),
  );
  return { rounds, open };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test('one runs at a time; what is asked for meanwhile is one more', async () => {
  const { rounds, open } = script();
  const ended: string[] = [];
  const run = (name: string): Promise<unknown> => rounds.run().then(() => ended.push(name));
  const all = [run('a'), run('b'), run('c')];
  await turn();
  expect(open).toHaveLength(1);
  open[0]?.end();
  await turn();
  expect(ended).toEqual(['a']);
  expect(open).toHaveLength(2);
  all.push(run('d'));
  open[1]?.end();
  await turn();
  expect(ended).toEqual(['a', 'b', 'c']);
  open[2]?.end();
  await Promise.all(all);
  expect(ended).toEqual(['a', 'b', 'c', 'd']);
  expect(open).toHaveLength(3);
});

test('a round that fails is told to those who asked for it, and the next one runs', async () => {
  const { rounds, open } = script();
  const first = rounds.run();
  const second = rounds.run();
  open[0]?.fail(new Error('refused'));
  await expect(first).rejects.toThrow('refused');
  await turn();
  open[1]?.end();
  await second;
  const third = rounds.run();
  open[2]?.end();
  await third;
});

test('never two at once, even when asked between two', async () => {
  let running = 0;
  let most = 0;
  const rounds = new Rounds(async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
  });
  const asked: Promise<void>[] = [];
  for (let i = 0; i < 200; i++) {
    asked.push(rounds.run());
    // Every distance in microtasks.
    for (let j = 0; j < i % 7; j++) await Promise.resolve();
  }
  await Promise.all(asked);
  expect(most).toBe(1);
});
