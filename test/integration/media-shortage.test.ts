// Media workers that have as many participants as they take: who comes then is told so, by the real server.

import { WebSocket } from 'ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SIGNAL_PATH, SUBPROTOCOL } from '../../signaling/codes.ts';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call, problem } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { PUBLISH } from '../support/whip-offers.ts';
import { Client } from '../unit/signaling/harness.ts';

const WORKERS = 2;
const bearer = { authorization: `Bearer ${API_KEY.name}:${API_KEY.secret}` };

let sterna: Sterna;

beforeAll(async () => {
  sterna = await Sterna.start({
    config: {
      engine: 'linux',
      workers: WORKERS,
      sfu: { addresses: ['127.0.0.1'], port: 0, tcp: false },
      turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of thirty-two characters'] },
    },
    environment: { STERNA_SFU_MAX_TRANSPORTS: '1' },
  });
});

afterAll(() => sterna?.stop());

const publish = (room: string): Promise<Answer> =>
  call(
    sterna.port,
    'POST',
    `/v1/whip/${room}`,
    { ...bearer, 'content-type': 'application/sdp' },
    PUBLISH,
  );

async function join(room: string): ReturnType<Client['request']> {
  const ws = new WebSocket(`ws://127.0.0.1:${sterna.port}${SIGNAL_PATH}`, [SUBPROTOCOL]);
  const client = new Client(ws);
  await new Promise((resolve) => ws.once('open', resolve));
  const token = mintToken({
    key: API_KEY.name,
    secret: API_KEY.secret,
    identity: 'ann',
    ttlSeconds: 60,
    grants: { room, roomJoin: true },
  });
  const reply = await client.request({ type: 'join', token, offer: { id: 1, sdp: PUBLISH } });
  ws.close();
  return reply;
}

test('a worker that is full gives way to another one; then there is one clear refusal, until somebody goes', async () => {
  const first = await publish('first');
  // The room goes on where there is room.
  const second = await publish('first');
  expect([first.status, second.status]).toEqual([201, 201]);
  const ports = [first, second].map(
    ({ body }) => /^a=candidate:.* (\d+) typ host/m.exec(body)?.[1],
  );
  expect(new Set(ports).size).toBe(WORKERS);
  expect(problem(await publish('first'))).toMatchObject({
    status: 503,
    reason: 'MEDIA_UNAVAILABLE',
  });
  const third = await publish('third');
  expect(problem(third)).toMatchObject({ status: 503, reason: 'MEDIA_UNAVAILABLE' });
  expect(third.headers['retry-after']).toBe('5');
  expect(await join('third')).toMatchObject({ type: 'error', reason: 'MEDIA_UNAVAILABLE' });
  await call(sterna.port, 'DELETE', first.headers.location ?? '', bearer);
  expect(await join('third')).toMatchObject({ type: 'joined', answer: { id: 1 } });
});
