// DTLS in several worker threads at once, each with its own context: the timer's callback runs in the thread that made
// it, and a thread that ends takes nothing of the others with it.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const WORKERS = 4;
const HANDSHAKES = 50;
const dist = new URL('../../dist/', import.meta.url);

/** Does handshakes whose first flight is lost, so that the timer is needed, and says how many came to keys. */
const SOURCE = `
  import { parentPort } from 'node:worker_threads';
  import { setTimeout as sleep } from 'node:timers/promises';
  const { DtlsContext } = await import('${dist.href}shared/native/dtls-context.js');
  const { createDtlsCertificate } = await import('${dist.href}sfu/dtls/certificate.js');
  const { parseFingerprint } = await import('${dist.href}sfu/dtls/fingerprint.js');
  const { SRTP_PROFILE_NAMES } = await import('${dist.href}sfu/srtp/profile.js');
  const { DtlsTransport } = await import('${dist.href}sfu/dtls/transport.js');
  const made = createDtlsCertificate(Date.now());
  const options = { srtpProfiles: SRTP_PROFILE_NAMES, datagramBytesMax: 1200, retransmitMs: 20 };
  const context = new DtlsContext({ ...made, ...options });
  const announced = [parseFingerprint(made.fingerprint)];
  const clock = () => performance.now();
  async function handshake() {
    const queues = { active: [], passive: [] };
    const keys = {};
    const [active, passive] = ['active', 'passive'].map((role) => {
      const transport = new DtlsTransport(context, role, {
        send: (bytes, at, length) => queues[role].push(bytes.slice(at, at + length)),
        onConnected: (given) => (keys[role] = given),
        onClosed: () => undefined,
      });
      transport.setRemoteFingerprints(announced);
      return transport;
    });
    passive.start(clock());
    active.start(clock());
    queues.active.length = 0;
    while (!keys.active || !keys.passive) {
      await sleep(5);
      active.handleTimeout(clock());
      passive.handleTimeout(clock());
      for (const one of queues.active.splice(0)) passive.receive(one, 0, one.length, clock());
      for (const one of queues.passive.splice(0)) active.receive(one, 0, one.length, clock());
    }
    active.close();
    passive.close();
    return Buffer.compare(keys.active.local.key, keys.passive.remote.key) === 0;
  }
  parentPort.postMessage('begun');
  const results = await Promise.all(Array.from({ length: ${HANDSHAKES} }, handshake));
  const { sessions } = context;
  context.free();
  parentPort.postMessage({ connected: results.filter(Boolean).length, sessions });
`;

/** Resolves to what a worker says, when it has ended. */
async function run(): Promise<unknown> {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`));
  const said: unknown[] = [];
  worker.on('message', (message) => said.push(message));
  await once(worker, 'exit');
  return said.at(-1);
}

it(`${WORKERS} threads at once, twice, each do ${HANDSHAKES} handshakes`, async () => {
  for (let round = 0; round < 2; round++) {
    const messages = await Promise.all(Array.from({ length: WORKERS }, run));
    expect(messages).toHaveLength(WORKERS);
    for (const message of messages) {
      expect(message).toEqual({ connected: HANDSHAKES, sessions: 0 });
    }
  }
});

it('a thread that is terminated in the middle leaves the others and the process alone', async () => {
  const victims = Array.from(
    { length: WORKERS },
    () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`)),
  );
  // Not before: who ends a thread while it loads native code ends the process.
  await Promise.all(victims.map((worker) => once(worker, 'message')));
  const other = run();
  for (const [index, worker] of victims.entries()) {
    await new Promise((resolve) => setTimeout(resolve, 20 * index));
    await worker.terminate();
  }
  expect(await other).toEqual({ connected: HANDSHAKES, sessions: 0 });
});
