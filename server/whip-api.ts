// What the WHIP and WHEP routes of the gateway do: they ask signaling's endpoint, and its refusals become HTTP ones.
// Called by: server.ts, which hands it to the gateway.

import { GatewayProblem } from '../gateway/problem.ts';
import type { WhipApi } from '../gateway/routes/whip.ts';
import type { WhipEndpoint, WhipRefusal } from '../signaling/index.ts';

export function whipApiOf(endpoint: WhipEndpoint): WhipApi {
  return {
    waitMs: (address) => endpoint.waitMs(address),
    open: (offer) => granted(endpoint.open(offer)),
    find: (target) => {
      const session = granted(endpoint.find(target));
      return {
        patch: (ifMatch, fragment) => {
          const restart = endpoint.patch(session, ifMatch, fragment);
          return restart === null ? undefined : granted(restart);
        },
        close: () => session.end('LEFT'),
      };
    },
  };
}

/** @throws GatewayProblem */
function granted<Result extends object>(result: Result | WhipRefusal): Result {
  if (!isRefusal(result)) return result;
  const { status, reason, message, challenge, retryAfterMs } = result;
  const detail = message.endsWith('.') ? message : `${message}.`;
  throw new GatewayProblem(status, reason, detail, {
    ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
    ...(retryAfterMs === undefined
      ? {}
      : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
  });
}

function isRefusal(result: object): result is WhipRefusal {
  return 'reason' in result && 'status' in result;
}
