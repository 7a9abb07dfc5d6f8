// Many small jobs, so many of them at a time.

export async function inParallel<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  job: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await job(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
