// RFC 9725 s4.7 and s5: who may do what, and how much of it.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SignalingLimits } from '../../signaling/index.ts';
import { problem } from '../support/http-call.ts';
import { PLAY, PUBLISH, TRICKLE } from '../support/whip-offers.ts';
import { KEY, WhipServer } from '../support/whip-server.ts';
import type { Posted } from '../support/whip-server.ts';

let server: WhipServer;
let ann: string;

beforeAll(async () => {
  server = await WhipServer.start();
});

beforeEach(() => {
  ann = server.token('ann');
  server.signaling.rooms.end('r');
});

afterAll(() => server.close());

const publish = (sdp = PUBLISH): Promise<Posted> => server.open('/v1/whip/r', ann, sdp);

async function withServer(
  limits: Partial<SignalingLimits>,
  run: (own: WhipServer) => Promise<void>,
): Promise<void> {
  const own = await WhipServer.start(limits);
  try {
    await run(own);
  } finally {
    await own.close();
  }
}

describe('authentication', () => {
  it('RFC 9725 s4.7.1: without a bearer 401, with a challenge', async () => {
    for (const authorization of [undefined, 'Basic YTpi', 'Bearer', ann]) {
      const refused = await server.call(
        'POST',
        '/v1/whip/r',
        {
          'content-type': 'application/sdp',
          ...(authorization === undefined ? {} : { authorization }),
        },
        PUBLISH,
      );
      expect(problem(refused)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
      expect(refused.headers['www-authenticate']).toBe('Bearer');
    }
    const garbage = await server.post('/v1/whip/r', 'garbage', PUBLISH);
    expect(problem(garbage).status).toBe(401);
    expect(garbage.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
  });

  it('RFC 9725 s4.7.1: a token counts for its own room and for what it grants', async () => {
    const mute = server.token('ann', { grants: { canPublish: false } });
    const deaf = server.token('ann', { grants: { canSubscribe: false } });
    const unseen = server.token('ann', { grants: { hidden: true } });
    for (const [path, bearer, sdp] of [
      ['/v1/whip/other', ann, PUBLISH],
      ['/v1/whip/r', mute, PUBLISH],
      ['/v1/whip/r', unseen, PUBLISH],
      ['/v1/whep/r', deaf, PLAY],
      ['/v1/whip/r?identity=bob', ann, PUBLISH],
    ] as const) {
      expect(problem(await server.post(path, bearer, sdp))).toMatchObject({
        status: 403,
        reason: 'NOT_ALLOWED',
      });
    }
    expect((await server.post('/v1/whep/r', mute, PLAY)).status).toBe(201);
    expect((await server.post('/v1/whip/r', deaf, PUBLISH)).status).toBe(201);
  });

  it('RFC 9725 s4.7.1: the secret of an API key is a bearer as well', async () => {
    const key = `${KEY.name}:${KEY.secret}`;
    await server.open('/v1/whip/r', key, PUBLISH);
    await server.open('/v1/whip/r?identity=camera%201&name=Hall', key, PUBLISH);
    expect(server.people()).toEqual([expect.stringMatching(/^whip-[\w-]{8}$/), 'camera 1']);
    expect((await server.post('/v1/whip/r', `${key}x`, PUBLISH)).status).toBe(401);
    expect((await server.post('/v1/whip/r?identity=%00', key, PUBLISH)).status).toBe(400);
    expect((await server.post('/v1/whip/r?identity=a&identity=b', key, PUBLISH)).status).toBe(400);
  });

  it('RFC 9725 s4.7.1: every request to a session carries the bearer that made it', async () => {
    const { location, etag } = await publish();
    const other = server.token('bob');
    expect((await server.call('DELETE', location)).status).toBe(401);
    expect((await server.delete(location, 'garbage')).status).toBe(401);
    expect((await server.delete(location, other)).status).toBe(403);
    expect((await server.patch(location, other, etag, TRICKLE)).status).toBe(403);
    expect((await server.call('GET', location, { authorization: `Bearer ${other}` })).status).toBe(
      403,
    );
    expect(server.people()).toEqual(['ann']);
  });

  it('RFC 9725 s4.7.1: a session outlives the exp of its token, and not its revocation', async () => {
    const { location } = await publish();
    server.aheadMs = 61_000;
    const refused = await server.post('/v1/whip/r', ann, PUBLISH);
    const deleted = await server.delete(location, ann);
    server.aheadMs = 0;
    expect(problem(refused)).toMatchObject({ status: 401, reason: 'TOKEN_EXPIRED' });
    expect(deleted.status).toBe(200);
    await publish();
    server.signaling.tokens.revoke(ann);
    await expect.poll(() => server.people()).toEqual([]);
  });
});

describe('security', () => {
  it('RFC 9725 s5: an address that sends too many requests is told to wait', async () => {
    await withServer({}, async (own) => {
      const statuses = new Set<number>();
      const headers = new Set<string | undefined>();
      for (let i = 0; i < 40 && !statuses.has(429); i++) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => own.delete('/v1/whip/r/none', 'garbage')),
        );
        for (const answer of answers) {
          statuses.add(answer.status);
          if (answer.status === 429) headers.add(answer.headers['retry-after']);
        }
      }
      expect([...statuses]).toEqual([404, 429]);
      expect([...headers]).toEqual(['1']);
      // Browsers send a preflight of their own before every request.
      const preflights = await Promise.all(
        Array.from({ length: 20 }, () => own.call('OPTIONS', '/v1/whip/r')),
      );
      expect(new Set(preflights.map(({ status }) => status))).toEqual(new Set([200]));
    });
  });

  it('RFC 9725 s5: locations cannot be guessed, and one of another room or protocol is none', async () => {
    const { location } = await publish();
    const id = location.split('/').at(-1)!;
    expect(id).not.toBe((await publish()).location.split('/').at(-1));
    expect(Buffer.from(id, 'base64url')).toHaveLength(16);
    const { location: current } = await publish();
    for (const other of [
      current.replace('/r/', '/s/'),
      current.replace('whip', 'whep'),
      `${current}x`,
      current.slice(0, -1),
    ]) {
      expect((await server.delete(other, ann)).status).toBe(404);
    }
  });

  it('RFC 9725 s5: sessions are bounded, in the server and in the room', async () => {
    await withServer({ maxSessions: 2, maxParticipantsPerRoom: 1 }, async (own) => {
      const post = (identity: string, room: string): Promise<number> =>
        own
          .post(`/v1/whip/${room}`, own.token(identity, { grants: { room } }), PUBLISH)
          .then(({ status }) => status);
      expect(await post('ann', 'r')).toBe(201);
      expect(await post('bob', 'r')).toBe(409);
      expect(await post('ann', 'r')).toBe(201);
      expect(await post('bob', 's')).toBe(201);
      expect(await post('eve', 't')).toBe(429);
      expect(await post('ann', 'r')).toBe(201);
    });
  });
});
