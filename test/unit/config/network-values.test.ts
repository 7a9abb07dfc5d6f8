// The network values of the configuration: what is read and how it is written again.

import { describe, expect, test } from 'vitest';
import {
  formatListenerUrl,
  isCidr,
  isDualStack,
  isIceUrl,
  isLoopback,
  isWebOrigin,
  isWildcard,
  parseListenerUrl,
  parsePortRange,
} from '../../../shared/config/network-values.ts';

describe('network values', () => {
  test('listener URLs are read and written', () => {
    expect(parseListenerUrl('udp://127.0.0.1:3478')).toEqual({
      transport: 'udp',
      host: '127.0.0.1',
      port: 3478,
    });
    expect(parseListenerUrl('udp://[2001:db8::1]:0').host).toBe('2001:db8::1');
    expect(formatListenerUrl('2001:db8::1', 5)).toBe('udp://[2001:db8::1]:5');
    expect(formatListenerUrl('192.0.2.1', 5)).toBe('udp://192.0.2.1:5');
    expect(() => parseListenerUrl('http://x')).toThrow(TypeError);
  });

  test.each([
    ['udp://[::]:3478', [], true],
    ['udp://[::]:3478', ['udp://0.0.0.0:3478'], false],
    ['udp://[::]:3478', ['udp://192.0.2.1:3478'], false],
    ['udp://[::]:3478', ['dtls://192.0.2.1:3478'], false],
    ['dtls://[::]:3478', ['udp://192.0.2.1:3478'], false],
    ['udp://[::]:3478', ['tcp://192.0.2.1:3478', 'udp://192.0.2.1:3479'], true],
    ['udp://[::]:3478', ['udp://[2001:db8::1]:3478'], true],
    ['tls://[::]:443', ['tcp://192.0.2.1:443'], false],
    ['tcp://[::]:443', ['dtls://192.0.2.1:443'], true],
    ['udp://[0::0]:3478', [], true],
    ['udp://[::]:0', ['udp://0.0.0.0:0'], true],
    ['udp://[::1]:3478', [], false],
    ['udp://0.0.0.0:3478', [], false],
  ])('%s beside %j is for both families: %s', (listener, others, expected) => {
    const all = [listener, ...others].map((url) => parseListenerUrl(url));
    expect(isDualStack(all[0]!, all)).toBe(expected);
  });

  test('port ranges are read', () => {
    expect(parsePortRange('49152-65535')).toEqual({ min: 49_152, max: 65_535 });
    expect(parsePortRange('5000-5000')).toEqual({ min: 5000, max: 5000 });
    expect(() => parsePortRange('1-2')).toThrow(TypeError);
  });

  test.each([
    ['10.0.0.0/8', true],
    ['::/0', true],
    ['2001:db8::/128', true],
    ['10.0.0.0/33', false],
    ['::/129', false],
    ['10/8', false],
    ['10.0.0.0', false],
    ['fe80::%eth0/64', false],
    ['/8', false],
  ])('%s as a range is %s', (text, expected) => {
    expect(isCidr(text)).toBe(expected);
  });

  test.each([
    ['turn:turn.example.org', true],
    ['turn:turn.example.org:3478?transport=udp', true],
    ['turns:192.0.2.1:443?transport=tcp', true],
    ['stun:[2001:db8::1]:3478', true],
    ['stun:host?transport=udp', false],
    ['turn:host:0', false],
    ['turn:host:65536', false],
    ['turn:[host]', false],
    ['turn://host', false],
    ['turn:user@host', false],
    ['http:host', false],
  ])('%s as an ICE URL is %s', (text, expected) => {
    expect(isIceUrl(text)).toBe(expected);
  });

  test.each([
    ['https://meet.example.org', true],
    ['http://localhost:8080', true],
    ['https://meet.example.org:443', false],
    ['https://meet.example.org/', false],
    ['ftp://meet.example.org', false],
    ['*', false],
    ['null', false],
  ])('%s as an origin is %s', (text, expected) => {
    expect(isWebOrigin(text)).toBe(expected);
  });

  test('loopback and wildcard are told from the rest, IPv4-mapped ones too', () => {
    expect(['127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isLoopback)).toEqual([true, true, true]);
    expect(['0.0.0.0', '::', '192.0.2.1'].map(isLoopback)).toEqual([false, false, false]);
    expect(['0.0.0.0', '::', '::1'].map(isWildcard)).toEqual([true, true, false]);
  });
});
