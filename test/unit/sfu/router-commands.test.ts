// The unit does what the answering thread says, in whatever order it comes, and tells what happens.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SfuCommand } from '../../../sfu/control.ts';
import { type PacketFields, rtpPacket } from '../../support/sfu-router/packets.ts';
import { generator } from '../../support/sfu-router/random.ts';
import { RouterWorld, type TestTransport } from '../../support/sfu-router/router-world.ts';
import { OPUS, publishes, sends, shows } from '../../support/sfu-router/sections.ts';

let world: RouterWorld;

beforeEach(() => {
  world = new RouterWorld();
});

afterEach(() => {
  world.close();
});

const MIC = publishes([sends('0', 'audio')], { 0: 7 });
const NOTHING = publishes([], {});
const SPEAKER = publishes([shows('0', 'audio', { ssrc: 0xaaaa_0001 })], {});

let sequenceNumber = 0;

function opus(fields: Partial<PacketFields> = {}): Buffer {
  sequenceNumber++;
  return rtpPacket({
    ssrc: 0x1111,
    sequenceNumber,
    timestamp: 960 * sequenceNumber,
    payloadType: OPUS.payloadType,
    mid: '0',
    payload: Buffer.from(`opus ${sequenceNumber}`),
    ...fields,
  });
}

/** How many packets reach somebody of one that is sent. */
function reach(publisher: TestTransport, subscriber: TestTransport): number {
  subscriber.take();
  publisher.send(opus());
  world.turn();
  return subscriber.take().length;
}

const change = (id: number, media = NOTHING): SfuCommand => ({ type: 'sfu.change', id, media });

const speak = (transport: TestTransport, ssrc: number, level: number): void => {
  transport.send(opus({ ssrc, audioLevel: 0x80 | level }));
};

describe('a slot', () => {
  it('shows a publication that comes later than its binding', () => {
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    const publisher = world.join(1, MIC);
    expect(reach(publisher, subscriber)).toBe(1);
  });

  it('shows it again when it is published again under the same number', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    world.command(change(1));
    expect(reach(publisher, subscriber)).toBe(0);
    world.command(change(1, MIC));
    expect(reach(publisher, subscriber)).toBe(1);
  });

  it('goes on under a later description, and ends where that has it no more', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    expect(reach(publisher, subscriber)).toBe(1);
    const shifted = publishes([shows('0', 'audio', { ssrc: 0xaaaa_0001, shift: 3 })], {});
    world.command(change(2, shifted));
    publisher.send(opus());
    world.turn();
    const [{ rtp }] = subscriber.take() as [ReturnType<typeof subscriber.take>[number]];
    expect([rtp.sequenceNumber, rtp.payloadType]).toEqual([0x4002, OPUS.payloadType + 3]);
    world.command(change(2));
    expect(reach(publisher, subscriber)).toBe(0);
    expect(world.sfu.stats().slots).toBe(0);
  });

  it('shows a publication that has moved to another section', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    reach(publisher, subscriber);
    const sections = [sends('0', 'audio'), sends('1', 'audio')];
    world.command(change(1, publishes(sections, { 1: 7 })));
    expect(reach(publisher, subscriber)).toBe(0);
    publisher.send(opus({ mid: '1', ssrc: 0x1112 }));
    world.turn();
    expect(subscriber.take()).toHaveLength(1);
  });

  it('does not show what is of another kind', () => {
    world.join(1, MIC);
    world.join(2, publishes([shows('0', 'video')], {}), { 0: 7 });
    world.command({ type: 'sfu.report', request: 1, ids: [2] });
    const [report] = world.take('sfu.report')[0]!.transports;
    expect(report).toMatchObject({ outgoing: [{ publication: 0, waits: 'unpublished' }] });
  });

  it('is quiet while its transport has lost its path, and goes on afterwards', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    expect(reach(publisher, subscriber)).toBe(1);
    subscriber.disconnect();
    expect(reach(publisher, subscriber)).toBe(0);
    subscriber.connect();
    expect(reach(publisher, subscriber)).toBe(1);
    const states = world.take('sfu.state').filter(({ id }) => id === 2);
    expect(states.map(({ state }) => state)).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('counts what its transport could not send as lost', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    reach(publisher, subscriber);
    subscriber.isBroken = true;
    expect(reach(publisher, subscriber)).toBe(0);
    subscriber.isBroken = false;
    publisher.send(opus());
    world.turn();
    expect(subscriber.take()[0]!.rtp.sequenceNumber).toBe(0x4003);
    expect(world.sfu.stats().drops['not-sent']).toBe(1);
  });
});

