// A room for pages with end-to-end encryption, and what they show of another participant, waited for.

import { expect } from 'vitest';
import { API_KEY } from '../e2e/sterna.ts';
import type { SternaHost } from '../e2e/sterna-host.ts';
import type { Colour, SealedJoin, SealedPage, Seen } from './sealed-page.ts';

export const LOOK = { timeout: 20_000, interval: 200 };

/** Waits until it is seen in its colour, and the picture goes on. */
export async function shows(page: SealedPage, who: string, colour: Colour): Promise<Seen> {
  await expect.poll(async () => (await page.sees(who))?.colour, LOOK).toBe(colour);
  const before = (await page.sees(who))?.frames ?? 0;
  await expect.poll(async () => (await page.sees(who))?.frames, LOOK).toBeGreaterThan(before + 5);
  const seen = await page.sees(who);
  if (!seen) throw new Error(`${who} is not there`);
  return seen;
}

/** Much has come by now, and nothing was decoded of it. */
export async function shownNothing(page: SealedPage, who: string): Promise<void> {
  await expect.poll(async () => (await page.sees(who))?.bytes, LOOK).toBeGreaterThan(0);
  // Counters are those of a slot, whatever it has shown before.
  const { bytes = 0, frames = 0 } = (await page.sees(who)) ?? {};
  const more = bytes + 4_000;
  await expect.poll(async () => (await page.sees(who))?.bytes, LOOK).toBeGreaterThan(more);
  expect(await page.sees(who)).toMatchObject({ frames, colour: 'none' });
}

/** In the room that a test has for itself. */
export const joinsOf =
  (room: string) =>
  (identity: string, colour: Colour, seed: number | false): SealedJoin => ({
    room,
    identity,
    colour,
    seed,
  });

export async function makeRoom(
  host: SternaHost,
  name: string,
  mode: 'p2p' | 'auto',
): Promise<void> {
  const made = await fetch(`${host.url}/v1/rooms`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${API_KEY.name}:${API_KEY.secret}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ name, mode }),
  });
  expect(made.status).toBe(201);
}
