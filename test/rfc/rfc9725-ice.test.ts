// RFC 9725 s4.3: PATCH on a session, for trickle ICE and ICE restarts.

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { problem } from '../support/http-call.ts';
import { Answer as SdpText, fixture } from '../support/sdp.ts';
import { PUBLISH, RESTART, RESTARTED, TRICKLE } from '../support/whip-offers.ts';
import { WhipServer } from '../support/whip-server.ts';
import type { Posted } from '../support/whip-server.ts';

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

it('RFC 9725 s4.3.1: another media type and a malformed fragment are refused', async () => {
  const { location, etag } = await publish();
  const headers = { authorization: `Bearer ${ann}`, 'if-match': etag };
  for (const type of ['application/sdp', 'text/plain', '']) {
    const refused = await server.call(
      'PATCH',
      location,
      { ...headers, 'content-type': type },
      TRICKLE,
    );
    expect(problem(refused).status).toBe(415);
  }
  for (const fragment of [
    'garbage',
    'a=ice-ufrag:abcd\r\n',
    `${TRICKLE}a=ice-pwd:short\r\nx\r\n`,
  ]) {
    expect(problem(await server.patch(location, ann, etag, fragment)).status).toBe(400);
  }
  const large = `${TRICKLE}a=x:${'x'.repeat(20_000)}\r\n`;
  expect(problem(await server.patch(location, ann, etag, large)).status).toBe(413);
});

it('RFC 9725 s4.3.1: without an entity-tag 428, with that of another ICE session 412', async () => {
  const { location, etag } = await publish();
  expect(problem(await server.patch(location, ann, undefined, TRICKLE))).toMatchObject({
    status: 428,
    reason: 'PRECONDITION_REQUIRED',
  });
  for (const other of ['"other"', `W/${etag}`]) {
    expect(problem(await server.patch(location, ann, other, TRICKLE))).toMatchObject({
      status: 412,
      reason: 'PRECONDITION_FAILED',
    });
  }
});

it('RFC 9725 s4.3.1: DELETE goes without an entity-tag, and with whatever one', async () => {
  const { location } = await publish();
  const headers = { authorization: `Bearer ${ann}`, 'if-match': '"other"' };
  expect((await server.call('DELETE', location, headers)).status).toBe(200);
});

it('RFC 9725 s4.3.2: the answer has all candidates of the server and says so', async () => {
  const answer = new SdpText((await publish()).body);
  expect(answer.session).toContain('a=ice-lite');
  expect(answer.values('0', 'candidate')).toHaveLength(2);
  expect(answer.section('0')).toContain('a=end-of-candidates');
});

it('RFC 9725 s4.3.2: candidates are taken with 204 and no ETag, those of no use as well', async () => {
  const { location, etag } = await publish();
  for (const fragment of [
    TRICKLE,
    TRICKLE.replaceAll(/a=ice-.*\r\n/g, ''),
    'a=end-of-candidates\r\n',
  ]) {
    const taken = await server.patch(location, ann, etag, fragment);
    expect([taken.status, taken.body, taken.headers.etag]).toEqual([204, '', undefined]);
  }
  expect(server.commands('sfu.change')).toEqual([]);
});

it('RFC 9725 s4.3.2: the fragment of a real client is taken', async () => {
  const { location, etag } = await publish(fixture('whip-client'));
  const taken = await server.patch(location, ann, etag, fixture('whip-client.sdpfrag'));
  expect(taken.status).toBe(204);
});

it('RFC 9725 s4.3.3: new credentials restart ICE: 200, ours in a fragment, a new ETag', async () => {
  for (const asterisk of ['*', '"*"']) {
    const { location, etag, body } = await publish();
    const { id, ice: before } = server.commands('sfu.open').at(-1)!;
    const restarted = await server.patch(location, ann, asterisk, RESTART);
    expect(restarted.status).toBe(200);
    expect(restarted.headers['content-type']).toBe(FRAGMENT);
    expect(restarted.headers.etag).toMatch(/^"[\w-]+"$/);
    expect(restarted.headers.etag).not.toBe(etag);
    const change = server.commands('sfu.change').at(-1)!;
    expect(change.id).toBe(id);
    expect(change.ice?.remote).toEqual(RESTARTED);
    const { ufrag, password } = change.ice!.local;
    expect(ufrag).not.toBe(before.local.ufrag);
    expect(password).not.toBe(before.local.password);
    const fragment = restarted.body.split('\r\n');
    expect(fragment).toContain(`a=ice-ufrag:${ufrag}`);
    expect(fragment).toContain(`a=ice-pwd:${password}`);
    expect(fragment).toContain('a=mid:0');
    expect(restarted.body.match(/^a=candidate:.*$/gm)).toEqual(body.match(/^a=candidate:.*$/gm));
    // s4.3.3: as in the answer.
    for (const name of ['ice-lite', 'ice-options']) {
      const line = new RegExp(`^a=${name}.*$`, 'm');
      expect(line.exec(restarted.body)?.[0]).toBe(line.exec(body)?.[0]);
    }
  }
});

it('RFC 9725 s4.3.3: a restart that names the ICE session goes as well', async () => {
  const { location, etag } = await publish(fixture('gstreamer-publish'));
  const restarted = await server.patch(location, ann, etag, RESTART);
  expect(restarted.status).toBe(200);
  expect(restarted.body).toContain('a=ice-options:ice2 trickle\r\n');
});

it('RFC 9725 s4.3.3: the ETag of before is out of date, and the new one counts', async () => {
  const { location, etag } = await publish();
  const { headers } = await server.patch(location, ann, '*', RESTART);
  expect((await server.patch(location, ann, etag, TRICKLE)).status).toBe(412);
  // Its own credentials again: candidates of the new ICE session.
  const taken = await server.patch(location, ann, headers.etag, RESTART);
  expect(taken.status).toBe(204);
  expect(server.people()).toEqual(['ann']);
});

it('RFC 9725 s4.3.3: a restart that is refused leaves the ICE session as it is', async () => {
  const { location, etag } = await publish();
  const changes = server.commands('sfu.change').length;
  expect((await server.patch(location, ann, '"other"', RESTART)).status).toBe(412);
  expect((await server.patch(location, ann, '*', 'a=ice-ufrag:ab\r\na=ice-pwd:c\r\n')).status).toBe(
    400,
  );
  expect(server.commands('sfu.change')).toHaveLength(changes);
  expect((await server.patch(location, ann, etag, TRICKLE)).status).toBe(204);
});
