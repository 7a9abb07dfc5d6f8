// Who speaks where the server hears nothing: by loudness, and the server again when it does.

import { expect, test } from 'vitest';
import { Hearing, Speakers } from '../../../sdk/speakers.ts';

const levels = (ann: number, bob: number): Map<string, number> =>
  new Map([
    ['ann', ann],
    ['bob', bob],
  ]);

test('who is loud for a while speaks, the loudest first, and a second longer', () => {
  const hearing = new Hearing();
  expect(hearing.hear(levels(0.5, 0.01), 0)).toEqual([]);
  expect(hearing.hear(levels(0, 0.1), 250)).toEqual([]);
  expect(hearing.hear(levels(0.2, 0.1), 500)).toEqual(['bob']);
  expect(hearing.hear(levels(0.2, 0.1), 750)).toEqual(['ann', 'bob']);
  expect(hearing.hear(levels(0, 0.1), 1000)).toEqual(['bob', 'ann']);
  expect(hearing.hear(levels(0, 0), 1749)).toEqual(['bob', 'ann']);
  expect(hearing.hear(levels(0, 0), 1750)).toEqual(['bob']);
  expect(hearing.hear(levels(0, 0), 2000)).toEqual([]);
});

test('what is heard goes before what is told, until nothing is heard here', () => {
  const changes: string[] = [];
  const speakers: Speakers = new Speakers(() => changes.push(speakers.sids.join()));
  speakers.tell(['ann']);
  speakers.hear(['bob']);
  speakers.hear(['bob']);
  speakers.tell(['cleo']);
  speakers.hear(null);
  speakers.hear(null);
  expect(changes).toEqual(['ann', 'bob', 'cleo']);
});
