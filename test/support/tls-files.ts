// A self-signed certificate of its own for each call, as PEM files that a server may read.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export interface TlsFiles {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
}

const folders: string[] = [];
// Imported first, so this is the last of the file's hooks. A worker of vitest is killed, which no process sees coming.
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** For localhost, 127.0.0.1 and ::1; gone when the test file ends. */
export function makeTlsFiles(commonName = 'localhost'): TlsFiles {
  const folder = mkdtempSync(join(tmpdir(), 'sterna-tls-'));
  folders.push(folder);
  const files = { folder, cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  execFileSync(
    'openssl',
    (
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 ' +
      `-addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 -subj /CN=${commonName}`
    )
      .split(' ')
      .concat('-keyout', files.key, '-out', files.cert),
    { stdio: 'pipe' },
  );
  return files;
}
