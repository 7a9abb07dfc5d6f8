import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { SDK_VERSION } from '../../../sdk/version.ts';

test('the SDK has the version of the package', async () => {
  const file = new URL('../../../package.json', import.meta.url);
  const { version } = z
    .looseObject({ version: z.string() })
    .parse(JSON.parse(await readFile(file, 'utf8')));
  expect(SDK_VERSION).toBe(version);
});
