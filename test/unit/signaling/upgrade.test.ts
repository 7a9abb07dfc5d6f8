import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { checkUpgrade } from '../../../signaling/upgrade.ts';

function request(url: string, headers: Record<string, string> = {}): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  req.url = url;
  req.headers = { host: 'meet.example:7880', 'sec-websocket-protocol': 'sterna.v1', ...headers };
  return req;
}

describe('subprotocol', () => {
  test.each(['sterna.v1', 'other, sterna.v1', 'sterna.v2 ,sterna.v1'])('%o offers it', (offer) => {
    expect(checkUpgrade(request('/', { 'sec-websocket-protocol': offer }), [])).toBeNull();
  });

  test.each(['', 'sterna.v2', 'sterna.v11', 'STERNA.V1', 'sterna'])('%o does not', (offer) => {
    expect(checkUpgrade(request('/', { 'sec-websocket-protocol': offer }), [])).toMatchObject({
      status: 426,
      reason: 'UPGRADE_PROTOCOL',
    });
  });
});

describe('tokens in the URL', () => {
  test.each([
    '/v1/signal?token=x',
    '/v1/signal?a=b&access_token=x',
    '/v1/signal?TOKEN=x',
    '/v1/signal?%74oken=x',
    '/v1/signal?room=eyJhbGciOiJIUzI1NiJ9.e30.x',
    '/v1/signal?jwt',
  ])('%s is refused, and told where it belongs', (url) => {
    const wrong = checkUpgrade(request(url), []);
    expect(wrong).toMatchObject({ status: 400, reason: 'BAD_MESSAGE' });
    expect(wrong?.detail).toContain('first WebSocket message');
  });

  test.each(['/v1/signal', '/v1/signal?', '/v1/signal?room=token&v=1', '/token?x=y'])(
    '%s has none',
    (url) => {
      expect(checkUpgrade(request(url), [])).toBeNull();
    },
  );
});

describe('Origin', () => {
  test.each<[string, string, string[]]>([
    ['http://meet.example:7880', 'meet.example:7880', []],
    ['https://MEET.example', 'meet.example', []],
    ['https://meet.example', 'meet.example:443', []],
    ['https://meet.example:443', 'meet.example', []],
    ['http://[::1]:7880', '[::1]:7880', []],
    ['https://app.example', 'meet.example', ['https://app.example']],
    ['https://app.example', 'meet.example', ['https://other.example', 'https://app.example/']],
    ['https://evil.example', 'meet.example', ['*']],
    ['chrome-extension://abc', 'meet.example', ['chrome-extension://abc']],
    ['null', 'meet.example', ['*']],
    ['null', 'meet.example', ['null']],
  ])('%s at %s with %o is allowed', (origin, host, origins) => {
    expect(checkUpgrade(request('/', { origin, host }), origins)).toBeNull();
  });

  test.each<[string, string, string[]]>([
    ['http://evil.example', 'meet.example', []],
    ['http://meet.example:7881', 'meet.example:7880', []],
    ['http://meet.example.evil.example', 'meet.example', []],
    ['https://meet.example', 'meet.example:80', []],
    ['http://app.example', 'meet.example', ['https://app.example']],
    ['https://sub.app.example', 'meet.example', ['https://app.example']],
    ['chrome-extension://abd', 'meet.example', ['chrome-extension://abc']],
    ['null', 'meet.example', []],
    ['', 'meet.example', []],
    ['file://', 'meet.example', ['https://app.example']],
    ['http://evil.example', 'evil.example@meet.example', []],
    ['http://evil.example', 'not a host', []],
  ])('%o at %s with %o is refused', (origin, host, origins) => {
    expect(checkUpgrade(request('/', { origin, host }), origins)).toMatchObject({
      status: 403,
      reason: 'NOT_ALLOWED',
    });
  });

  test('a request without Origin is no browser and passes', () => {
    expect(checkUpgrade(request('/'), [])).toBeNull();
  });
});
