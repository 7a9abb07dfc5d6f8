// Encodings that the publisher leaves out because nobody wants them: they are not missing, come back soon when somebody
// does, and nobody is given more than he can take because of it. And an encoding that is wanted whatever comes.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { RIDS, runFor, SimulcastCamera, TestLink } from '../../support/sfu-router/adapted.ts';
import { readFrame } from '../../support/sfu-router/decoder.ts';
import type { SentPacket, TestTransport } from '../../support/sfu-router/router-world.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';
import { publishes, sends, shows } from '../../support/sfu-router/sections.ts';

const SSRC = 0x9000_0000;
const RATES = [150_000, 500_000, 1_500_000] as const;
const PLENTY = 20_000_000;

let world: RouterWorld;
let publisher: TestTransport;
let camera: SimulcastCamera;

beforeEach(() => {
  world = new RouterWorld();
  publisher = world.join(1, publishes([sends('0', 'video', { rids: RIDS })], { 0: 7 }));
  camera = new SimulcastCamera(publisher, world.now);
});

afterEach(() => {
  world.close();
});

function subscribe(id: number, rate: number, wants: object = {}): TestLink {
  const transport = world.join(id, publishes([shows('0', 'video', { tells: true })], {}));
  bind(id, wants);
  return new TestLink(transport, rate);
}

const bind = (id: number, wants: object): void =>
  world.command({ type: 'sfu.bind', id, slots: [{ mid: '0', publication: 7, ...wants }] });

/** The publisher is told, and obeys when it has heard. */
function want(wanted: readonly boolean[], heard = wanted): void {
  world.command({ type: 'sfu.encodings', publication: 7, wanted });
  for (const i of RIDS.keys()) camera.rates[i] = heard[i] === true ? RATES[i]! : 0;
}

function run(ms: number, ...links: readonly TestLink[]): SentPacket[] {
  runFor(world, ms, (now) => {
    camera.step(now);
    for (const link of links) link.step(now);
  });
  return links.flatMap((link) => link.take().filter(({ rtp }) => rtp.ssrc === SSRC));
}

const encodings = (packets: readonly SentPacket[]): number[] => [
  ...new Set(packets.map(({ payload }) => readFrame(payload).encoding)),
];

const told = (): [number, string][] =>
  world
    .take('sfu.layers')
    .flatMap(({ slots }) => slots.map(({ layer, reason }): [number, string] => [layer, reason]));

it('is no fault of the publisher, and is there within a second when it is wanted', () => {
  const link = subscribe(10, PLENTY, { wanted: 0 });
  run(2000, link);
  expect(told().at(-1)).toEqual([0, 'limit']);
  want([true, false, false]);
  expect(encodings(run(8000, link))).toEqual([0]);
  expect(told()).toEqual([]);
  bind(10, { wanted: 2 });
  want([true, true, true], [true, false, false]);
  const since = world.now;
  // It takes the publisher a while to hear of it.
  run(100, link);
  want([true, true, true]);
  const best = run(1500, link).find(({ payload }) => readFrame(payload).encoding === 2);
  expect(best!.at - since).toBeLessThan(700);
  const said = told();
  expect(said.at(-1)).toEqual([2, 'best']);
  expect(said.map(([, reason]) => reason)).not.toContain('publisher');
});

it('is the fault of a publisher that does not send it again', () => {
  const link = subscribe(10, PLENTY, { wanted: 0 });
  run(1000, link);
  want([true, false, false]);
  run(3000, link);
  bind(10, { wanted: 2 });
  want([true, true, true], [true, false, false]);
  run(2000, link);
  told();
  run(3000, link);
  expect(told()).toEqual([[0, 'publisher']]);
});

it('is given to nobody who cannot take it, whatever it took when it last rested', () => {
  const narrow = subscribe(10, 800_000);
  run(6000, narrow);
  expect(encodings(run(1000, narrow))).toEqual([1]);
  // It stopped in the middle of a measurement, and begins in one.
  for (const restMs of [3000, 3110, 3230, 3370, 3490]) {
    want([true, true, false]);
    run(restMs, narrow);
    want([true, true, true]);
    expect(encodings(run(2000, narrow))).not.toContain(2);
  }
});

it('all of it comes back lowest first, also to whose network carries the best', () => {
  const link = subscribe(10, PLENTY);
  run(4000, link);
  expect(encodings(run(500, link))).toEqual([2]);
  bind(10, { publication: 0 });
  want([false, false, false]);
  run(10_000, link);
  bind(10, {});
  want([true, true, true], [true, false, false]);
  const since = world.now;
  const [first] = run(300, link);
  expect(first!.at - since).toBeLessThan(100);
  expect(readFrame(first!.payload).encoding).toBe(0);
  want([true, true, true]);
  expect(encodings(run(3000, link)).at(-1)).toBe(2);
});

it('one that is wanted whatever comes is sent over a network that does not carry it', () => {
  const link = subscribe(10, 400_000, { wanted: 1, fixed: true });
  run(6000, link);
  expect(encodings(run(2000, link))).toEqual([1]);
  expect(told().at(-1)).toEqual([1, 'limit']);
  // The publisher stops that one: what is below has to do.
  camera.rates[1] = 0;
  run(3000, link);
  expect(encodings(run(1000, link))).toEqual([0]);
});
