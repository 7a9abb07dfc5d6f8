// RFC 9725, the WebRTC-HTTP ingestion protocol, over real HTTP, with a media worker that only listens: requests and
// offers. ICE is in rfc9725-ice.test.ts, who may do what in rfc9725-security.test.ts.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { problem } from '../support/http-call.ts';
import { Answer as SdpText, AUDIO, VIDEO, changed, fixture, offerOf } from '../support/sdp.ts';
import { PLAY, PUBLISH, SENDS, TRICKLE } from '../support/whip-offers.ts';
import { WhipServer } from '../support/whip-server.ts';
import type { Posted } from '../support/whip-server.ts';

const GSTREAMER = fixture('gstreamer-publish');
const FRAGMENT = 'application/trickle-ice-sdpfrag';

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

describe('HTTP usage', () => {
  it('RFC 9725 s4.1: a GET succeeds without content, at the endpoint and at a session', async () => {
    const { location } = await publish();
    const endpoint = await server.call('GET', '/v1/whip/r');
    const session = await server.call('GET', location, { authorization: `Bearer ${ann}` });
    for (const { status, body } of [endpoint, session]) {
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(300);
      expect(body).toBe('');
    }
  });

  it('RFC 9725 s4.1: a refusal has problem details, which pages of other origins may read', async () => {
    const refused = await server.post('/v1/whip/r', ann, 'no SDP', {
      origin: 'https://example.com',
    });
    expect(problem(refused)).toMatchObject({ status: 400, reason: 'BAD_SDP' });
    expect(refused.headers['access-control-allow-origin']).toBe('*');
  });

  it('RFC 9725 s4.1: another method is refused with those that there are', async () => {
    const { location } = await publish();
    for (const [method, path] of [
      ['PUT', '/v1/whip/r'],
      ['DELETE', '/v1/whep/r'],
      ['PATCH', '/v1/whip/r'],
      ['POST', location],
    ] as const) {
      const refused = await server.call(method, path, { authorization: `Bearer ${ann}` });
      expect(problem(refused).status).toBe(405);
      expect(refused.headers.allow).toContain('OPTIONS');
    }
  });
});

