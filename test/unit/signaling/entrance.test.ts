// Signaling where rooms are at several nodes: joins go where the router says, in their order with what follows; what is
// here is served while the router says so; and guests of other nodes are participants like others.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { refusal } from '../../../signaling/index.ts';
import type { Guest, JoinRequest, RoomRouter, Route, Wire } from '../../../signaling/index.ts';
import { Harness } from './harness.ts';

/** Says what it is told to say, and keeps what goes elsewhere. */
class Router implements RoomRouter {
  readonly node = 'here-1';
  readonly asked: JoinRequest[] = [];
  readonly passed: string[] = [];
  isServing = true;
  route: (request: JoinRequest) => Promise<Route> = (request) => {
    this.asked.push(request);
    return this.answer(request);
  };
  answer: (request: JoinRequest) => Promise<Route> = () => Promise.resolve('here');

  serves(): boolean {
    return this.isServing;
  }

  isHere(): boolean {
    return false;
  }

  /** A route to a node that keeps what it hears. */
  elsewhere(request: JoinRequest): Route {
    request.socket.send('{"type":"pong","t":1,"srvT":1}');
    request.onJoined();
    return {
      receive: (data, isBinary) => void this.passed.push(isBinary ? 'binary' : data.toString()),
      receiveControl: () => void this.passed.push('control'),
      closed: () => void this.passed.push('closed'),
    };
  }
}

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.stop();
  harness = undefined;
});

async function start(router: Router): Promise<Harness> {
  harness = await Harness.start({}, { router });
  return harness;
}

test('sessions are called after their node, and a resume goes to the node of the session', async () => {
  const router = new Router();
  const { joined, client } = await (await start(router)).join('ann');
  expect(joined.session.id).toMatch(/^SE_here-1\./);
  expect(router.asked[0]?.to).toEqual({ room: 'r' });
  client.ws.terminate();
  await harness!.resume(joined, joined.s);
  expect(router.asked[1]?.to).toEqual({ node: 'here-1' });
});

test('what follows a join waits for the way and goes it in its order', async () => {
  const router = new Router();
  let open: (() => void) | undefined;
  router.answer = (request) =>
    new Promise((resolve) => {
      open = () => resolve(router.elsewhere(request));
    });
  const { signaling } = await start(router);
  const client = await harness!.connect();
  client.send({ type: 'join', i: 1, token: harness!.token('ann') });
  client.send('first');
  client.ws.send(Buffer.from('x'), { binary: true });
  await sleep(20);
  expect([router.passed, signaling.stats().unauthenticated]).toEqual([[], 1]);
  open?.();
  await client.next('pong');
  client.send('last');
  client.ws.ping();
  await sleep(20);
  client.ws.close();
  await client.close();
  await sleep(20);
  expect(router.passed).toEqual(['first', 'binary', 'last', 'control', 'closed']);
  expect(signaling.stats()).toMatchObject({ sessions: 0, unauthenticated: 0, sockets: 0 });
});

test('who goes while its way is looked for leaves nothing behind', async () => {
  const router = new Router();
  let open: (() => void) | undefined;
  router.answer = (request) =>
    new Promise((resolve) => {
      open = () => resolve(router.elsewhere(request));
    });
  await start(router);
  const client = await harness!.connect();
  client.send({ type: 'join', i: 1, token: harness!.token('ann') });
  client.send('never');
  await sleep(20);
  client.ws.close();
  await client.close();
  await sleep(20);
  open?.();
  await sleep(20);
  expect(router.passed).toEqual(['closed']);
});