describe('a transport', () => {
  it('that cannot be opened is closed, with the reason', () => {
    world.refusal = 'full';
    world.command({
      type: 'sfu.open',
      id: 1,
      room: 'room',
      ice: {
        local: { ufrag: 'a', password: 'b' },
        remote: { ufrag: 'c', password: 'd' },
      },
      fingerprints: [],
      setup: 'passive',
      media: MIC,
      slots: [],
    });
    expect(world.take('sfu.state')).toEqual([
      { type: 'sfu.state', id: 1, state: 'closed', path: '', reason: 'full' },
    ]);
    expect(world.sfu.stats()).toMatchObject({ rooms: 0, publications: 0 });
  });

  it('that ends takes its publications and slots with it, and the last one its room', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    reach(publisher, subscriber);
    world.take('sfu.state');
    publisher.end();
    expect(world.take('sfu.state')).toEqual([
      { type: 'sfu.state', id: 1, state: 'closed', path: 'udp', reason: 'ice-timeout' },
    ]);
    expect(world.sfu.stats()).toMatchObject({ rooms: 1, publications: 0, slots: 1 });
    world.command({ type: 'sfu.close', id: 2 });
    expect(subscriber.state).toBe('closed');
    expect(world.take('sfu.state')).toEqual([]);
    expect(world.sfu.stats()).toMatchObject({ rooms: 0, publications: 0, slots: 0 });
  });

  it('is asked to restart ICE, and closed where it cannot', () => {
    const transport = world.join(1, MIC);
    const credentials = { ufrag: 'a', password: 'b' };
    const ice = { local: credentials, remote: credentials };
    world.command({ type: 'sfu.change', id: 1, media: MIC, ice });
    expect(transport.restarts).toBe(1);
    transport.restart = () => false;
    world.take('sfu.state');
    world.command({ type: 'sfu.change', id: 1, media: MIC, ice });
    expect(world.take('sfu.state')).toMatchObject([{ state: 'closed', reason: 'ice-in-use' }]);
  });
});

describe('who speaks', () => {
  it('is told on change, the loudest first, and not more often than every 300 ms', () => {
    const loud = world.join(1, MIC);
    const quiet = world.join(2, publishes([sends('0', 'audio')], { 0: 8 }));
    world.join(3, publishes([sends('0', 'audio')], { 0: 9 }));
    const told: { at: number; speakers: number[] }[] = [];
    for (let i = 0; i < 150; i++) {
      speak(loud, 1, 10);
      speak(quiet, 2, 30);
      world.advance(20);
      for (const { speakers, room } of world.take('sfu.speakers')) {
        expect(room).toBe('room');
        told.push({ at: world.now, speakers: speakers.map(({ publication }) => publication) });
      }
    }
    expect(told.at(-1)!.speakers).toEqual([7, 8]);
    expect(told.length).toBeLessThan(5);
    for (const [i, { at }] of told.slice(1).entries()) {
      expect(at - told[i]!.at).toBeGreaterThanOrEqual(290);
    }
    world.advance(3000);
    expect(world.take('sfu.speakers').at(-1)!.speakers).toEqual([]);
    world.advance(3000);
    expect(world.take('sfu.speakers')).toEqual([]);
  });

  it('is nobody who is muted', () => {
    const publisher = world.join(1, MIC);
    world.command({ type: 'sfu.mute', publication: 7, muted: true });
    for (let i = 0; i < 100; i++) {
      speak(publisher, 1, 10);
      world.advance(20);
    }
    expect(world.take('sfu.speakers')).toEqual([]);
  });
});

describe('what is reported', () => {
  it('is in numbers what all did', () => {
    const publisher = world.join(1, MIC);
    world.join(2, SPEAKER, { 0: 7 });
    world.join(3, SPEAKER, { 0: 7 });
    publisher.send(opus(), opus());
    world.turn();
    expect(world.sfu.stats()).toMatchObject({
      rooms: 1,
      transports: { connected: 3, closed: 0 },
      publications: 1,
      slots: 2,
      packetsIn: 2,
      packetsOut: 4,
    });
  });
});

it('takes commands in any order, of things that are gone or never were', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const below = generator(seed);
    const trial = new RouterWorld();
    const media = () => {
      const sections = ['0', '1', '2'].flatMap((mid) => {
        const kind = below(2) === 0 ? 'audio' : 'video';
        const made = below(2) === 0 ? sends(mid, kind) : shows(mid, kind, { ssrc: below(20) + 1 });
        return below(3) === 0 ? [] : [made];
      });
      return publishes(sections, { 0: 1 + below(6), 1: 1 + below(6), 7: 1 + below(6) });
    };
    for (let step = 0; step < 300; step++) {
      const id = 1 + below(5);
      const slots = { 0: below(8), 2: below(8), 9: below(8) };
      const what = below(8);
      if (what === 0) trial.join(id, media(), slots, below(3) === 0 ? 'other' : 'room');
      else if (what === 1) trial.command(change(id, media()));
      else if (what === 2) trial.bind(id, slots);
      else if (what === 3) {
        trial.command({ type: 'sfu.mute', publication: below(8), muted: below(2) === 0 });
      } else if (what === 4) trial.command({ type: 'sfu.close', id });
      else if (what === 5) trial.command({ type: 'sfu.report', request: 1, ids: [1, 2, 3, 4, 5] });
      else if (what === 6) trial.advance(below(400));
      const transport = trial.transports.get(id);
      if (transport?.state === 'connected') {
        transport.send(opus({ mid: String(below(3)), ssrc: below(10) }));
      }
    }
    for (let id = 1; id <= 5; id++) trial.command({ type: 'sfu.close', id });
    expect(trial.sfu.stats()).toMatchObject({ rooms: 0, publications: 0, slots: 0 });
    trial.advance(2000);
    trial.close();
    trial.close();
    trial.command({ type: 'sfu.close', id: 1 });
  }
});
