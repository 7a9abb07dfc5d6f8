// A participant who has been admitted, or a stranger, does to the media port and to signaling what no browser does. The
// honest meeting beside goes on: every packet arrives. The attacker is held to bounds, and leaves nothing behind.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processCpuNanoseconds } from '../../bench/sfu/process-clock.ts';
import { FUZZ_SEED } from '../support/fuzz.ts';
import { held } from '../support/fault/held.ts';
import type { Attack } from '../support/sfu-live/attack.ts';
import { MEDIA_ATTACKS } from '../support/sfu-live/media-attacks.ts';
import { PATH_ATTACKS } from '../support/sfu-live/path-attacks.ts';
import { SIGNALING_ATTACKS } from '../support/sfu-live/signaling-attacks.ts';
import { Meeting, type Metrics } from '../support/sfu-live/meeting.ts';
import { Chance } from '../support/turn/fuzz.ts';

const HEAP_GROWTH_MIB_MAX = 4;
const RESIDENT_GROWTH_MIB_MAX = 64;
const PAYLOAD_BYTES_MAX = 24 * 1024 * 1024;

let meeting: Meeting;

beforeAll(async () => {
  meeting = await Meeting.begin();
  await meeting.warmUp();
});
afterAll(() => meeting.end());

async function suffer(attack: Attack): Promise<void> {
  const before = await meeting.state();
  const hostile = await meeting.hostile({ sends: 2, receives: 8 });
  const cpu = processCpuNanoseconds(meeting.sterna.pid);
  const sent = meeting.sent;
  const begun = performance.now();
  const act = attack.begin({ meeting, hostile, chance: new Chance(FUZZ_SEED) });
  for (let round = 0; round < attack.rounds; round++) {
    await act(round);
    await meeting.beat();
  }
  await meeting.settle();
  const seconds = (performance.now() - begun) / 1000;
  const cpuMs = (processCpuNanoseconds(meeting.sterna.pid) - cpu) / 1e6;
  const during = await meeting.state();
  const grown: Metrics = (name, label, value) =>
    during.read(name, label, value) - before.read(name, label, value);
  for (const counted of attack.counted) {
    expect(grown(...counted), counted.join(' ')).toBeGreaterThan(0);
  }
  expect(attack.bounds?.(grown, seconds) ?? []).toEqual([]);
  expect(during.read('sterna_sfu_payload_bytes')).toBeLessThan(PAYLOAD_BYTES_MAX);
  for (const [name, value] of Object.entries(attack.filled ?? {})) {
    expect(during.read(name), name).toBe(value);
  }
  expect(during.read('sterna_media_worker_restarts_total')).toBe(0);
  await attack.end?.();
  await hostile.leave();
  if (attack.lingers === undefined) await meeting.alone();
  await meeting.warmUp();
  const after = await meeting.state();
  expect(after.heap - before.heap).toBeLessThan(HEAP_GROWTH_MIB_MAX);
  expect(after.residentMiB - before.residentMiB).toBeLessThan(RESIDENT_GROWTH_MIB_MAX);
  held(
    `${attack.name}: ${meeting.sent - sent} honest packets, 0 missing; ${seconds.toFixed(1)} s, ${cpuMs.toFixed(0)} ms CPU; ` +
      `heap ${before.heap.toFixed(1)} -> ${during.heap.toFixed(1)} -> ${after.heap.toFixed(1)} MiB, ` +
      `resident ${before.residentMiB} -> ${during.residentMiB} -> ${after.residentMiB} MiB`,
  );
}

describe(`STERNA_FUZZ_SEED=${FUZZ_SEED}`, () => {
  test.each([...MEDIA_ATTACKS, ...PATH_ATTACKS, ...SIGNALING_ATTACKS])(
    '$name',
    { timeout: 300_000 },
    suffer,
  );
});
