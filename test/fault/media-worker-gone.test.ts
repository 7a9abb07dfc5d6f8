// One of two media workers dies: who comes to its room is told to come again and let in then; other rooms go on.

import { expect, it, onTestFinished } from 'vitest';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { held } from '../support/fault/held.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { killWorker } from '../support/fault/kill-worker.ts';
import { call, problem } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { PUBLISH } from '../support/whip-offers.ts';

it('its room says 503 with Retry-After until another worker listens', async () => {
  const sterna = await Sterna.start({
    config: {
      engine: 'linux',
      workers: 2,
      sfu: { addresses: ['127.0.0.1'], port: 0, tcp: false },
      turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of thirty-two characters'] },
    },
    nodeFlags: [...INSPECT],
  });
  onTestFinished(() => sterna.kill());
  const publish = (room: string): Promise<Answer> =>
    call(
      sterna.port,
      'POST',
      `/v1/whip/${room}`,
      {
        authorization: `Bearer ${API_KEY.name}:${API_KEY.secret}`,
        'content-type': 'application/sdp',
      },
      PUBLISH,
    );
  // In turn, since both workers are empty.
  const rooms = ['first', 'second'];
  for (const room of rooms) {
    // oxlint-disable-next-line eslint/no-await-in-loop -- one after the other is the point
    expect((await publish(room)).status).toBe(201);
  }
  const inspector = await Inspector.attach(sterna, 2);
  await killWorker(inspector, 'exit');
  const [exited] = await sterna.waitForEvents('media.exited');
  const dead = Number(exited?.['worker']);
  inspector.close();
  const refused: Answer[] = [];
  const [there, other, fresh] = await Promise.all([
    publish(rooms[dead]!),
    publish(rooms[1 - dead]!),
    publish('third'),
  ]);
  refused.push(there);
  expect([other.status, fresh.status]).toEqual([201, 201]);
  await expect
    .poll(
      async () => {
        const answer = await publish(rooms[dead]!);
        if (answer.status !== 201) refused.push(answer);
        return answer.status;
      },
      { timeout: 15_000 },
    )
    .toBe(201);
  for (const one of refused) {
    expect(problem(one)).toMatchObject({ status: 503, reason: 'MEDIA_UNAVAILABLE' });
    expect(one.headers['retry-after']).toBe('2');
  }
  held(`${refused.length} were refused`);
});
