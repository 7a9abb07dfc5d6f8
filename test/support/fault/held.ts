// The one line that each fault test prints: what held, in figures.

import { expect } from 'vitest';

export function held(what: string): void {
  const { currentTestName = '' } = expect.getState();
  process.stdout.write(`held: ${currentTestName}: ${what}\n`);
}
