// Sessions of WHIP and WHEP as participants of rooms: what the others see, who takes whose place, what ends them, and
// which tracks a player is shown.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import { call, problem } from '../../support/http-call.ts';
import { AUDIO, VIDEO, changed, offerOf } from '../../support/sdp.ts';
import { PLAY, PUBLISH } from '../../support/whip-offers.ts';
import { KEY, WhipServer } from '../../support/whip-server.ts';
import { NO_APIS } from '../../support/no-apis.ts';

const API_KEY = `${KEY.name}:${KEY.secret}`;

let server: WhipServer;

beforeAll(async () => {
  server = await WhipServer.start({ peopleEveryMs: 1 });
});

beforeEach(() => {
  server.signaling.rooms.end('r');
});

afterAll(() => server.close());

/** Publishes over WHIP: the media worker's number by mid. */
async function publish(identity: string): Promise<Record<string, number>> {
  await server.open('/v1/whip/r', server.token(identity), PUBLISH);
  const { media } = server.commands('sfu.open').at(-1)!;
  return Object.fromEntries(media.publications.map(({ mid, publication }) => [mid, publication]));
}

describe('a publisher', () => {
  test('is seen with its tracks, and when it goes', async () => {
    const { client } = await server.join('bob');
    const token = server.token('ann', { name: 'Ann', metadata: 'm', attributes: { a: 'b' } });
    const { location } = await server.open('/v1/whip/r', token, PUBLISH);
    const { upd } = await client.people(({ upd: [ann] }) => ann?.identity === 'ann');
    expect(upd).toEqual([
      expect.objectContaining({ name: 'Ann', meta: 'm', attrs: { a: 'b' }, state: 'active' }),
    ]);
    const tracks = upd[0]!.tracks.map(({ kind, source, muted }) => `${kind} ${source} ${muted}`);
    expect(tracks).toEqual(['audio microphone false', 'video camera false']);
    await server.delete(location, token);
    const { gone } = await client.people((message) => message.gone.length > 0);
    expect(gone).toEqual([{ sid: upd[0]!.sid, reason: 'LEFT' }]);
    client.ws.terminate();
  });

  test('is there for who joins later', async () => {
    await server.open('/v1/whip/r?identity=cam&name=Hall', API_KEY, PUBLISH);
    const { client, joined } = await server.join('bob');
    const [{ identity, name, tracks } = {}] = joined.participants;
    expect([identity, name, tracks?.length]).toEqual(['cam', 'Hall', 2]);
    client.ws.terminate();
  });

  test('takes the place of its own identity, whichever way that came', async () => {
    const { takeovers } = server.signaling.stats();
    const { client } = await server.join('ann');
    const first = await server.open('/v1/whip/r', server.token('ann'), PUBLISH);
    expect((await client.close()).reason).toBe('DUPLICATE_IDENTITY');
    const second = await server.open('/v1/whip/r', server.token('ann'), PUBLISH);
    expect(second.location).not.toBe(first.location);
    expect(server.signaling.stats().takeovers).toBe(takeovers + 2);
    expect(server.people()).toEqual(['ann']);
    const { client: back } = await server.join('ann');
    expect(server.people()).toEqual(['ann']);
    expect(server.signaling.whip!.size).toBe(0);
    back.ws.terminate();
  });

  test('is put out like others, and its token is no good any more', async () => {
    const { client } = await server.join('admin', { grants: { roomAdmin: true } });
    const token = server.token('ann');
    const { location } = await server.open('/v1/whip/r', token, PUBLISH);
    const { upd } = await client.people(({ upd: [ann] }) => ann?.identity === 'ann');
    client.send({ type: 'mod', i: client.nextId(), op: 'kick', to: upd[0]!.sid });
    const { gone } = await client.people((message) => message.gone.length > 0);
    expect(gone).toEqual([{ sid: upd[0]!.sid, reason: 'KICKED' }]);
    expect((await server.delete(location, token)).status).toBe(404);
    expect((await server.post('/v1/whip/r', token, PUBLISH)).status).toBe(401);
    client.ws.terminate();
  });

  test('that loses its permission publishes no more', async () => {
    const { client } = await server.join('admin', { grants: { roomAdmin: true } });
    await server.open('/v1/whip/r', server.token('ann'), PUBLISH);
    const { upd } = await client.people(({ upd: [ann] }) => ann?.identity === 'ann');
    const perm = { canPublish: false };
    client.send({ type: 'mod', i: client.nextId(), op: 'permit', to: upd[0]!.sid, perm });
    await client.people(({ upd: [ann] }) => ann?.identity === 'ann' && ann.tracks.length === 0);
    expect(server.commands('sfu.change').at(-1)?.media.publications).toEqual([]);
    client.ws.terminate();
  });

  test('hears nothing and minds no message', async () => {
    const { client } = await server.join('bob');
    const { location, etag } = await server.open('/v1/whip/r', server.token('ann'), PUBLISH);
    await client.request({ type: 'data', payload: 'aGVsbG8=' });
    const [publication] = server.commands('sfu.open').at(-1)!.media.publications;
    const speakers = [{ publication: publication!.publication, level: 0.5, active: true }];
    const room = server.signaling.rooms.get('r')!.sid;
    server.tell({ type: 'sfu.speakers', room, speakers });
    await client.next('speakers');
    const patched = await server.patch(location, server.token('ann'), etag, '');
    expect(patched.status).toBe(403);
    client.ws.terminate();
  });
});

