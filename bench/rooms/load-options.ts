// What the rooms load is told, and what it prints: one argument of JSON in, one line of JSON out.
// Shared by the generator's process and by the bench that starts it.

import { z } from 'zod';
import { roomPlan } from './plan.ts';

const options = z.object({
  endpoint: z.discriminatedUnion('api', [
    z.object({ api: z.literal('sterna'), url: z.string(), key: z.string(), secret: z.string() }),
    z.object({ api: z.literal('janus'), url: z.string() }),
  ]),
  /** The server's process. */
  pid: z.number(),
  /** The address of this machine that media uses. */
  address: z.string(),
  plan: roomPlan,
  /** So many join the first room while it is measured, at that pace. */
  storm: z.object({ joins: z.number(), perSecond: z.number() }).optional(),
  warmMs: z.number(),
  measureMs: z.number(),
});

const pair = z.object({ p50: z.number(), p99: z.number() });

const result = z.object({
  participants: z.number(),
  seconds: z.number(),
  /** Of the time that is measured. */
  sent: z.number(),
  received: z.number(),
  lost: z.number(),
  wrong: z.number(),
  /** Video packets of each layer, from the lowest on. */
  layers: z.array(z.number()),
  /** Of those whom somebody should see or hear, how many nothing came of: pairs. */
  silent: z.number(),
  serverCpuNs: z.number(),
  ownCpuNs: z.number(),
  /** CPU time of everything else on the machine meanwhile, by the time: 1 = a core of it. */
  others: z.number(),
  /** From the publisher's send call to the subscriber's callback, microseconds. */
  forwardUs: pair,
  /** How far the publishers were behind their schedule at the worst, milliseconds. */
  behindMs: z.number(),
  /** Growth of the server's resident memory by the participants. */
  bytesPerParticipant: z.number(),
  /** Of those who joined in the storm, milliseconds from the request on. */
  storm: z
    .object({ answerMs: pair, packetMs: pair, keyFrameMs: pair, late: z.number() })
    .optional(),
});

export type LoadOptions = z.output<typeof options>;
export type LoadResult = z.output<typeof result>;

export function loadArguments(given: LoadOptions): string[] {
  return [JSON.stringify(given)];
}

export function parseLoadArguments([json = '']: string[]): LoadOptions {
  return options.parse(JSON.parse(json));
}

/** Throws Error when it is something else. */
export function readResult(line: string): LoadResult {
  return result.parse(JSON.parse(line));
}
