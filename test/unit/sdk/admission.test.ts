// When join() resolves, and what `ready` tells.

import { expect, test } from 'vitest';
import { SternaClientError } from '../../../sdk/errors.ts';
import { Admission } from '../../../sdk/admission.ts';

const nothing = (): void => undefined;
const open = (mediaTimeoutMs: number, signal?: AbortSignal, onAbort = nothing): Admission =>
  new Admission({ mediaTimeoutMs, signal, onAbort });

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise((resolve) => setTimeout(resolve, 0));
  return settled;
}

test('media is waited for, where there is any', async () => {
  const admission = open(60_000);
  const waiting = admission.wait(() => admission.joined(true));
  expect(await isSettled(waiting)).toBe(false);
  admission.connected();
  await waiting;
  await admission.ready;
  const without = open(60_000);
  await without.wait(() => without.joined(false));
  expect(without.isLate).toBe(false);
});

test('not for ever, and not where nobody wants to; ready tells when it is there', async () => {
  for (const ms of [0, 1]) {
    const admission = open(ms);
    // oxlint-disable-next-line no-await-in-loop
    await admission.wait(() => admission.joined(true));
    expect(admission.isLate).toBe(ms > 0);
    admission.connected();
    // oxlint-disable-next-line no-await-in-loop
    await admission.ready;
  }
});

test('a room that is closed before rejects with the reason', async () => {
  const admission = open(0);
  const kicked = new SternaClientError('KICKED');
  await expect(admission.wait(() => admission.closed(kicked))).rejects.toBe(kicked);
  await expect(admission.ready).rejects.toBe(kicked);
});

test('an AbortSignal ends the wait, and the room later', async () => {
  let aborted = 0;
  const onAbort = (): void => {
    aborted += 1;
  };
  const before = open(0, AbortSignal.abort(), onAbort);
  await expect(before.wait(nothing)).rejects.toMatchObject({ reason: 'ABORTED' });
  const abort = new AbortController();
  const during = open(60_000, abort.signal, onAbort);
  const waiting = during.wait(() => during.joined(true));
  const later = open(0, abort.signal, onAbort);
  await later.wait(() => later.joined(false));
  const over = open(0, abort.signal, onAbort);
  await over.wait(() => over.joined(false));
  over.closed(new SternaClientError('CLOSED'));
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ reason: 'ABORTED' });
  expect(aborted).toBe(3);
});
