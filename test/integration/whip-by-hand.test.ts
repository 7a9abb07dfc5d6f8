// docs/whip.md, "By hand": its curl commands, run as they are written there against a server on another port.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRootFile } from '../house/source-files.ts';
import { Child } from '../support/e2e/child.ts';
import { fixture } from '../support/sdp.ts';
import { endAll, temporaryFolder } from '../support/spawn-server.ts';
import { WhipServer } from '../support/whip-server.ts';

let server: WhipServer;

beforeAll(async () => {
  server = await WhipServer.start();
});

afterAll(async () => {
  await server.close();
  endAll();
});

test('curl: a session is made, patched, restarted and deleted', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'offer.sdp'), fixture('gstreamer-publish'));
  const blocks = [...readRootFile('docs/whip.md').matchAll(/^```sh\n(.*?)^```$/gms)];
  const commands = blocks.map(([, block = '']) => block).filter((text) => text.includes('curl'));
  expect(commands).toHaveLength(2);
  const script = commands.join('\n').replaceAll('127.0.0.1:7880', server.host);
  const token = server.token('camera', { grants: { room: 'demo' } });
  const shell = new Child('bash', ['-euc', script], { folder, environment: { TOKEN: token } });
  expect(await shell.exited, shell.output).toBe(0);
  const statuses = [...shell.output.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
  expect(statuses).toEqual(['201', '204', '200', '200']);
  expect(shell.output).toMatch(/^location: \/v1\/whip\/demo\/[\w-]{22}\r$/m);
  expect(shell.output).toMatch(/^a=ice-pwd:[\w+/]{24}\r$/m);
  expect(server.people('demo')).toEqual([]);
});
