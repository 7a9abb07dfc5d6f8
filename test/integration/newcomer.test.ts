// The way of somebody new, as README.md, docs/quick-start.md and docs/protocol.md say it: scripts/newcomer.sh goes it. What
// is installed and built already is taken along; CI itself begins with the rest of it.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRootFile, ROOT } from '../house/source-files.ts';
import { blocksOf } from '../support/documents.ts';
import { Child } from '../support/e2e/child.ts';

test('leads to a call', async () => {
  const child = new Child('bash', [join(ROOT, 'scripts/newcomer.sh'), '--here'], {
    environment: {
      STERNA_GATEWAY_PORT: '0',
      STERNA_SFU_PORT: '0',
      STERNA_SFU_TCP_PORT: '0',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
    },
  });
  try {
    expect(await child.exited, child.output).toBe(0);
  } finally {
    await child.kill();
  }
  expect(child.output).toMatch(/^open http:\/\/127\.0\.0\.1:\d+\/\?room=demo$/m);
  expect(child.output).toMatch(/^joined demo bob ann$/m);
  expect(child.output).toMatch(/^in all: [\d.]+ s$/m);
});

test('is the one that the documents say', () => {
  const script = readRootFile('scripts/newcomer.sh');
  const said = ['README.md', 'docs/quick-start.md', 'docs/protocol.md']
    .flatMap(blocksOf)
    .filter(({ text }) => /^npm |main\.js token/m.test(text))
    .flatMap(({ text }) => text.split(/\n| && /))
    .map((line) =>
      line
        .replace(/ +#.*/, '')
        .replace(/--identity \w+/, '')
        .trim(),
    )
    .filter((line) => line !== '' && line !== 'npm test');
  expect(said).toContain('npm ci');
  expect(said).toContain('npm start');
  expect(said.filter((line) => !script.includes(line))).toEqual([]);
});
