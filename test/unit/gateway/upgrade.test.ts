// Upgrades and requests that are not HTTP, as raw bytes: which reach signaling, which are refused and how.

import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway, GatewayOptions } from '../../../gateway/http-server.ts';
import type { ServerState } from '../../../gateway/routes/health.ts';
import { callRaw } from '../../support/http-call.ts';
import { NO_APIS } from '../../support/no-apis.ts';

const UPGRADE = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

let gateway: Gateway | undefined;
let port = 0;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(over: Partial<GatewayOptions> = {}): Promise<void> {
  gateway = createGateway({ ...NO_APIS, ...over });
  port = await gateway.listen('127.0.0.1', 0);
}

describe('upgrades', () => {
  test('go to the callback on the signaling path', async () => {
    const urls: (string | undefined)[] = [];
    await start({
      onUpgrade: (request, socket) => {
        urls.push(request.url);
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhello');
      },
    });
    expect(await callRaw(port, `GET /v1/signal?x=1 HTTP/1.1\r\n${UPGRADE}`)).toMatch(
      /^HTTP\/1.1 101 .*hello$/s,
    );
    expect(urls).toEqual(['/v1/signal?x=1']);
  });

  test('are refused with a problem anywhere else, and while not ready', async () => {
    let state: ServerState = 'ready';
    const reached: string[] = [];
    await start({ state: () => state, onUpgrade: (request) => reached.push(request.url ?? '') });
    const paths = ['/', '/v1/signal/', '/v1/signals', '//v1/signal', '/v1/signal/../x'];
    const answers = await Promise.all(
      paths.map((path) => callRaw(port, `GET ${path} HTTP/1.1\r\n${UPGRADE}`)),
    );
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 404 Not Found\r\n/);
      expect(answer).toContain('application/problem+json');
    }
    state = 'closing';
    const answer = await callRaw(port, `GET /v1/signal HTTP/1.1\r\n${UPGRADE}`);
    expect(answer).toMatch(/^HTTP\/1.1 503 .*retry-after: 5\r\n/s);
    expect(reached).toEqual([]);
    // Who is here already may come back.
    state = 'draining';
    void callRaw(port, `GET /v1/signal HTTP/1.1\r\n${UPGRADE}`).catch(() => undefined);
    await expect.poll(() => reached).toEqual(['/v1/signal']);
  });

  test('closing ends upgraded sockets that nobody else closed', async () => {
    await start({ onUpgrade: (_request, socket) => socket.write('HTTP/1.1 101 X\r\n\r\n') });
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET /v1/signal HTTP/1.1\r\n${UPGRADE}`);
    await new Promise((resolve) => socket.once('data', resolve));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await gateway?.close();
    await ended;
    await gateway?.close();
    expect(socket.destroyed).toBe(true);
  });
});

describe('hostile requests', () => {
  test('what is not HTTP gets 400, oversized headers 431', async () => {
    await start();
    expect(await callRaw(port, '\u0016\u0003\u0001 hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    const huge = `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'a'.repeat(20_000)}\r\n\r\n`;
    expect(await callRaw(port, huge)).toMatch(/^HTTP\/1.1 431 /);
    expect(
      await callRaw(port, 'GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ).toMatch(/^HTTP\/1.1 400 .*problem\+json/s);
  });

  test('a port that is taken rejects with the system error', async () => {
    await start();
    const second = createGateway(NO_APIS);
    await expect(second.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.close();
  });
});
