import { expect, test } from 'vitest';
import { signalUrl } from '../../../sdk/signal-url.ts';

test.each([
  ['http://127.0.0.1:7880', 'ws://127.0.0.1:7880/v1/signal'],
  ['https://meet.example.org/', 'wss://meet.example.org/v1/signal'],
  ['ws://host:1/v1/signal', 'ws://host:1/v1/signal'],
  ['wss://[::1]:7880/prefix/', 'wss://[::1]:7880/prefix/v1/signal'],
  ['http://host/?room=r&token=secret#fragment', 'ws://host/v1/signal'],
])('%s becomes %s', (given, expected) => {
  expect(signalUrl(given)).toBe(expected);
});

test.each(['ftp://host', 'javascript:alert(1)', 'host:7880', 'nonsense', ''])(
  '%j is refused',
  (given) => {
    expect(() => signalUrl(given)).toThrow(TypeError);
  },
);
