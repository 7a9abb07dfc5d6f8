// Every message of `sterna.v1`, once: a zod schema for what a client sends; what the server sends has types, in
// server-messages.ts. JSON text frames. `i` = request id (rises), `re` = the request answered, `s` = number of a
// push. The SDK imports types from here only, so that no zod reaches the browser.

import { z } from 'zod';

/** Bounds a client can count on; sent to it in `joined.limits`. Sizes are bytes of UTF-8. */
export const LIMITS = {
  /** One WebSocket message. */
  msgBytes: 65_536,
  /** The first message, before authentication. */
  joinBytes: 65_536,
  /** Metadata of a participant or a room. */
  metaBytes: 16_384,
  /** All attribute names and values of a participant. */
  attrsBytes: 16_384,
  attrsCount: 64,
  /** Payload of one `data` message, decoded. */
  dataBytes: 32_768,
  /** SDP of one description. */
  sdpBytes: 49_152,
  /** Tracks that one participant may publish. */
  tracks: 16,
  /** Receive slots of one participant, of each kind. */
  slots: 64,
  /** Messages a second that one session may send, and how many at once. */
  ratePerSecond: 50,
  rateBurst: 200,
  /** Bytes a second that one session may send, and how many at once. */
  rateBytesPerSecond: 262_144,
  rateBytesBurst: 1_048_576,
} as const;

/** The bounds as a server states them; its operator may have set other numbers than the defaults above. */
export type SessionLimits = { readonly [K in keyof typeof LIMITS]: number };

const requestId = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
const sid = z.string().min(1).max(64);
const attributeName = z.string().min(1).max(128);
/** `null` deletes. */
const attributePatch = z.record(attributeName, z.string().max(LIMITS.attrsBytes).nullable());
const metadata = z.string().max(LIMITS.metaBytes);

/** RFC 5888 s4: a token. */
const mid = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]{1,16}$/, 'expected a mid of 1 to 16 token characters');

/** What is published in a section of the offer. */
/** Of a track: as many as the SFU tells apart. */
const SIZES_MAX = 3;

export const trackOffer = z.object({
  mid,
  /** `other` with a `name` for what is none of these. */
  source: z.enum(['microphone', 'camera', 'screen', 'screen-audio', 'other']),
  name: z.string().max(128).optional(),
  muted: z.boolean().optional(),
  /** Of video: what it is to be sent with, where the section has it; the answer has that first. */
  codec: z.enum(['vp8', 'h264', 'vp9', 'av1']).optional(),
  /** Of one encoding: how many spatial layers it has, which are sizes to choose from. */
  layers: z.int().min(1).max(SIZES_MAX).optional(),
});
const tracks = z.array(trackOffer).max(LIMITS.tracks);

const offered = z.object({
  /** The client's number of this offer; comes back with the answer. */
  id: z.int().min(0),
  sdp: z.string().max(LIMITS.sdpBytes),
});

/** The most slots that the client is willing to have; the server asks for them with `need`. */
const want = z.object({
  audio: z.int().min(0).max(LIMITS.slots).optional(),
  video: z.int().min(0).max(LIMITS.slots).optional(),
});

export const joinMessage = z.object({
  type: z.literal('join'),
  i: requestId,
  /** JWT; may be left out only together with `session`. */
  token: z.string().min(1).max(8192).optional(),
  /** Resumes a session that lost its WebSocket: `joined` with `resumed: true`, then the missed pushes. */
  session: z
    .object({
      id: z.string().min(1).max(64),
      secret: z.string().min(1).max(128),
      /** The `s` of the last push that the client has seen. */
      lastSeq: z.int().min(0),
      /** It has kept nothing else: its page was loaded again. */
      anew: z.boolean().optional(),
    })
    .optional(),
  client: z
    .object({
      sdk: z.string().max(64),
      ver: z.string().max(64),
      ua: z.string().max(512).optional(),
    })
    .optional(),
  /** `p2p`: can exchange media with another participant in a room of mode `auto`. */
  caps: z.array(z.string().max(64)).max(64).optional(),
  attrs: attributePatch.optional(),
  meta: metadata.optional(),
  /** In a room of mode `sfu`: answered in `joined`. With `session` it is not allowed: an `offer` follows. */
  offer: offered.optional(),
  tracks: tracks.optional(),
  want: want.optional(),
});

