// The keys of `webhooks` and `audit`: who is told what happens in rooms, and where it is written down who did what.
// Called by: schema.ts.

import { z } from 'zod';
import { isUrlOf } from './network-values.ts';
import { checked, integer, listOf } from './schema-values.ts';

const WEBHOOK_EVENTS = [
  'room_started',
  'room_finished',
  'participant_joined',
  'participant_left',
  'track_published',
  'track_unpublished',
] as const;

/** A password in it would end in the header field that the signature is in. */
const receiver = checked((value) => {
  if (!isUrlOf(value, ['http:', 'https:'])) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '';
}, 'an http:// or https:// URL without user name and password');

export const webhooks = z.strictObject({
  urls: listOf(receiver, 8).default([]).describe('Where events of rooms are sent by POST'),
  key: z
    .string()
    .max(64, { error: 'a name of at most 64 characters' })
    .default('')
    .describe('Name of the API key in keys that signs what is sent'),
  events: listOf(z.enum(WEBHOOK_EVENTS), WEBHOOK_EVENTS.length)
    .default([])
    .describe('Events that are sent; all when empty'),
  allowPrivate: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('Also send to addresses that are not public, such as 127.0.0.1 and 10.0.0.0/8'),
  maxAge: integer(1, 86_400)
    .default(600)
    .describe('Seconds after which an event that could not be delivered is given up'),
});

export const audit = z.strictObject({
  file: z
    .string()
    .max(4096, { error: 'a path of at most 4096 characters' })
    .default('')
    .describe('File that records of what operators and moderators do are added to; empty for none'),
});
