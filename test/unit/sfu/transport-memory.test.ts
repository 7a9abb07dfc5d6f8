// Whole media transports that come and go leave nothing behind: sessions of ICE, associations of DTLS, contexts of
// SRTP, timers, connections. STERNA_TRANSPORT_CONNECTS sets how many; the long run is 10,000.

import { afterAll, expect, it } from 'vitest';
import { openssl } from '../../../shared/native/openssl.ts';
import { CERTIFICATE_B, contextOf } from '../../support/sfu/dtls-end.ts';
import { CoreNet } from '../../support/sfu/media-net.ts';
import { MediaPeer } from '../../support/sfu/media-peer.ts';
import { MediaWorld, PATIENT } from '../../support/sfu/media-world.ts';
import { nativeGrowth } from '../../support/native-heap.ts';
import { collect } from './heap.ts';
import { rtpHeader } from './srtp-fixture.ts';

const given = Number(process.env['STERNA_TRANSPORT_CONNECTS'] ?? '');
const CONNECTS = given > 0 ? given : 600;
/** Of V8, which takes from the same heap; a transport that is not freed has 100 KB. */
const NATIVE_NOISE_BYTES = 2 * 1024 * 1024;
const HEAP_NOISE_BYTES = 2 * 1024 * 1024;

const clients = contextOf(CERTIFICATE_B, PATIENT);
afterAll(() => clients.free());

const world = await MediaWorld.open(new CoreNet());

type Ending = (peer: MediaPeer) => Promise<void> | void;

/** Each is to leave what all the others leave: nothing. */
const ENDINGS: readonly Ending[] = [
  function closedByTheServer(peer) {
    peer.transport.close();
  },
  async function closedByThePeer(peer) {
    peer.dtls.transport.close();
    peer.flush();
    await peer.settle();
  },
  function gone() {
    world.net.pass(30_004);
    world.net.pass(30_004);
  },
  async function restartedAndMoved(peer) {
    peer.restart();
    await peer.move('tcp');
    peer.check({ nominate: true });
    await peer.settle();
    peer.transport.close();
  },
];

const PATHS = ['udp', 'tcp', 'relay'] as const;
const SETUPS = ['passive', 'active'] as const;

async function connect(index: number): Promise<void> {
  const peer = new MediaPeer(world, clients, { setup: SETUPS[index % SETUPS.length]! });
  await peer.connect(PATHS[index % PATHS.length]);
  peer.send(peer.protect(rtpHeader(index, index & 0xffff)));
  await peer.settle();
  const { heard, rtp } = peer.observer;
  if (heard.length !== 1 || rtp.length !== 1) throw new Error(`connect ${index}: ${heard.join()}`);
  await ENDINGS[(index >> 1) % ENDINGS.length]!(peer);
  if (peer.transport.state !== 'closed') throw new Error(`connect ${index} is not closed`);
  world.forget();
  world.net.engine.takeAll();
}

/** Some are refused, some never come: they have no end to hear of. */
async function leave(index: number): Promise<void> {
  const silent = await new MediaPeer(world, clients).open();
  const stranger = new MediaPeer(world, clients, { context: world.dtls });
  await stranger.connect();
  const checked = await new MediaPeer(world, clients).open('tcp');
  checked.check();
  await checked.settle();
  world.net.pass(30_004);
  world.net.pass(10);
  const heard = [silent, stranger, checked].map(({ observer }) => observer.heard.join());
  const expected = 'closed ice-timeout|closed fingerprint-mismatch|closed ice-timeout';
  if (heard.join('|') !== expected) throw new Error(`leave ${index}: ${heard.join('|')}`);
  world.forget();
}

async function turn(index: number): Promise<void> {
  await connect(index);
  if (index % 10 === 0) await leave(index);
}

it(
  `${CONNECTS} transports, ended in ${ENDINGS.length} ways, leave memory as it was`,
  { timeout: 1_200_000 },
  async () => {
    for (let index = 0; index < 150; index++) {
      await turn(index);
    }
    collect();
    const heapBefore = process.memoryUsage().heapUsed;
    const native = await nativeGrowth(CONNECTS, turn);
    collect();
    const heap = process.memoryUsage().heapUsed - heapBefore;
    const { transports, connecting, streams, ice } = world.server.stats();
    const left = { transports, connecting, streams, sessions: ice.sessions };
    const error = openssl().ERR_peek_error();
    const dtls = world.dtls.sessions;
    const told = { connects: CONNECTS, native, heap, dtls, ...left };
    process.stdout.write(`transports: ${JSON.stringify(told)}\n`);
    expect(left).toEqual({ transports: 0, connecting: 0, streams: 0, sessions: 0 });
    expect([dtls, error]).toEqual([0, 0]);
    // That of consent may be for a session that is gone.
    world.net.pass(30_004);
    expect(world.net.engine.timers.empty).toBe(true);
    expect(native).toBeLessThan(NATIVE_NOISE_BYTES);
    expect(heap).toBeLessThan(HEAP_NOISE_BYTES);
    await world.close();
  },
);