/** A further offer, or the first one of who joined without: the reply is `answer`. */
export const offerMessage = z.object({
  type: z.literal('offer'),
  i: requestId,
  ...offered.shape,
  /** All that is published from now on. What is not named here is not published any more. */
  tracks,
  want: want.optional(),
  /** The client begins anew with another PeerConnection; the one before is over. */
  reset: z.boolean().optional(),
});

export const muteMessage = z.object({
  type: z.literal('mute'),
  i: requestId,
  track: sid,
  muted: z.boolean(),
});

/** Which tracks of others a participant wants in its slots; what is not named stays as it was. */
export const subscribeMessage = z.object({
  type: z.literal('subscribe'),
  i: requestId,
  tracks: z
    .array(
      z.object({
        track: sid,
        /** False: never, as long as it stays so. */
        on: z.boolean().optional(),
        /** True: before all that are not pinned. */
        pin: z.boolean().optional(),
        /** How large it is shown, in pixels of the screen: no larger encoding is sent; of 0 x 0 none is. */
        w: z.int().min(0).max(16_384).optional(),
        h: z.int().min(0).max(16_384).optional(),
        /** That encoding, from 0 for the lowest, whatever the network carries and however large; null: as it fits. */
        layer: z.int().min(0).max(2).nullable().optional(),
        /** The greater one is given more where the network does not carry all. */
        priority: z.int().min(0).max(9).optional(),
      }),
    )
    .min(1)
    .max(256),
});

/** What a participant with `roomAdmin` does to another one; takes effect on media at once. */
export const modMessage = z.object({
  type: z.literal('mod'),
  i: requestId,
  op: z.enum(['kick', 'mute', 'permit']),
  to: sid,
  /** With `mute`: that track, or all when left out. Nobody is unmuted by others. */
  track: sid.optional(),
  /** With `permit`: the permissions that change. */
  perm: z
    .object({
      canPublish: z.boolean().optional(),
      canSubscribe: z.boolean().optional(),
      canPublishData: z.boolean().optional(),
    })
    .optional(),
  reason: z.string().max(256).optional(),
});

/** Longest; nobody is left with a bad connection because somebody forgot about it. Milliseconds. */
export const SIMULATE_MS_MAX = 300_000;

/** One direction of a bad network; what is left out is as good as the real one. Strict, as grants are. */
const networkConditions = z.strictObject({
  /** Share of the packets. */
  loss: z.number().min(0).max(1).optional(),
  /** Mean number of packets that get lost together. */
  burst: z.number().min(1).max(100).optional(),
  delayMs: z.number().min(0).max(5000).optional(),
  /** Up to so much more delay; the order stays. */
  jitterMs: z.number().min(0).max(2000).optional(),
  rateBps: z.number().min(8000).max(1_000_000_000).optional(),
  /** What would wait longer for the rate is dropped. */
  queueMs: z.number().min(0).max(5000).optional(),
});

/** What goes wrong on purpose. */
export const simulation = z.object({
  /**
   * `signal-drop`: the WebSocket is cut. `node-drain`: `bye`, and the session waits, as when a node shuts down.
   * `full-reconnect`: the session is over. `ice-fail`: no media passes until ICE restarts. `ice-tcp`, `turn-only`: only
   * what comes and goes by TCP, or by a relay of this process, passes. `network`: `up` and `down`. `speaker`: it is
   * said to speak. `lift`: ends all that lasts.
   */
  op: z.enum([
    'signal-drop',
    'node-drain',
    'full-reconnect',
    'ice-fail',
    'ice-tcp',
    'turn-only',
    'network',
    'speaker',
    'lift',
  ]),
  /** How long it lasts; not with what happens at once. */
  ms: z.int().min(1).max(SIMULATE_MS_MAX).optional(),
  /** With `network`: from the client and to it. What is null or left out is as the real one. */
  up: networkConditions.nullish(),
  down: networkConditions.nullish(),
  /** With `network`: the same one loses the same packets. */
  seed: z.int().min(0).max(2_147_483_647).optional(),
});

