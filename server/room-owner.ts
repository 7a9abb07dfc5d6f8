// Commands to rooms, wherever the room is: one operation for all of them.
// Called by: server.ts, which hands it to the room and participant APIs.

import { z } from 'zod';
import type { RoomAnswer, RoomCommand, SignalingServer } from '../signaling/index.ts';
import { simulation } from '../signaling/protocol.ts';
import type { RoomOwner } from './room-commands.ts';
import type { RoomPlaces } from './room-places.ts';

const room = z.string();
const text = z.string().optional();
const flag = z.boolean().optional();
const command: z.ZodType<RoomCommand> = z.discriminatedUnion('op', [
  z.object({ op: z.literal('describe'), room }),
  z.object({
    op: z.literal('update'),
    room,
    settings: z.object({
      maxParticipants: z.number().exactOptional(),
      emptyTimeoutMs: z.number().exactOptional(),
      meta: z.string().exactOptional(),
    }),
  }),
  z.object({ op: z.literal('end'), room }),
  z.object({ op: z.literal('participants'), room, after: text, limit: z.int().min(1) }),
  z.object({ op: z.literal('participant'), room, participant: z.string() }),
  z.object({
    op: z.literal('moderate'),
    room,
    participant: z.string(),
    what: z.object({
      op: z.enum(['kick', 'mute', 'permit']),
      track: text,
      perm: z.object({ canPublish: flag, canSubscribe: flag, canPublishData: flag }).optional(),
      reason: text,
    }),
  }),
  z.object({ op: z.literal('simulate'), room, participant: z.string(), what: simulation }),
  z.object({
    op: z.literal('send'),
    room,
    payload: z.string(),
    topic: text,
    to: z.array(z.string()).optional(),
  }),
]);

/** Whatever it is, the node that has the room has made it of its own values. */
const answer = z.custom<RoomAnswer>((value) => value === null || typeof value === 'object');

export function roomOwnerOf(signaling: SignalingServer, places: RoomPlaces): RoomOwner {
  const ask = places.offer({
    name: 'room.command',
    args: command,
    result: answer,
    run: (given) => {
      const said = signaling.execute(given);
      const isChanged = given.op === 'update' && said !== null && 'emptyTimeoutSeconds' in said;
      if (isChanged) places.describe(given.room, settingsOf(said));
      return said;
    },
  });
  return { execute: (given) => ask(given.room, given) };
}

function settingsOf(description: {
  maxParticipants: number;
  emptyTimeoutSeconds: number;
  meta: string;
}): object {
  const { maxParticipants, emptyTimeoutSeconds, meta } = description;
  return { maxParticipants, emptyTimeoutMs: emptyTimeoutSeconds * 1000, meta };
}