describe('what ends a session', () => {
  test('the end of its room', async () => {
    const token = server.token('ann');
    const { location } = await server.open('/v1/whip/r', token, PUBLISH);
    server.signaling.rooms.end('r');
    expect((await server.delete(location, token)).status).toBe(404);
    expect(server.signaling.whip!.size).toBe(0);
  });

  test('the end of its transport: it has left, or nobody knows', async () => {
    const { client } = await server.join('bob');
    for (const [reason, told] of [
      ['peer-closed', 'LEFT'],
      ['ice-timeout', 'TIMEOUT'],
      ['handshake-failed', 'TIMEOUT'],
    ] as const) {
      await server.open('/v1/whip/r', server.token('ann'), PUBLISH);
      const { id } = server.commands('sfu.open').at(-1)!;
      server.tell({ type: 'sfu.state', id, state: 'closed', path: '', reason });
      const { gone } = await client.people((message) => message.gone.length > 0);
      expect(gone.map((one) => one.reason)).toEqual([told]);
    }
    client.ws.terminate();
  });

  test('the death of its media worker', async () => {
    const token = server.token('ann');
    const { location } = await server.open('/v1/whip/r', token, PUBLISH);
    server.tell({ type: 'sfu.lost' });
    expect((await server.delete(location, token)).status).toBe(404);
    expect(server.people()).toEqual([]);
  });

  test('the end of the server', async () => {
    const own = await WhipServer.start();
    await own.open('/v1/whip/r', own.token('ann'), PUBLISH);
    await own.signaling.drain(1000);
    expect(own.signaling.whip!.size).toBe(0);
    expect(own.commands('sfu.close')).toHaveLength(1);
    await own.close();
  });
});

describe('a player', () => {
  test('is not announced, and viewers do not put one another out', async () => {
    const { client } = await server.join('bob');
    const token = server.token('viewer');
    await server.open('/v1/whep/r', token, PLAY);
    await server.open('/v1/whep/r', token, PLAY);
    await server.open('/v1/whep/r', API_KEY, PLAY);
    await server.open('/v1/whep/r?identity=wall', API_KEY, PLAY);
    expect(server.people()).toEqual([
      'bob',
      expect.stringMatching(/^viewer-[\w-]{8}$/),
      expect.stringMatching(/^viewer-[\w-]{8}$/),
      expect.stringMatching(/^whep-[\w-]{8}$/),
      expect.stringMatching(/^wall-[\w-]{8}$/),
    ]);
    await client.settle();
    const heard = client.heard.flatMap((message) => (message.type === 'people' ? message.upd : []));
    expect(heard.filter(({ identity }) => identity !== 'bob')).toEqual([]);
    client.ws.terminate();
  });

  test('is announced where its token says so, under its own identity', async () => {
    const { client } = await server.join('bob');
    const token = server.token('viewer', { grants: { hidden: false } });
    await server.open('/v1/whep/r', token, PLAY);
    const { upd } = await client.people(({ upd: [viewer] }) => viewer?.identity === 'viewer');
    expect(upd[0]?.tracks).toEqual([]);
    client.ws.terminate();
  });

  test('of an identity of 128 characters has one of at most 128', async () => {
    const token = server.token('🐦'.repeat(128));
    const { headers } = await server.open('/v1/whep/r', token, PLAY);
    expect(Array.from(server.people()[0]!).length).toBeLessThanOrEqual(128);
    // The harness makes it the user name of TURN, and a header field has no such characters.
    expect(headers.link).toBe(`<stun:${server.host}>; rel="ice-server"`);
  });

  test('shows who is there at once, and who comes later when it comes', async () => {
    const ann = await publish('ann');
    await server.open('/v1/whep/r', server.token('viewer'), PLAY);
    expect(server.slots()).toEqual(ann);
    server.signaling.rooms.end('r');
    await server.open('/v1/whep/r', server.token('viewer'), PLAY);
    expect(server.slots()).toEqual({ 0: 0, 1: 0 });
    const bob = await publish('bob');
    await expect.poll(() => server.slots()).toEqual(bob);
  });

  test('follows who speaks', async () => {
    const ann = await publish('ann');
    const bob = await publish('bob');
    await server.open('/v1/whep/r', server.token('viewer'), PLAY);
    const room = server.signaling.rooms.get('r')!.sid;
    for (const loudest of [bob, ann, bob]) {
      const speakers = [{ publication: loudest['0']!, level: 0.5, active: true }];
      server.tell({ type: 'sfu.speakers', room, speakers });
      await expect.poll(() => server.slots()).toEqual(loudest);
    }
  });

  test('of one participant waits for it, stays with it, and finds it again', async () => {
    await publish('bob');
    await server.open('/v1/whep/r?participant=ann', server.token('viewer'), PLAY);
    expect(server.slots()).toEqual({ 0: 0, 1: 0 });
    const ann = await publish('ann');
    await expect.poll(() => server.slots()).toEqual(ann);
    const bob = await publish('bob');
    const room = server.signaling.rooms.get('r')!.sid;
    const speakers = [{ publication: bob['0']!, level: 0.9, active: true }];
    server.tell({ type: 'sfu.speakers', room, speakers });
    const again = await publish('ann');
    await expect.poll(() => server.slots()).toEqual(again);
  });

  test('has its mids in the order of its own offer', async () => {
    const ann = await publish('ann');
    const [audio, video] = [
      changed(AUDIO, { 'a=sendrecv': 'a=recvonly', 'a=mid': 'a=mid:sound' }),
      changed(VIDEO, { 'a=sendrecv': 'a=recvonly', 'a=mid': 'a=mid:picture' }),
    ];
    await server.open('/v1/whep/r', server.token('viewer'), offerOf([video, audio]));
    expect(server.slots()).toEqual({ sound: ann['0'], picture: ann['1'] });
  });

  test('names a participant that there can be', async () => {
    const refused = await server.post('/v1/whep/r?participant=%00', server.token('v'), PLAY);
    expect(problem(refused)).toMatchObject({ status: 400, reason: 'BAD_MESSAGE' });
  });
});

