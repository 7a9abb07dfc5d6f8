// A media worker dies: its rooms go on in another one; where there is none, who comes is told to come again, and let in
// then.

import { expect, it, onTestFinished } from 'vitest';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { held } from '../support/fault/held.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { killWorker } from '../support/fault/kill-worker.ts';
import { call, problem } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { PUBLISH } from '../support/whip-offers.ts';

async function start(workers: number): Promise<Sterna> {
  const sterna = await Sterna.start({
    config: {
      engine: 'linux',
      workers,
      sfu: { addresses: ['127.0.0.1'], port: 0, tcp: false },
      turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of thirty-two characters'] },
    },
    nodeFlags: [...INSPECT],
  });
  onTestFinished(() => sterna.kill());
  return sterna;
}

const publish = (sterna: Sterna, room: string): Promise<Answer> =>
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

/** Ends one of so many; returns which. */
async function end(sterna: Sterna, workers: number): Promise<number> {
  const inspector = await Inspector.attach(sterna, workers);
  await killWorker(inspector, 'exit');
  const [exited] = await sterna.waitForEvents('media.exited');
  inspector.close();
  return Number(exited?.['worker']);
}

it('one of two: nobody is refused', async () => {
  const sterna = await start(2);
  // In turn, since both workers are empty.
  const rooms = ['first', 'second'];
  for (const room of rooms) {
    // oxlint-disable-next-line eslint/no-await-in-loop -- one after the other is the point
    expect((await publish(sterna, room)).status).toBe(201);
  }
  const dead = await end(sterna, 2);
  const answers = await Promise.all(
    [rooms[dead]!, rooms[1 - dead]!, 'third'].map((room) => publish(sterna, room)),
  );
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
});

it('the only one: 503 with Retry-After until it listens again', async () => {
  const sterna = await start(1);
  expect((await publish(sterna, 'first')).status).toBe(201);
  await end(sterna, 1);
  const refused = [await publish(sterna, 'first')];
  await expect
    .poll(
      async () => {
        const answer = await publish(sterna, 'first');
        if (answer.status !== 201) refused.push(answer);
        return answer.status;
      },
      { timeout: 15_000 },
    )
    .toBe(201);
  for (const one of refused) {
    expect(problem(one)).toMatchObject({ status: 503 });
    expect(Number(one.headers['retry-after'])).toBeGreaterThan(0);
  }
  held(`${refused.length} were refused`);
});
