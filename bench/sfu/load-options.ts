// What the SFU load is told, and what it prints: one argument of JSON in, one line of JSON out.
// Shared by the generator's process and by the bench that starts it.

import { z } from 'zod';

const endpoint = z.discriminatedUnion('api', [
  /** WHIP and WHEP at Sterna's paths; with `secret`, the bearer is a token, without, it is the identity. */
  z.object({
    api: z.literal('whip'),
    url: z.string(),
    key: z.string(),
    secret: z.string(),
  }),
  /** Janus' own API over HTTP. */
  z.object({ api: z.literal('janus'), url: z.string() }),
  /** No server: each subscription is a connection of the publisher's. */
  z.object({ api: z.literal('straight') }),
]);

const shape = z.object({
  name: z.string(),
  publishers: z.number(),
  subscriptions: z.array(z.number()).readonly(),
  videoPerSecond: z.number(),
  audioPerSecond: z.number(),
});

const options = z.object({
  endpoint,
  /** The server's process; 0 where there is none. */
  pid: z.number(),
  /** The address of this machine that media uses. */
  address: z.string(),
  shape,
  warmMs: z.number(),
  measureMs: z.number(),
});

const result = z.object({
  /** Of the time that is measured: packets of all publishers, and what of them should have arrived and did. */
  sent: z.number(),
  expected: z.number(),
  received: z.number(),
  /** What came twice, or after a later one: counts as lost. */
  disordered: z.number(),
  /** Packets that nobody of ours made, or that went to the wrong subscriber; of the whole run. */
  wrong: z.number(),
  seconds: z.number(),
  serverCpuNs: z.number(),
  ownCpuNs: z.number(),
  /** CPU time of everything else on the machine meanwhile, by the time: 1 = a core of it. */
  others: z.number(),
  /** From the publisher's send call to the subscriber's callback, microseconds. */
  p50: z.number(),
  p99: z.number(),
  /** How far the publishers were behind their schedule at the worst, milliseconds. */
  behindMs: z.number(),
  /** Growth of the server's resident memory for each subscription. */
  bytesPerSubscription: z.number(),
  /** Of a subscription: from asking for it to its first packet, and to its first key frame; medians, milliseconds. */
  firstPacketMs: z.number(),
  firstKeyFrameMs: z.number(),
  /** Key frames that publishers were asked for. */
  keyFrames: z.number(),
});

export type Endpoint = z.output<typeof endpoint>;
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