test('a flood before the way is known is cut off, and a way that cannot be found is told', async () => {
  const router = new Router();
  router.answer = () => new Promise(() => {});
  await start(router);
  const flood = await harness!.connect();
  flood.send({ type: 'join', i: 1, token: harness!.token('ann') });
  for (let i = 0; i < 100; i++) flood.send('x');
  expect((await flood.close()).reason).toBe('RATE_LIMITED');
  router.answer = () => Promise.resolve(refusal('ROUTE_LOST', 'lost', 500));
  const lost = await harness!.connect();
  lost.send({ type: 'join', i: 1, token: harness!.token('ann') });
  expect(await lost.reply(1)).toMatchObject({ type: 'error', reason: 'ROUTE_LOST', re: 1 });
  expect(await lost.next('bye')).toMatchObject({
    reason: 'ROUTE_LOST',
    action: 'resume',
    afterMs: 500,
  });
});

test('nobody is asked about a token that is wrong, or no token, or a session of a single node', async () => {
  const router = new Router();
  await start(router);
  for (const join of [
    { token: 'wrong' },
    {},
    { token: harness!.token('ann', { grants: { roomAdmin: true } }) },
    { session: { id: 'SE_plain', secret: 's', lastSeq: 0 } },
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const client = await harness!.connect();
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await client.request({ type: 'join', ...join })).type).toBe('error');
  }
  expect(router.asked).toEqual([]);
});

test('a node that may serve no more closes its sessions for a resume, and takes them up where it may again', async () => {
  const router = new Router();
  const { signaling } = await start(router);
  const { client, joined } = await harness!.join('ann');
  router.isServing = false;
  signaling.freeze(refusal('ROUTE_LOST', 'frozen', 1000));
  expect(await client.next('bye')).toMatchObject({ reason: 'ROUTE_LOST', action: 'resume' });
  // Joins wait, and what was decided before is decided anew.
  const routes = router.asked.length;
  const resumed = harness!.resume(joined, joined.s);
  await sleep(30);
  router.isServing = true;
  signaling.thaw();
  expect((await resumed).reply).toMatchObject({ type: 'joined', resumed: true, lost: false });
  expect(router.asked.length).toBeGreaterThan(routes + 1);
});

test('while nothing is served nobody is too late', async () => {
  const router = new Router();
  harness = await Harness.start({ resumeMs: 30, emptyRoomMs: 30 }, { router });
  const { joined } = await harness.join('ann');
  harness.signaling.freeze(refusal('ROUTE_LOST', 'frozen'));
  await sleep(100);
  expect(harness.signaling.stats()).toMatchObject({ sessions: 1, rooms: 1, away: 1 });
  harness.signaling.thaw();
  expect((await harness.resume(joined, joined.s)).reply.type).toBe('joined');
});

test('of several nodes one that drains lets people into its rooms, and makes no other', async () => {
  const router = new Router();
  const { signaling } = await start(router);
  await harness!.join('ann');
  signaling.admit(false);
  await harness!.join('bob');
  const client = await harness!.connect();
  const token = harness!.token('eve', { grants: { room: 'another', roomJoin: true } });
  expect(await client.request({ type: 'join', token })).toMatchObject({ reason: 'DRAINING' });
});

test('a guest joins, hears and is heard, and its session outlives its way', async () => {
  const router = new Router();
  const { signaling } = await start(router);
  const { client } = await harness!.join('ann');
  const frames: string[] = [];
  const wire: Wire = {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    send: (frame) => void frames.push(String(frame)),
    close: (code) => void frames.push(`closed ${code}`),
    terminate: () => {},
  };
  let joins = 0;
  const guest: Guest | null = signaling.receiveGuest(wire, 'host', () => joins++);
  const say = (message: object): void =>
    guest?.receive(Buffer.from(JSON.stringify(message)), false);
  say({ type: 'join', i: 1, token: harness!.token('bob') });
  expect([joins, JSON.parse(frames[0] ?? '')]).toEqual([1, expect.objectContaining({ re: 1 })]);
  say({ type: 'data', i: 2, payload: 'aGk=' });
  expect((await client.next('data')).payload).toBe('aGk=');
  expect(signaling.stats()).toMatchObject({ guests: 1, sockets: 1, sessions: 2 });
  guest?.closed();
  guest?.closed();
  expect(signaling.stats()).toMatchObject({ guests: 0, sessions: 2, away: 1 });
});
