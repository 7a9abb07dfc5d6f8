// The whole program with listeners of every kind: what it says of them, and its certificate
// being replaced while it runs.

import { copyFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { endAll } from '../support/spawn-server.ts';
import { makeTlsFiles } from '../support/tls-files.ts';

const SECRET = 'a secret for tests, long enough to be one';

afterAll(endAll);

test('it tells its listeners in their order, and SIGHUP reads the certificate', async () => {
  const [files, others] = [makeTlsFiles('first'), makeTlsFiles('second')];
  const listeners = ['tcp://127.0.0.1:0', 'tls://[::1]:0', 'udp://127.0.0.1:0', 'tcp://[::1]:0'];
  listeners.push('dtls://127.0.0.1:0');
  const { cert, key } = files;
  const turn = { listeners, tls: { cert, key }, secrets: [SECRET] };
  const sterna = await Sterna.start({ config: { turn, sfu: { enabled: false } } });
  try {
    const [ready] = await sterna.waitForEvents('server.ready');
    const open = ready?.['listeners'] as string[];
    expect(open.map((url) => url.replace(/[1-9]\d*$/, '0'))).toEqual(listeners);

    const { port } = sterna.listener(6, 'tls');
    const shown = async (): Promise<string> => {
      const options = { host: '::1', port, rejectUnauthorized: false };
      const socket = connect({ ...options, maxVersion: 'TLSv1.2' });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    expect(await shown()).toBe('first');
    copyFileSync(others.cert, cert);
    copyFileSync(others.key, key);
    process.kill(sterna.pid, 'SIGHUP');
    await sterna.waitForEvents('turn.tls-reloaded');
    expect(await shown()).toBe('second');
    // Of both kinds of listeners together.
    expect(sterna.events('turn.tls-reloaded')).toHaveLength(1);
  } finally {
    await sterna.stop();
  }
});
