// What a server says of the media of a room, asked as an operator does.

import { z } from 'zod';
import { mintToken } from '../../../signaling/index.ts';
import { API_KEY, type Sterna } from './sterna.ts';

const stream = z.looseObject({
  ssrc: z.number(),
  codec: z.string(),
  selected: z.boolean(),
  packets: z.number(),
  bytes: z.number(),
  bitrateBps: z.number(),
  lost: z.number(),
  recovered: z.number(),
  frames: z.number(),
  keyFrames: z.number(),
});
const subscription = z.looseObject({
  mid: z.string(),
  track: z.string().nullable(),
  participant: z.string().nullable(),
  waits: z.string().nullable(),
  ssrc: z.number(),
  codec: z.string(),
  packets: z.number(),
  bytes: z.number(),
  bitrateBps: z.number(),
  lost: z.number(),
  resent: z.number(),
});
const participant = z.looseObject({
  participant: z.looseObject({ sid: z.string(), identity: z.string() }),
  transport: z
    .looseObject({
      state: z.string(),
      worker: z.number(),
      path: z.string().nullable(),
      remoteCandidate: z.string().nullable(),
      rttMs: z.number().nullable(),
      consentAgeMs: z.number().nullable(),
      dtlsCipher: z.string().nullable(),
      srtpProfile: z.string().nullable(),
      packetsIn: z.number(),
      bytesIn: z.number(),
      packetsOut: z.number(),
      bytesOut: z.number(),
    })
    .nullable(),
  tracks: z.array(
    z.looseObject({
      sid: z.string(),
      kind: z.string(),
      source: z.string(),
      muted: z.boolean(),
      streams: z.array(stream),
    }),
  ),
  subscriptions: z.array(subscription),
});
export type ParticipantAnswer = z.output<typeof participant>;

/** The HTTP answer, whatever it is. */
export async function askStats(
  { url }: Sterna,
  path: string,
): Promise<{ status: number; body: unknown }> {
  const { name: key, secret } = API_KEY;
  const grants = { roomAdmin: true };
  const token = mintToken({ key, secret, identity: 'operator', grants, ttlSeconds: 60 });
  const answer = await fetch(`${url}/v1/rooms/${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: answer.status, body: await answer.json() };
}

/** Of a participant of room `r`. */
export async function statsOf(sterna: Sterna, who: string): Promise<ParticipantAnswer> {
  const { body } = await askStats(sterna, `r/participants/${encodeURIComponent(who)}/stats`);
  return participant.parse(body);
}
