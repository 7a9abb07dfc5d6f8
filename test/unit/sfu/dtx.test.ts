// Discontinuous transmission (RFC 7587 s3.1.3): a microphone that sends nothing while nobody speaks, but for a packet
// of comfort noise now and then, comes through as it is, and nobody takes silence for loss.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { ReportBlock } from '../../../sfu/rtp/rtcp-reports.ts';
import { FRAME_MS, FRAME_TICKS, Microphones, VOICE } from '../../support/sfu-router/microphones.ts';
import { readRtcp, writeRtcp } from '../../support/sfu-router/rtcp.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';

/** Of one packet of noise and the next one. */
const NOISE_MS = 400;
const SPEECH = 20 | VOICE;
const NOISE = 70;

let world: RouterWorld;
let room: Microphones;

beforeEach(() => {
  world = new RouterWorld();
  room = new Microphones(world, 2);
});

afterEach(() => {
  world.close();
});

/** One second of speech, and silence of the first microphone; the second one sends nothing. */
function speakAndPause(silentMs: number): ReturnType<Microphones['run']> {
  const heard = room.run(1000, { 1: SPEECH, 2: undefined });
  for (let passed = 0; passed < silentMs; passed += NOISE_MS) {
    heard.push(...room.run(NOISE_MS - FRAME_MS, { 1: undefined, 2: undefined }));
    heard.push(...room.run(FRAME_MS, { 1: NOISE, 2: undefined }));
  }
  return heard;
}

it('comes with its own time and markers, and without holes in its numbers', () => {
  const heard = [...speakAndPause(4000), ...speakAndPause(2000)];
  expect(heard).toHaveLength(2 * 50 + 10 + 5);
  const [first] = heard;
  for (const [i, { frame, packet }] of heard.entries()) {
    expect((packet.rtp.sequenceNumber - first!.packet.rtp.sequenceNumber) & 0xffff).toBe(i);
    const ticks = (packet.rtp.timestamp - first!.packet.rtp.timestamp) >>> 0;
    expect(ticks).toBe((frame - first!.frame) * FRAME_TICKS);
    const isAfterSilence = i === 0 || frame !== heard[i - 1]!.frame + 1;
    expect(packet.rtp.marker).toBe(isAfterSilence);
  }
});

it('silence is no loss: nothing is asked for again, and reports both ways say so', () => {
  const sent = speakAndPause(8000);
  const toPublisher = room.of(1).transport.takeRtcp().flatMap(readRtcp);
  expect(toPublisher.filter(({ type }) => type === 'nack')).toEqual([]);
  const blocks = toPublisher.flatMap((one) => one.blocks ?? []).filter(({ ssrc }) => ssrc === 1);
  expect(blocks.length).toBeGreaterThan(1);
  for (const { fractionLost, cumulativeLost } of blocks) {
    expect([fractionLost, cumulativeLost]).toEqual([0, 0]);
  }
  // Our own reports count what was sent, and tell the time of now though nothing was sent for a while.
  const reports = room.listener.takeRtcp().flatMap(readRtcp);
  const last = reports.findLast(({ type }) => type === 'sr')!;
  expect(last.info!.packetCount).toBeLessThanOrEqual(sent.length);
  expect(last.info!.packetCount).toBeGreaterThan(50);

  // A packet of noise that is lost is one of one: the receiver says so, and nobody makes much of it.
  const block = new ReportBlock();
  block.ssrc = last.sender;
  block.fractionLost = 255;
  block.cumulativeLost = 1;
  room.listener.sendRtcpPacket(writeRtcp((to) => to.receiverReport(1, [block], 1)));
  const report = room.reports()[0]!;
  expect(report).toMatchObject({ waits: null, lost: 1, redundancy: 'none' });
});

it('a packet of a talkspurt that is lost is found out by the next one, after however long a silence', () => {
  room.run(500, { 1: SPEECH, 2: undefined });
  room.of(1).transport.takeRtcp();
  room.of(1).sequence++;
  room.run(2000, { 1: undefined, 2: undefined });
  expect(room.of(1).transport.takeRtcp().flatMap(readRtcp)).not.toContainEqual(
    expect.objectContaining({ type: 'nack' }),
  );
  room.run(200, { 1: SPEECH, 2: undefined });
  const nacks = room.of(1).transport.takeRtcp().flatMap(readRtcp);
  expect(nacks.filter(({ type }) => type === 'nack').length).toBeGreaterThan(0);
});

/** Who speaks, each time that it was told. */
const active = (): number[][] =>
  world
    .take('sfu.speakers')
    .map(({ speakers }) =>
      speakers.filter((one) => one.active).map(({ publication }) => publication),
    );

it('who speaks does, and who has stopped does not, though no packet says so', () => {
  speakAndPause(0);
  expect(active().at(-1)).toEqual([1]);
  room.run(2000, { 1: undefined, 2: undefined });
  expect(active().at(-1)).toEqual([]);
  speakAndPause(0);
  expect(active().at(-1)).toEqual([1]);
});

it('a microphone that is silent in that way gives its place to who speaks', () => {
  world.close();
  world = new RouterWorld({ loudest: 1 });
  room = new Microphones(world, 2);
  room.run(1000, { 1: SPEECH, 2: undefined });
  room.run(1000, { 1: undefined, 2: undefined });
  const heard = room.run(200, { 1: NOISE, 2: SPEECH });
  expect(heard[0]).toMatchObject({ number: 2 });
  expect(heard.map(({ number }) => number)).toEqual(heard.map(() => 2));
  expect(heard).toHaveLength(200 / FRAME_MS);
});
