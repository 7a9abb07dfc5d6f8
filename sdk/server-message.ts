// Text from the server to a message, checked as far as the SDK relies on it: a server that errs must not
// throw in here.

import type { ServerMessage } from '../signaling/protocol.ts';

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isAnswer(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value['sdp'] === 'string' &&
    [value['tracks'], value['bind']].every(Array.isArray) &&
    isObject(value['need'])
  );
}

/** What each type must have before it is believed; types that are not here are ignored. */
const SHAPES: Readonly<Record<string, (fields: Fields) => boolean>> = {
  joined: (m) =>
    [m['session'], m['room'], m['self'], m['ice'], m['ping'], m['limits']].every(isObject) &&
    Array.isArray(m['participants']) &&
    typeof m['s'] === 'number' &&
    (m['answer'] === undefined || isAnswer(m['answer'])),
  people: (m) => typeof m['s'] === 'number' && Array.isArray(m['upd']) && Array.isArray(m['gone']),
  room: (m) => typeof m['s'] === 'number' && isObject(m['room']),
  signal: (m) => typeof m['s'] === 'number' && typeof m['from'] === 'string',
  data: (m) =>
    typeof m['s'] === 'number' && typeof m['from'] === 'string' && typeof m['payload'] === 'string',
  answer: (m) => typeof m['re'] === 'number' && isAnswer(m),
  bind: (m) => typeof m['s'] === 'number' && Array.isArray(m['map']),
  need: (m) => [m['s'], m['audio'], m['video']].every((value) => typeof value === 'number'),
  subs: (m) => typeof m['s'] === 'number' && Array.isArray(m['subs']),
  layers: (m) =>
    typeof m['s'] === 'number' && typeof m['track'] === 'string' && isObject(m['wanted']),
  media: (m) => typeof m['s'] === 'number',
  speakers: (m) => Array.isArray(m['speakers']),
  ok: (m) => typeof m['re'] === 'number',
  error: (m) => typeof m['reason'] === 'string',
  pong: (m) => typeof m['t'] === 'number' && typeof m['srvT'] === 'number',
  bye: (m) => typeof m['reason'] === 'string' && typeof m['action'] === 'string',
};

function isServerMessage(value: Fields): value is Fields & ServerMessage {
  const type = value['type'];
  if (typeof type !== 'string' || !Object.hasOwn(SHAPES, type)) return false;
  return SHAPES[type]?.(value) ?? false;
}

/** Null for what is not a message of `sterna.v1`, and for types that a newer server may send. */
export function decodeServerMessage(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  return isObject(value) && isServerMessage(value) ? value : null;
}
