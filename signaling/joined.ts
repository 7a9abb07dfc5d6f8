// Builds the `joined` message; participants go in as the JSON that each of them keeps.
// Called by: join.ts.

import { SUBPROTOCOL } from './codes.ts';
import { LIMITS } from './protocol.ts';
import type { JoinedMessage, SdpAnswer, SessionLimits } from './protocol.ts';
import type { IceConfig, Service } from './service.ts';
import type { Session } from './session.ts';

/** What this server can do beyond joining; a client looks here before it uses any of it. */
const FEATURES = ['attrs', 'data', 'resume'];
/** And who has the grant. */
const SIMULATE = 'simulate';

export interface Joining {
  /** Id of the join request. */
  re: number;
  /** Newest push that the message covers. */
  seq: number;
  ice: IceConfig;
  resumed: boolean;
  lost: boolean;
  /** To an offer that came with the request. */
  answer?: SdpAnswer | undefined;
}

export function joinedFrame(service: Service, session: Session, joining: Joining): string {
  const { limits, version, node } = service;
  const room = session.room.info();
  const features = [room.mode, ...FEATURES, ...(session.maySimulate ? [SIMULATE] : [])];
  const head: Omit<JoinedMessage, 'participants' | 'self'> = {
    type: 'joined',
    re: joining.re,
    s: joining.seq,
    resumed: joining.resumed,
    lost: joining.lost,
    session: { id: session.id, secret: session.secret, ttlMs: limits.resumeMs },
    room,
    ice: joining.ice,
    ping: { everyMs: limits.pingEveryMs, timeoutMs: limits.pingTimeoutMs },
    limits: sessionLimits(service),
    server: { ver: version, node, proto: SUBPROTOCOL, features },
    ...(joining.answer === undefined ? {} : { answer: joining.answer }),
    ...(joining.lost ? mediaOf(session) : {}),
  };
  const { participant } = session;
  const others = session.room.othersJson(participant.sid).join(',');
  const open = JSON.stringify(head).slice(0, -1);
  return `${open},"self":${participant.json},"participants":[${others}]}`;
}

/** What the pushes that were lost have said. */
function mediaOf({ media }: Session): Pick<JoinedMessage, 'media'> {
  return media === null || media.transport === null ? {} : { media: media.recovery() };
}

function sessionLimits({ limits }: Service): SessionLimits {
  const { rates } = limits;
  return {
    ...LIMITS,
    ratePerSecond: rates.messagesPerSecond,
    rateBurst: rates.messagesBurst,
    rateBytesPerSecond: rates.bytesPerSecond,
    rateBytesBurst: rates.bytesBurst,
  };
}
