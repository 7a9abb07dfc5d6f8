import { expect, test } from 'vitest';
import { SternaClientError } from '../../../sdk/index.ts';
import { adviceFor, explainFaults } from '../../../web/devices.ts';
import {
  bannerFor,
  endingText,
  joinProblem,
  problemText,
  qualityText,
} from '../../../web/state-text.ts';
import { initials } from '../../../web/tile.ts';

test('a lost server is announced, with the attempt from the second on', () => {
  const away = { state: 'reconnecting', previous: 'connected' } as const;
  expect(bannerFor({ ...away, attempt: 1 })?.text).not.toContain('attempt');
  expect(bannerFor({ ...away, attempt: 3 })).toMatchObject({ tone: 'warn', passing: false });
  expect(bannerFor({ ...away, attempt: 3 })?.text).toContain('attempt 3');
});

test('coming back is announced in passing, the first join is not', () => {
  const back = { state: 'connected', previous: 'reconnecting' } as const;
  expect(bannerFor({ ...back, how: 'resumed' })).toMatchObject({ tone: 'good', passing: true });
  expect(bannerFor({ ...back, how: 'resumed' })?.text).toContain('resumed');
  expect(bannerFor({ ...back, how: 'joined' })).toBeNull();
});

test('an end has a reason in words, an unknown one in letters', () => {
  expect(endingText(null).title).toBe('You left the meeting');
  expect(endingText(new SternaClientError('DUPLICATE_IDENTITY')).title).toBe(
    'You joined from elsewhere',
  );
  expect(endingText(new SternaClientError('SLOW_CONSUMER')).text).toContain('SLOW_CONSUMER');
  expect(joinProblem(new SternaClientError('ROOM_FULL'))).toContain('The room is full.');
  expect(joinProblem(new SternaClientError('NOT_ALLOWED', 'no'))).toBe('no (NOT_ALLOWED)');
});

test('missing devices are named together when they fail alike', () => {
  expect(explainFaults({})).toBe('');
  expect(explainFaults({ camera: 'denied', microphone: 'denied' })).toBe(
    'The browser was not allowed to use the camera and the microphone.',
  );
  expect(explainFaults({ camera: 'missing', microphone: 'missing' })).toBe(
    'There is no camera and no microphone.',
  );
  expect(explainFaults({ camera: 'busy', microphone: 'missing' })).toBe(
    'The camera did not start; another program may be using it. There is no microphone.',
  );
});

test('and what to do about it is said once', () => {
  expect(adviceFor({})).toBe('');
  expect(adviceFor({ camera: 'denied', microphone: 'denied' })).toBe(
    'Allow it at the sign in the address bar, then try again.',
  );
  expect(adviceFor({ camera: 'busy', microphone: 'missing' })).toBe(
    'Plug one in, then try again. Close the other program, then try again.',
  );
});

test('what does not work in the meeting is said in words, with what to do', () => {
  expect(problemText(new SternaClientError('RATE_LIMITED'))).toContain('Wait a moment');
  expect(problemText(new SternaClientError('CLOSED'))).toBe('The room has been left');
  expect(problemText(new TypeError('no'))).toBe('no');
  expect(problemText('odd')).toBe('odd');
});

test('initials', () => {
  expect(['Ada Lovelace', 'grace', 'jean-luc picard', '', '漢字', '😀 x'].map(initials)).toEqual([
    'AL',
    'G',
    'JP',
    '',
    '漢',
    '😀X',
  ]);
});

test('a picture that is not what it could be says why, and one that is says nothing', () => {
  expect(qualityText(null)).toBe('');
  expect(qualityText({ layer: 0, temporalLayer: 0, paused: false, reason: 'limit' })).toBe('');
  expect(qualityText({ layer: 0, temporalLayer: 0, paused: false, reason: 'bandwidth' })).toBe(
    'Slow connection',
  );
  const paused = { layer: -1, temporalLayer: 0, paused: true };
  expect(qualityText({ ...paused, reason: 'bandwidth' })).toBe('Paused: slow connection');
  expect(qualityText({ ...paused, reason: 'hidden' })).toBe('Paused: out of sight');
  expect(qualityText({ ...paused, reason: 'permission' })).toBe('Paused: not allowed');
  // The mute sign says it.
  expect(qualityText({ ...paused, reason: 'muted' })).toBe('');
});