test('sessions, restarts and refusals are counted', async () => {
  const own = await WhipServer.start();
  const token = own.token('ann');
  const { location } = await own.open('/v1/whip/r', token, PUBLISH);
  await own.open('/v1/whep/r', own.token('bob'), PLAY);
  const { location: other } = await own.open('/v1/whep/r', token, PLAY);
  const restart = 'a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n';
  await own.patch(location, token, '*', restart);
  await own.patch(location, token, undefined, restart);
  await own.delete(other, own.token('bob'));
  await own.delete(other, 'garbage');
  await own.delete(other, token);
  await own.delete(other, token);
  await own.post('/v1/whip/r', token, PLAY);
  expect(own.signaling.stats().whip).toEqual({
    sessions: { whip: 1, whep: 1 },
    opened: { whip: 1, whep: 2 },
    iceRestarts: 1,
    refusals: {
      400: 0,
      401: 1,
      403: 1,
      404: 1,
      409: 0,
      412: 0,
      413: 0,
      422: 1,
      428: 1,
      429: 0,
      503: 0,
    },
  });
  await own.close();
});

test('rooms have names of all kinds in the path', async () => {
  for (const name of ['a b/c?d', 'ß'.repeat(128), '🐦'.repeat(64), 'whip']) {
    const token = server.token('ann', { grants: { room: name } });
    const path = `/v1/whip/${encodeURIComponent(name)}`;
    const { location } = await server.open(path, token, PUBLISH);
    expect(server.people(name)).toEqual(['ann']);
    expect((await server.delete(location, token)).status).toBe(200);
  }
  expect((await server.post('/v1/whip/%', API_KEY, PUBLISH)).status).toBe(400);
  expect((await server.post(`/v1/whip/${'x'.repeat(129)}`, API_KEY, PUBLISH)).status).toBe(404);
  const long = await server.post(`/v1/whip/${'x'.repeat(5000)}`, API_KEY, PUBLISH);
  expect(problem(long).status).toBe(414);
});

test('without an SFU there are no such endpoints', async () => {
  const gateway = createGateway(NO_APIS);
  const port = await gateway.listen('127.0.0.1', 0);
  const headers = { 'content-type': 'application/sdp', authorization: `Bearer ${API_KEY}` };
  expect((await call(port, 'OPTIONS', '/v1/whip/r')).status).toBe(404);
  expect(problem(await call(port, 'POST', '/v1/whip/r', headers, PUBLISH)).status).toBe(404);
  await gateway.close();
});
