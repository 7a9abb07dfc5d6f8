import { expect, test } from 'vitest';
import { Emitter } from '../../../sdk/emitter.ts';

interface Events {
  number: number;
  text: string;
}

class Source extends Emitter<Events> {
  send<K extends keyof Events>(event: K, detail: Events[K]): void {
    this.emit(event, detail);
  }
  end(): void {
    this.removeAllListeners();
  }
}

test('listeners hear their event until they are removed', () => {
  const source = new Source();
  const heard: (number | string)[] = [];
  const remove = source.on('number', (value) => heard.push(value));
  source.on('text', (value) => heard.push(value));
  source.send('number', 1);
  source.send('text', 'a');
  remove();
  source.send('number', 2);
  expect(heard).toEqual([1, 'a']);
});

test('a signal removes a listener, also one that was aborted before', () => {
  const source = new Source();
  const heard: number[] = [];
  const abort = new AbortController();
  source.on('number', (value) => heard.push(value), { signal: abort.signal });
  source.send('number', 1);
  abort.abort();
  source.on('number', (value) => heard.push(value * 10), { signal: abort.signal });
  source.send('number', 2);
  expect(heard).toEqual([1]);
});

test('once hears once', () => {
  const source = new Source();
  const heard: number[] = [];
  source.on('number', (value) => heard.push(value), { once: true });
  source.send('number', 1);
  source.send('number', 2);
  expect(heard).toEqual([1]);
});

test('next waits for the event that it accepts', async () => {
  const source = new Source();
  const big = source.next('number', { accept: (value) => value > 5 });
  source.send('number', 3);
  source.send('number', 7);
  source.send('number', 9);
  await expect(big).resolves.toBe(7);
});

test('next rejects with ABORTED when its signal aborts', async () => {
  const source = new Source();
  const abort = new AbortController();
  const waiting = source.next('number', { signal: abort.signal });
  abort.abort('enough');
  await expect(waiting).rejects.toMatchObject({ reason: 'ABORTED', cause: 'enough' });
  await expect(source.next('number', { signal: abort.signal })).rejects.toMatchObject({
    reason: 'ABORTED',
  });
});

test('a listener that throws does not keep the event from the others, and is reported', () => {
  const reported: unknown[] = [];
  const before = Object.getOwnPropertyDescriptor(globalThis, 'reportError');
  Object.defineProperty(globalThis, 'reportError', {
    configurable: true,
    value: (error: unknown) => reported.push(error),
  });
  try {
    const source = new Source();
    const mistake = new Error('mistake');
    const heard: number[] = [];
    source.on('number', () => {
      throw mistake;
    });
    source.on('number', (value) => heard.push(value));
    source.send('number', 1);
    expect(heard).toEqual([1]);
    expect(reported).toEqual([mistake]);
  } finally {
    Reflect.deleteProperty(globalThis, 'reportError');
    if (before) Object.defineProperty(globalThis, 'reportError', before);
  }
});

test('removing all silences it', () => {
  const source = new Source();
  const heard: number[] = [];
  source.on('number', (value) => heard.push(value));
  source.end();
  source.send('number', 1);
  expect(heard).toEqual([]);
});

test('who waits for an event that cannot come any more is told so', async () => {
  const source = new Source();
  const waiting = source.next('number');
  const got = source.next('text');
  source.send('text', 'a');
  source.end();
  await expect(waiting).rejects.toMatchObject({ reason: 'CLOSED' });
  await expect(source.next('number')).rejects.toMatchObject({ reason: 'CLOSED' });
  expect(await got).toBe('a');
});
