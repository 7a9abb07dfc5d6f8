// What draft-ietf-wish-whep-04 has beyond RFC 9725.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Answer as SdpText, AUDIO, VIDEO, changed, offerOf } from '../../support/sdp.ts';
import { PLAY, RESTART, TRICKLE } from '../../support/whip-offers.ts';
import { WhipServer } from '../../support/whip-server.ts';
import type { Posted } from '../../support/whip-server.ts';

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

const play = (sdp = PLAY): Promise<Posted> => server.open('/v1/whep/r', ann, sdp);

describe('playback', () => {
  test('HEAD tells a player what the endpoint takes', async () => {
    for (const method of ['HEAD', 'GET']) {
      const { status, headers, body } = await server.call(method, '/v1/whep/r');
      expect([status, headers['content-type'], body]).toEqual([200, 'application/sdp', '']);
    }
  });

  test('recvonly and sendrecv are answered sendonly, as one MediaStream', async () => {
    for (const sdp of [PLAY, offerOf([AUDIO, VIDEO])]) {
      const answer = new SdpText((await play(sdp)).body);
      expect([answer.direction('0'), answer.direction('1')]).toEqual(['sendonly', 'sendonly']);
      const [audio, video] = ['0', '1'].map((mid) => answer.values(mid, 'msid')[0]?.split(' ')[0]);
      expect(audio).toBe(video);
      expect(server.commands('sfu.open').at(-1)?.media.publications).toEqual([]);
    }
  });

  test('sendonly and inactive are refused', async () => {
    for (const direction of ['a=sendonly', 'a=inactive']) {
      const audio = changed(AUDIO, { 'a=sendrecv': direction });
      expect((await server.post('/v1/whep/r', ann, offerOf([audio]))).status).toBe(422);
    }
  });

  test('PATCH and DELETE are as in WHIP', async () => {
    const { location, etag } = await play();
    expect(location).toMatch(/^\/v1\/whep\/r\//);
    expect((await server.patch(location, ann, etag, TRICKLE)).status).toBe(204);
    expect((await server.patch(location, ann, '*', RESTART)).status).toBe(200);
    expect((await server.delete(location, ann)).status).toBe(200);
    expect(server.people()).toEqual([]);
  });
});
