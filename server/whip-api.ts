// What the WHIP and WHEP routes of the gateway do: they ask signaling's endpoint, and its refusals become HTTP ones.
// Called by: server.ts, which hands it to the gateway.

import { z } from 'zod';
import { GatewayProblem } from '../gateway/problem.ts';
import type { WhipApi } from '../gateway/routes/whip.ts';
import type { WhipEndpoint, WhipRefusal } from '../signaling/index.ts';
import type { RoomPlaces } from './room-places.ts';

const text = z.string().optional();
const protocol = z.enum(['whip', 'whep']);
/** JSON leaves out what is undefined, and here it may be. */
const offer = z
  .object({
    protocol,
    room: z.string(),
    bearer: text,
    sdp: z.string(),
    identity: text,
    name: text,
    participant: text,
    host: z.string(),
  })
  .transform(({ bearer, identity, name, participant, ...rest }) => ({
    ...rest,
    bearer,
    identity,
    name,
    participant,
  }));
const answer = z.object({
  id: z.string(),
  sdp: z.string(),
  etag: z.string(),
  iceServers: z.array(
    z
      .object({ urls: z.array(z.string()), username: text, credential: text })
      .transform(({ urls, username, credential }) => ({
        urls,
        ...(username === undefined ? {} : { username }),
        ...(credential === undefined ? {} : { credential }),
      })),
  ),
});
const target = z
  .object({ protocol, room: z.string(), id: z.string(), bearer: text })
  .transform(({ bearer, ...rest }) => ({ ...rest, bearer }));
const restart = z.object({ fragment: z.string(), etag: z.string() });

/** A session is at the node that has its room, and so is what is asked of it. */
export function whipApiOf(endpoint: WhipEndpoint, places: RoomPlaces): WhipApi {
  const open = places.offer({
    name: 'whip.open',
    args: offer,
    result: answer,
    makes: true,
    run: (given) => ({ ...granted(endpoint.open(given)) }),
  });
  const find = places.offer({
    name: 'whip.find',
    args: target,
    result: z.null(),
    run: (given) => {
      granted(endpoint.find(given));
      return null;
    },
  });
  const patch = places.offer({
    name: 'whip.patch',
    args: z.object({ of: target, ifMatch: text, fragment: z.string() }),
    result: restart.nullable(),
    run: ({ of, ifMatch, fragment }) => {
      const restarted = endpoint.patch(granted(endpoint.find(of)), ifMatch, fragment);
      return restarted === null ? null : granted(restarted);
    },
  });
  const close = places.offer({
    name: 'whip.close',
    args: target,
    result: z.null(),
    run: (given) => {
      granted(endpoint.find(given)).end('LEFT');
      return null;
    },
  });
  return {
    waitMs: (address) => endpoint.waitMs(address),
    open: async (given) => {
      // Nobody makes nodes look for rooms who may not enter them.
      const wrong = endpoint.refuseBearer(given.bearer, given.room);
      if (wrong !== null) throw problemOf(wrong);
      return open(given.room, given);
    },
    find: async (given) => {
      await find(given.room, given);
      return {
        patch: async (ifMatch, fragment) =>
          (await patch(given.room, { of: given, ifMatch, fragment })) ?? undefined,
        close: async () => void (await close(given.room, given)),
      };
    },
  };
}

/** @throws GatewayProblem */
function granted<Result extends object>(result: Result | WhipRefusal): Result {
  if (isRefusal(result)) throw problemOf(result);
  return result;
}

function problemOf(refusal: WhipRefusal): GatewayProblem {
  const { status, reason, message, challenge, retryAfterMs } = refusal;
  const detail = message.endsWith('.') ? message : `${message}.`;
  return new GatewayProblem(status, reason, detail, {
    ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
    ...(retryAfterMs === undefined
      ? {}
      : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
  });
}

function isRefusal(result: object): result is WhipRefusal {
  return 'reason' in result && 'status' in result;
}