/** For who has the grant `simulate`, about itself. */
export const simulateMessage = z.object({
  type: z.literal('simulate'),
  i: requestId,
  ...simulation.shape,
});

export const signalMessage = z.object({
  type: z.literal('signal'),
  i: requestId,
  to: sid,
  description: z
    .object({
      type: z.enum(['offer', 'answer', 'pranswer', 'rollback']),
      sdp: z.string().max(LIMITS.sdpBytes).optional(),
    })
    .optional(),
  /** `null` ends the candidates of this generation. */
  candidate: z
    .object({
      candidate: z.string().max(2048),
      sdpMid: z.string().max(64).nullish(),
      sdpMLineIndex: z.int().min(0).max(65_535).nullish(),
      usernameFragment: z.string().max(256).nullish(),
    })
    .nullish(),
  /** In a room of mode `auto`: the number of the connection that it is about, from `route`. */
  link: z.int().min(1).optional(),
  /** In a room of mode `auto`: which section of the sender's carries which track of its own. */
  tracks: z
    .array(z.object({ mid, track: sid }))
    .max(LIMITS.tracks)
    .optional(),
  /** In a room of mode `auto`: all tracks of the recipient that the sender shows from that connection. */
  shows: z.array(sid).max(LIMITS.tracks).optional(),
  /** In a room of mode `auto`: the sender gives that connection up. */
  over: z.boolean().optional(),
});

export const attrsMessage = z.object({
  type: z.literal('attrs'),
  i: requestId,
  attrs: attributePatch.optional(),
  meta: metadata.optional(),
});

export const dataMessage = z.object({
  type: z.literal('data'),
  i: requestId,
  /** Participants; the whole room but the sender when left out. */
  to: z.array(sid).min(1).max(256).optional(),
  topic: z.string().max(128).optional(),
  /** Base64. */
  payload: z.base64().max(Math.ceil(LIMITS.dataBytes / 3) * 4),
});

export const pingMessage = z.object({
  type: z.literal('ping'),
  /** The client's clock, milliseconds; comes back in `pong`. */
  t: z.number(),
  /** The client's last measured round trip, milliseconds. */
  rtt: z.number().min(0).optional(),
});

export const leaveMessage = z.object({
  type: z.literal('leave'),
  reason: z.string().max(256).optional(),
  /** It may come back within so many milliseconds, to resume; else it has left. */
  backMs: z.int().min(1).max(300_000).optional(),
});

export const clientMessage = z.discriminatedUnion('type', [
  joinMessage,
  offerMessage,
  muteMessage,
  subscribeMessage,
  modMessage,
  simulateMessage,
  signalMessage,
  attrsMessage,
  dataMessage,
  pingMessage,
  leaveMessage,
]);

export type JoinMessage = z.infer<typeof joinMessage>;
export type TrackOffer = z.infer<typeof trackOffer>;
export type TrackSource = TrackOffer['source'];
export type OfferMessage = z.infer<typeof offerMessage>;
export type MuteMessage = z.infer<typeof muteMessage>;
export type SubscribeMessage = z.infer<typeof subscribeMessage>;
export type ModMessage = z.infer<typeof modMessage>;
export type Simulation = z.infer<typeof simulation>;
export type SimulateMessage = z.infer<typeof simulateMessage>;
export type SignalMessage = z.infer<typeof signalMessage>;
export type AttrsMessage = z.infer<typeof attrsMessage>;
export type DataMessage = z.infer<typeof dataMessage>;
export type ClientMessage = z.infer<typeof clientMessage>;

export type * from './server-messages.ts';
