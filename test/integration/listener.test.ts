// The gateway's port of real servers: HTTPS whose certificate changes under who is there, a main thread with a CPU of
// its own, and two servers that share one port.

import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { parseCpuList } from '../../shared/config/cpu-list.ts';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call } from '../support/http-call.ts';
import { runCli } from '../support/spawn-server.ts';
import { makeTlsFiles } from '../support/tls-files.ts';

const TURN = { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of the tests of ports'] };

const servers: Sterna[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

async function start(gateway: object, more: object = {}): Promise<Sterna> {
  const server = await Sterna.start({ config: { gateway, turn: TURN, ...more } });
  servers.push(server);
  return server;
}

/** What is shown to a client that comes now. */
async function shownBy({ port }: Sterna): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

async function exchange(socket: WebSocket, message: object): Promise<{ type: string }> {
  socket.send(JSON.stringify(message));
  const [data] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(data.toString()) as { type: string };
}

function allowedCpus(of: string): string {
  const status = readFileSync(`/proc/${of}/status`, 'latin1');
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
}

it('HTTPS: joins by wss, says https, and shows another certificate after SIGHUP', async () => {
  const [files, others] = [makeTlsFiles('first'), makeTlsFiles('second')];
  const { cert, key } = files;
  const server = await start({ port: 0, tls: { cert, key } });
  expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
  const { name, secret } = API_KEY;
  const grants = { room: 'r', roomJoin: true };
  const token = mintToken({ key: name, secret, identity: 'ann', grants, ttlSeconds: 60 });
  const socket = new WebSocket(`wss://localhost:${server.port}/v1/signal`, 'sterna.v1', {
    ca: readFileSync(cert),
    origin: `https://localhost:${server.port}`,
  });
  await once(socket, 'open');
  expect(await exchange(socket, { type: 'join', i: 1, token })).toMatchObject({ type: 'joined' });

  const health = await runCli(['doctor', '--health', '--set', `gateway.port=${server.port}`], {
    STERNA_GATEWAY_TLS_CERT: cert,
    STERNA_GATEWAY_TLS_KEY: key,
  });
  expect(health).toMatchObject({ code: 0, stderr: '' });

  expect(await shownBy(server)).toBe('first');
  copyFileSync(others.cert, cert);
  process.kill(server.pid, 'SIGHUP');
  await server.waitForEvents('gateway.tls-refused');
  expect(await shownBy(server)).toBe('first');
  copyFileSync(others.key, key);
  process.kill(server.pid, 'SIGHUP');
  await server.waitForEvents('gateway.tls-reloaded');
  expect(await shownBy(server)).toBe('second');
  expect(await exchange(socket, { type: 'ping', t: 1 })).toMatchObject({ type: 'pong' });
  socket.terminate();
});

it('mainCpus: the main thread stays on one CPU, and the media worker does not', async () => {
  const all = allowedCpus('self');
  const cpu = String(parseCpuList(all)[0]);
  const { pid, url } = await start({ port: 0 }, { mainCpus: cpu, workers: 1, engine: 'linux' });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(allowedCpus(`${pid}/task/${pid}`)).toBe(cpu);
  const others = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== String(pid));
  expect(new Set(others.map((thread) => allowedCpus(`${pid}/task/${thread}`)))).toEqual(
    new Set([all]),
  );
});

it('two servers have one port, and one goes on alone', async () => {
  const sfu = { enabled: false };
  const first = await start({ port: 0, reusePort: true }, { sfu });
  const { port } = first;
  const second = await start({ port, reusePort: true }, { sfu });
  expect(second.port).toBe(port);
  const healthy = async (): Promise<void> => {
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => call(port, 'GET', '/healthz', { connection: 'close' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  };
  await healthy();
  await first.stop();
  await healthy();
});