describe('ingest session set up', () => {
  it('RFC 9725 s4.2: a POST of an offer is answered 201 with the answer, a Location and an ETag', async () => {
    const { status, headers, body, location, etag } = await publish(GSTREAMER);
    expect(status).toBe(201);
    expect(headers['content-type']).toBe('application/sdp');
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['accept-patch']).toBe(FRAGMENT);
    expect(location).toMatch(/^\/v1\/whip\/r\/[\w-]{22}$/);
    expect(etag).toMatch(/^"[\w-]+"$/);
    const answer = new SdpText(body);
    expect(answer.session[0]).toBe('v=0');
    expect(answer.sections).toHaveLength(2);
    expect(server.commands('sfu.open').at(-1)?.media.publications).toHaveLength(2);
  });

  it('RFC 9725 s4.2: another media type is refused, and so is a malformed offer', async () => {
    for (const type of ['application/json', 'text/plain', FRAGMENT, 'application/sdp-x', '']) {
      const refused = await server.post('/v1/whip/r', ann, PUBLISH, { 'content-type': type });
      expect(problem(refused).status).toBe(415);
    }
    for (const sdp of [
      '',
      'v=0',
      PUBLISH.slice(0, 40),
      '\u0000',
      PUBLISH.replaceAll('a=rtcp-mux', 'a=x'),
    ]) {
      expect(problem(await server.post('/v1/whip/r', ann, sdp)).status).toBe(400);
    }
    const accepted = await server.post('/v1/whip/r', ann, PUBLISH, {
      'content-type': 'Application/SDP; charset=utf-8',
    });
    expect(accepted.status).toBe(201);
  });

  it('RFC 8866 s5: an offer that is not UTF-8 is refused', async () => {
    const refused = await fetch(`http://${server.host}/v1/whip/r`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ann}`, 'content-type': 'application/sdp' },
      body: Buffer.from(PUBLISH.replace('s=-', 's=\u00e9'), 'latin1'),
    });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ detail: 'The body is not UTF-8.' });
  });

  it('RFC 9725 s4.2: a body above 64 KiB is refused before it is read as SDP', async () => {
    const refused = await server.post('/v1/whip/r', ann, `${PUBLISH}a=x:${'x'.repeat(65_536)}\r\n`);
    expect(problem(refused)).toMatchObject({ status: 413, reason: 'TOO_LARGE' });
  });

  it('RFC 9725 s4.2: sendonly and sendrecv are answered recvonly', async () => {
    for (const direction of ['a=sendonly', 'a=sendrecv', undefined]) {
      const sections = [AUDIO, VIDEO].map((lines) => changed(lines, { 'a=sendrecv': direction }));
      const answer = new SdpText((await publish(offerOf(sections))).body);
      expect([answer.direction('0'), answer.direction('1')]).toEqual(['recvonly', 'recvonly']);
    }
    expect(server.commands('sfu.open').at(-1)?.slots).toEqual([]);
  });

  it('RFC 3264 s6.1: codecs are answered in the order in which the client prefers them', async () => {
    const both = [...VIDEO.slice(1), 'a=rtpmap:98 VP9/90000', 'a=rtpmap:100 H264/90000'];
    const h264 = 'a=fmtp:100 packetization-mode=1;profile-level-id=42e01f';
    for (const formats of ['96 98 100', '98 100 96', '100 96 98']) {
      const video = [`m=video 9 UDP/TLS/RTP/SAVPF ${formats} 97`, ...both, h264];
      const { body } = await publish(offerOf([changed(video, SENDS)]));
      const [line = ''] = new SdpText(body).mLines();
      const answered = line.split(' ').slice(3);
      expect(answered.filter((format) => format !== '97').join(' ')).toBe(formats);
    }
  });

  it('RFC 9725 s4.2: inactive and recvonly are refused', async () => {
    for (const direction of ['a=inactive', 'a=recvonly']) {
      const video = changed(VIDEO, { 'a=sendrecv': direction });
      const refused = await server.post('/v1/whip/r', ann, offerOf([changed(AUDIO, SENDS), video]));
      expect(problem(refused)).toMatchObject({ status: 422, reason: 'UNPROCESSABLE' });
    }
    expect(server.people()).toEqual([]);
  });

  it('RFC 9725 s4.2: DELETE removes the session and frees the media', async () => {
    const { location } = await publish();
    const { id } = server.commands('sfu.open').at(-1)!;
    expect(server.people()).toEqual(['ann']);
    const deleted = await server.delete(location, ann);
    expect([deleted.status, deleted.body]).toEqual([200, '']);
    expect(server.people()).toEqual([]);
    expect(server.commands('sfu.close').at(-1)).toEqual({ type: 'sfu.close', id });
    for (const again of [
      await server.delete(location, ann),
      await server.patch(location, ann, '*', TRICKLE),
      await server.call('GET', location, { authorization: `Bearer ${ann}` }),
    ]) {
      expect(problem(again)).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
    }
  });

  it('RFC 9725 s4.2: a session ends with its consent and with its DTLS association', async () => {
    for (const reason of ['ice-timeout', 'peer-closed']) {
      const { location } = await publish();
      const { id } = server.commands('sfu.open').at(-1)!;
      server.tell({ type: 'sfu.state', id, state: 'disconnected', path: '', reason: '' });
      expect(server.people()).toEqual(['ann']);
      server.tell({ type: 'sfu.state', id, state: 'closed', path: '', reason });
      expect(server.people()).toEqual([]);
      expect((await server.delete(location, ann)).status).toBe(404);
    }
  });

  it('RFC 9725 s4.2: OPTIONS is answered for CORS, with Accept-Post', async () => {
    const { location } = await publish();
    for (const [path, method] of [
      ['/v1/whip/r', 'POST'],
      ['/v1/whep/r', 'POST'],
      [location, 'PATCH'],
      [location, 'DELETE'],
    ] as const) {
      const { status, headers } = await server.call('OPTIONS', path, {
        origin: 'https://example.com',
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type,if-match',
      });
      expect(status).toBe(200);
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(headers['access-control-allow-methods']).toContain(method);
      expect(headers['access-control-allow-headers']).toMatch(
        /Authorization.*Content-Type.*If-Match/,
      );
      expect(headers['accept-post']).toBe('application/sdp');
      // RFC 9725 s4.6: no credentials for a preflight.
      expect(headers.link).toBeUndefined();
    }
    const exposed = (await publish()).headers['access-control-expose-headers'];
    for (const name of ['Location', 'ETag', 'Link']) expect(exposed).toContain(name);
  });
});

describe('WebRTC constraints', () => {
  it('RFC 9725 s4.4.1: all sections are bundled, with rtcp-mux-only', async () => {
    const answer = new SdpText((await publish(GSTREAMER)).body);
    expect(answer.session).toContain('a=group:BUNDLE video0 audio1');
    for (const mid of ['video0', 'audio1']) {
      expect(answer.section(mid)).toContain('a=rtcp-mux');
      expect(answer.section(mid)).toContain('a=rtcp-mux-only');
    }
  });

  it('RFC 9725 s4.4.2: a second track of a kind is refused', async () => {
    const second = changed(VIDEO, {
      ...SENDS,
      'a=mid': 'a=mid:2',
      'm=video': 'm=video 9 UDP/TLS/RTP/SAVPF 98',
      'a=rtpmap:96': 'a=rtpmap:98 VP8/90000',
      'a=rtpmap:97': undefined,
      'a=fmtp:97': undefined,
    });
    const refused = await server.post('/v1/whip/r', ann, offerOf([changed(VIDEO, SENDS), second]));
    expect(problem(refused)).toMatchObject({ status: 422, reason: 'UNPROCESSABLE' });
    expect(problem(refused).detail).toContain('"2"');
  });

  it('RFC 9725 s4.4.3: a section that cannot be accepted refuses the whole offer', async () => {
    const foreign = changed(VIDEO, {
      ...SENDS,
      'm=video': 'm=video 9 UDP/TLS/RTP/SAVPF 98',
      'a=rtpmap:96': 'a=rtpmap:98 H263/90000',
      'a=rtpmap:97': undefined,
      'a=fmtp:97': undefined,
    });
    const partly = await server.post('/v1/whip/r', ann, offerOf([changed(AUDIO, SENDS), foreign]));
    expect(problem(partly)).toMatchObject({ status: 422, reason: 'UNPROCESSABLE' });
    const wholly = await server.post('/v1/whip/r', ann, offerOf([foreign]));
    expect(problem(wholly)).toMatchObject({ status: 422, reason: 'NO_COMMON_CODEC' });
    expect(server.people()).toEqual([]);
  });

  it('RFC 9725 s4.4.3: a section that the client itself has given up is answered with port zero', async () => {
    const video = changed(VIDEO, { ...SENDS, 'm=video': 'm=video 0 UDP/TLS/RTP/SAVPF 96 97' });
    const { body } = await publish(offerOf([changed(AUDIO, SENDS), video]));
    expect(new SdpText(body).mLines()[1]).toMatch(/^m=video 0 /);
  });

  it('RFC 9725 s4.4.3: a data channel is answered with port zero, and media goes', async () => {
    const data = [
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=mid:2',
    ];
    const { body } = await publish(offerOf([changed(AUDIO, SENDS), changed(VIDEO, SENDS), data]));
    expect(new SdpText(body).mLines()[2]).toMatch(/^m=application 0 /);
  });

  it('RFC 9725 s4.4.4: actpass and active are answered passive', async () => {
    for (const setup of ['actpass', 'active']) {
      const { body } = await publish(PUBLISH.replace('a=setup:actpass', `a=setup:${setup}`));
      expect(new SdpText(body).values('0', 'setup')).toEqual(['passive']);
    }
  });
});

it('RFC 9725 s4.5: while it cannot take a session on it says 503 and when to come again', async () => {
  for (const state of ['starting', 'draining'] as const) {
    server.state = state;
    const refused = await server.post('/v1/whip/r', ann, PUBLISH);
    server.state = 'ready';
    expect(problem(refused).status).toBe(503);
    expect(refused.headers['retry-after']).toBe('5');
  }
});

it('RFC 9725 s4.5: where no media worker has room it says 503 and when to come again, and nothing begins', async () => {
  for (const [shortage, seconds] of [
    ['full', '5'],
    ['down', '2'],
  ] as const) {
    for (const [path, offer] of [
      ['/v1/whip/full', PUBLISH],
      ['/v1/whep/full', PLAY],
    ] as const) {
      const before = server.signaling.whip!.stats();
      const token = server.token('ann', { grants: { room: 'full' } });
      server.shortage = shortage;
      const refused = await server.post(path, token, offer);
      server.shortage = null;
      expect(problem(refused)).toMatchObject({ status: 503, reason: 'MEDIA_UNAVAILABLE' });
      expect(refused.headers['retry-after']).toBe(seconds);
      expect(server.signaling.rooms.get('full')).toBeUndefined();
      const { sessions, refusals } = server.signaling.whip!.stats();
      expect(sessions).toEqual(before.sessions);
      expect(refusals['503']).toBe(before.refusals['503']! + 1);
    }
  }
});

it('RFC 9725 s4.6: STUN and TURN servers come as Link header fields of the answer', async () => {
  const { headers } = await publish();
  const turn = (transport: string): string =>
    `<turn:${server.host}?transport=${transport}>; rel="ice-server"; username="\\"ann\\\\"; credential="c"; ` +
    'credential-type="password"';
  const links = [`<stun:${server.host}>; rel="ice-server"`, turn('udp'), turn('tcp')];
  expect(headers.link).toBe(links.join(', '));
});

it('RFC 9725 s4.8: simulcast that is offered is answered', async () => {
  const offer = fixture('chromium-simulcast').replaceAll('a=sendrecv', 'a=sendonly');
  const { body } = await publish(offer);
  expect(body).toContain('a=simulcast:recv q;h;f');
});
