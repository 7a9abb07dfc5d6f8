import { describe, expect, test } from 'vitest';
import { ReplyCache } from '../../../signaling/reply-cache.ts';

describe('ReplyCache', () => {
  test('tells new, known and stale ids apart', () => {
    const cache = new ReplyCache(2, 1000);
    expect(cache.find(1)).toEqual({ state: 'new' });
    cache.add(1, 'one');
    cache.add(3, 'three');
    expect(cache.find(1)).toEqual({ state: 'known', frame: 'one' });
    expect(cache.find(2)).toEqual({ state: 'stale' });
    expect(cache.find(4)).toEqual({ state: 'new' });
    cache.add(4, 'four');
    expect(cache.find(1)).toEqual({ state: 'stale' });
    expect(cache.find(3)).toEqual({ state: 'known', frame: 'three' });
    expect(cache.lastId).toBe(4);
  });

  test('is bounded in characters too, but for the newest reply', () => {
    const cache = new ReplyCache(100, 10);
    cache.add(1, '12345');
    cache.add(2, '12345');
    cache.add(3, '1');
    expect(cache.find(1).state).toBe('stale');
    expect(cache.find(2).state).toBe('known');
    cache.add(4, '12345678901');
    expect(cache.find(3).state).toBe('stale');
    expect(cache.find(4)).toEqual({ state: 'known', frame: '12345678901' });
    expect(cache.find(5).state).toBe('new');
  });
});
