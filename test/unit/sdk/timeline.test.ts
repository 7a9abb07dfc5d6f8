import { expect, test } from 'vitest';
import { Timeline } from '../../../sdk/timeline.ts';

function timelineAt(): { timeline: Timeline; at: (ms: number) => Timeline } {
  let now = 1000;
  const timeline = new Timeline(() => now);
  return {
    timeline,
    at: (ms) => {
      now = 1000 + ms;
      return timeline;
    },
  };
}

test('phases count from the start, the first time of each', () => {
  const { at } = timelineAt();
  at(12.34).mark('socketOpen');
  at(20).mark('joined');
  at(99).mark('joined');
  expect(at(100).snapshot()).toEqual({ socketOpen: 12.3, joined: 20, participants: {} });
});

test('the first participant to reach a phase sets it for the room', () => {
  const { at } = timelineAt();
  at(10).markLink('b', 'offer');
  at(11).markLink('a', 'offer');
  at(15).markLink('a', 'iceConnected');
  at(30).markLink('b', 'iceConnected');
  expect(at(31).snapshot()).toEqual({
    offer: 10,
    iceConnected: 15,
    participants: { a: { offer: 11, iceConnected: 15 }, b: { offer: 10, iceConnected: 30 } },
  });
});

test('who left is forgotten, what the room reached is not', () => {
  const { at, timeline } = timelineAt();
  at(10).markLink('a', 'firstFrame');
  timeline.forget('a');
  expect(timeline.snapshot()).toEqual({ firstFrame: 10, participants: {} });
});

test('a snapshot does not change afterwards', () => {
  const { at, timeline } = timelineAt();
  at(10).markLink('a', 'offer');
  const snapshot = timeline.snapshot();
  at(20).markLink('a', 'answer');
  expect(snapshot.participants['a']).toEqual({ offer: 10 });
});
