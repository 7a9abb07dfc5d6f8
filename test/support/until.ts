// Waits for what comes by itself, soon: it asks again and again, and gives up with an error.

const WITHIN_MS = 15_000;
const EVERY_MS = 5;

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  // oxlint-disable-next-line no-await-in-loop -- one question after the other
  while (!(await condition())) {
    if (performance.now() > end)
      throw new Error(`not within ${WITHIN_MS} ms: ${String(condition)}`);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}
