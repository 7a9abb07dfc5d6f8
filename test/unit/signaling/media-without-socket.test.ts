// Participants that offer by other ways than a WebSocket: one that publishes, one that watches.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_SIGNALING_LIMITS } from '../../../signaling/limits.ts';
import type { MediaOwner } from '../../../signaling/media/media-room.ts';
import type { ParticipantMedia } from '../../../signaling/media/participant-media.ts';
import { Switchboard } from '../../../signaling/media/switchboard.ts';
import { Participant } from '../../../signaling/participant.ts';
import { Room } from '../../../signaling/room.ts';
import type { Member } from '../../../signaling/room.ts';
import type { SdpAnswer } from '../../../signaling/protocol.ts';
import { Answer, fixture } from '../../support/sdp.ts';
import { RecordedPlane } from './recorded-plane.ts';
import { sections, smallOffer } from './small-offers.ts';
import { keptLog, testClock } from './test-clock.ts';
import type { TestClock } from './test-clock.ts';

class Caller implements Member, MediaOwner {
  readonly participant: Participant;
  readonly pushed: string[] = [];
  lost = '';

  constructor(identity: string) {
    const perm = {
      canPublish: true,
      canSubscribe: true,
      canPublishData: true,
      roomAdmin: false,
      hidden: false,
    };
    this.participant = new Participant({
      sid: `PA_${identity}`,
      identity,
      name: identity,
      joinedAt: 0,
      perm,
    });
  }

  push(body: Buffer): void {
    this.pushed.push(`{${body.toString()}`);
  }

  tell(): void {
    this.pushed.push('told');
  }

  onMediaLost(reason: string): void {
    this.lost = reason;
  }

  dismiss(): void {
    this.lost = 'dismissed';
  }
}

let plane: RecordedPlane;
let room: Room;
let clock: TestClock;
beforeEach(() => {
  plane = new RecordedPlane();
  const board = new Switchboard(plane, keptLog().log);
  const options = { name: 'r', maxParticipants: 9, emptyTimeoutMs: 0, meta: '' };
  clock = testClock();
  room = new Room(options, clock, DEFAULT_SIGNALING_LIMITS, board);
});
afterEach(() => room.media?.close());

function enter(caller: Caller, plain = false, only: string | null = null): ParticipantMedia {
  room.add(caller);
  return room.media!.add(caller, { plain, only });
}

function answered(media: ParticipantMedia, sdp: string): SdpAnswer {
  const plan = media.plan({ id: 0, sdp, tracks: 'all' });
  if ('reason' in plan) throw new Error(plan.message);
  return media.accept(plan);
}

test('all that an offer sends is published, and a viewer gets it as one stream', () => {
  const publisher = enter(new Caller('camera'));
  answered(publisher, fixture('whip-client'));
  expect(publisher.tracks.map(({ kind, source }) => [kind, source])).toEqual([
    ['audio', 'microphone'],
    ['video', 'camera'],
  ]);
  const viewer = enter(new Caller('viewer'), true);
  const answer = answered(viewer, smallOffer(sections([], 1, 1)));
  expect(answer.bind.map(({ participant }) => participant)).toEqual(['PA_camera', 'PA_camera']);
  const sdp = new Answer(answer.sdp);
  const streams = ['0', '1'].map((mid) => sdp.values(mid, 'msid')[0]?.split(' '));
  expect(streams[0]?.[0]).toBe(streams[1]?.[0]);
  expect(streams[0]?.[1]).not.toBe(streams[1]?.[1]);
});

test('an encoder is forwarded however quiet it is, and so is the one whom a player watches', () => {
  answered(enter(new Caller('camera'), true), fixture('whip-client'));
  const [sound] = plane.current.last('sfu.open').media.publications;
  expect(sound).toEqual({ publication: sound!.publication, mid: sound!.mid, muted: false });
  answered(enter(new Caller('guest')), fixture('whip-client'));
  const [microphone] = plane.current.last('sfu.open').media.publications;
  expect(microphone).toMatchObject({ microphone: true });
  answered(enter(new Caller('viewer'), true, 'guest'), smallOffer(sections([], 1)));
  const { publication } = microphone!;
  expect(plane.current.last('sfu.open').slots).toEqual([{ mid: '0', publication, pinned: true }]);
});

test('ICE restarts without an offer', () => {
  const media = enter(new Caller('camera'));
  const remote = { ufrag: 'wxyz', password: 'wxyzwxyzwxyzwxyzwxyzwx' };
  expect(media.restartIce(remote)).toBeUndefined();
  answered(media, fixture('whip-client'));
  const local = media.restartIce(remote);
  const { ice, media: setup } = plane.current.last('sfu.change');
  expect(ice).toEqual({ local, remote });
  expect(setup).toEqual(plane.current.last('sfu.open').media);
  expect(local).not.toEqual(plane.current.last('sfu.open').ice.local);
});

test('who hears no messages is told otherwise that its media is gone', () => {
  const caller = new Caller('camera');
  answered(enter(caller), fixture('whip-client'));
  const { id } = plane.current.last('sfu.open');
  plane.emit({ type: 'sfu.state', id, state: 'closed', path: '', reason: 'ice-timeout' });
  expect(caller.lost).toBe('ice-timeout');
});

test('who leaves the room leaves nothing open', () => {
  const caller = new Caller('camera');
  answered(enter(caller), fixture('whip-client'));
  room.remove(caller, 'LEFT');
  expect(plane.current.commands.map(({ type }) => type)).toEqual(['sfu.open', 'sfu.close']);
  expect(room.media?.of('PA_camera')).toBeUndefined();
  expect(room.media?.ranking('audio').order).toEqual([]);
});

test('a viewer with fixed slots is never asked for more', async () => {
  const viewer = new Caller('viewer');
  const plain = enter(viewer, true);
  answered(plain, smallOffer(sections([], 1)));
  const caller = new Caller('asked');
  enter(caller);
  answered(enter(new Caller('camera')), fixture('whip-client'));
  await expect.poll(() => caller.pushed.join('')).toContain('"type":"need"');
  expect(viewer.pushed.join('')).not.toContain('need');
  expect(viewer.pushed.join('')).toContain('"type":"bind"');
});

test('a slot shows nobody before the room has heard of him', async () => {
  const viewer = new Caller('viewer');
  answered(enter(viewer), smallOffer(sections([], 1)));
  clock.advance(1000);
  // The news that went out just now make the next ones wait; the slots have no reason to.
  room.feed.changed(viewer.participant);
  room.feed.schedule();
  viewer.pushed.length = 0;
  answered(enter(new Caller('camera')), fixture('whip-client'));
  await expect.poll(() => viewer.pushed.join('')).toContain('"type":"bind"');
  const types = viewer.pushed.map((text) => /"type":"(\w+)"/.exec(text)?.[1]);
  expect(types).toEqual(['people', 'bind', 'need']);
});
