// The program with shared relay ports: it says so, and the doctor gets through the relay although two clients may have
// the same relayed address.

import { afterAll, afterEach, expect, test } from 'vitest';
import {
  endAll,
  endProcesses,
  runCli,
  startServer,
  temporaryFolder,
} from '../support/spawn-server.ts';

afterEach(endProcesses);
afterAll(endAll);

test.each([
  [1, 1],
  [2, 1],
])(
  'workers: %i, relayPortsPerWorker: %i; the doctor is relayed there and back',
  async (workers, ports) => {
    const environment = {
      TMPDIR: temporaryFolder(),
      STERNA_GATEWAY_PORT: '0',
      STERNA_SFU_PORT: '0',
      STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0',
      STERNA_TURN_RELAY_PORTS_PER_WORKER: `${ports}`,
      STERNA_WORKERS: `${workers}`,
    };
    const server = await startServer(['serve'], environment);
    expect(server.stdout()).toMatch(
      new RegExp(`media\\.engine.*workers.*${workers}.*relayPortsPerWorker.*${ports}`, 's'),
    );
    const { code, stdout } = await runCli(['doctor'], {
      ...environment,
      STERNA_GATEWAY_PORT: `${server.port}`,
    });
    expect(stdout).toMatch(
      /^ok {4}turn IPv4 {2}relayed there and back by udp, between \S+ and \S+$/m,
    );
    expect(code).toBe(0);
  },
);
